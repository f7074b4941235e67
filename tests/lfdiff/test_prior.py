import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.layers import INITIAL_SLOPE
from hdrfuse.lfdiff.prior import LPENet, LPENetDM

SMALL = replace(PRESETS["fast"], prior_stride=4, prior_width=16, condition_width=8)


def test_the_prior_of_a_truth_has_a_quarter_of_its_size_and_stays_within_one():
    prior = LPENet(SMALL)(torch.rand(2, 3, 16, 24) * 10)
    assert prior.shape == (2, 3, 4, 6)
    assert prior.abs().max() <= 1


def test_the_true_prior_sees_the_radiance_and_its_tonemapped_form():
    net = LPENet(SMALL).eval()
    radiance = torch.rand(1, 3, 8, 8)
    both = torch.cat([radiance, torch.log(1 + 5000 * radiance) / math.log(5001)], 1)
    unshuffled = torch.stack([both[:, c, i::4, j::4] for c in range(6) for i in range(4) for j in range(4)], dim=1)
    torch.testing.assert_close(net(radiance), net.encoder(unshuffled))


def test_the_condition_comes_from_the_three_frames_alone():
    net = LPENetDM(SMALL).eval()
    frames = torch.rand(1, 3, 6, 8, 12)
    unshuffled = torch.stack([frames[:, :, c, i::4, j::4] for c in range(6) for i in range(4) for j in range(4)], dim=2)
    condition = net(frames)
    assert condition.shape == (1, 3, 2, 3)
    torch.testing.assert_close(condition, net.encoder(net.alignment(unshuffled)))


@pytest.mark.parametrize("encoder", [LPENet, LPENetDM])
def test_learned_slopes_keep_every_channel_of_an_encoder_learning(encoder):
    net = encoder(SMALL)
    slopes = {name: value for name, value in net.named_parameters() if value.ndim == 1 and "bias" not in name}
    assert list(slopes) == ["encoder.1.weight", *(f"encoder.2.{n}.body.1.weight" for n in range(2))]
    assert all((value == INITIAL_SLOPE).all() for value in slopes.values())
    torch.nn.init.constant_(net.encoder[0].bias, -100.0)  # nothing is above zero
    net(torch.rand(1, 3, 16, 16) if encoder is LPENet else torch.rand(1, 3, 6, 16, 16)).square().sum().backward()
    assert net.encoder[0].weight.grad.abs().amax((1, 2, 3)).all()


@pytest.mark.parametrize("encoder", [LPENet, LPENetDM])
def test_an_encoder_has_no_slopes_where_none_are_asked_for(encoder):
    net = encoder(replace(SMALL, learned_slopes=False))
    assert not [module for module in net.modules() if isinstance(module, torch.nn.PReLU)]


def test_a_prior_does_not_saturate_when_its_encoder_grows():
    net = LPENet(SMALL)
    with torch.no_grad():
        net.encoder[3].weight.mul_(1000)
        for _ in range(200):
            net(torch.rand(2, 3, 32, 32))
    assert (net(torch.rand(2, 3, 32, 32)).abs() > 0.99).float().mean() < 0.1


def test_the_true_prior_starts_as_the_tonemapped_truth_at_a_quarter_of_its_size():
    torch.manual_seed(0)
    net = LPENet(replace(PRESETS["fast"], prior_stride=4))
    smooth = F.interpolate(torch.rand(8, 3, 6, 6) ** 6, size=(64, 64), mode="bilinear")
    with torch.no_grad():
        for _ in range(100):
            net(smooth)
        prior = net.eval()(smooth)
    small = F.avg_pool2d(torch.log(1 + 5000 * smooth) / math.log(5001), 4)
    for channel in range(3):
        pair = torch.stack([prior[:, channel].flatten(), small[:, channel].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.6

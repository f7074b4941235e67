import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.reconstruction import (
    DHRNet,
    FeatureRefinementModule,
    PriorAttention,
    PriorIntegrationModule,
)
from hdrfuse.lfdiff.signals import mu_law, network_inputs

SMALL = LFDiffConfig(
    alignment_channels=8,
    channels=16,
    heads=2,
    feed_forward_expansion=2.0,
    frms_per_block=(1, 2),
    lead_residuals=1,
    high_residuals=1,
    trailing_residuals=1,
)


def frames(height, width):
    return network_inputs(torch.rand(1, 3, 3, height, width), torch.tensor([[1.0, 4.0, 16.0]]))


@pytest.mark.parametrize("size", [(4, 4), (5, 3)])
def test_prior_attention_gives_each_channel_a_convex_mix_of_the_priors_values(size):
    module = PriorAttention(6, 3)
    torch.nn.init.constant_(module.temperature, 0.7)
    features, prior = torch.randn(1, 6, *size), torch.randn(1, 3, *size)
    q = module.to_q(features)[0].flatten(1)
    k, v = module.to_kv(prior)[0].flatten(1).split(3)
    rows = []
    for channel in q:
        scores = torch.stack([torch.dot(channel, row) / (channel.norm() * row.norm()) for row in k])
        weights = torch.softmax(scores / 0.7, 0)
        rows.append(sum(w * row for w, row in zip(weights, v, strict=True)))
    expected = features + module.to_out(torch.stack(rows).reshape(1, 6, *size))
    torch.testing.assert_close(module(features, prior), expected, atol=1e-5, rtol=1e-4)


def untrained_mixture(seed, temperature=None):
    """A of eq. 9 before training, (40, 3): features and prior of one smooth picture."""
    torch.manual_seed(seed)
    module = PriorAttention(40, 3)
    if temperature is not None:
        torch.nn.init.constant_(module.temperature, temperature)
    picture = F.interpolate(torch.rand(1, 3, 4, 4), size=(16, 16), mode="bilinear")
    q = module.to_q(F.conv2d(picture, torch.randn(40, 3, 1, 1) / 3**0.5)).flatten(2)
    k, _ = module.to_kv(2 * picture - 1).flatten(2).split(3, 1)
    return module.mixture(q, k)[0].detach()


def test_the_priors_colour_passes_from_the_start():
    # the mean of the three passes by the first singular value, their differences by the others
    values = torch.stack([torch.linalg.svdvals(untrained_mixture(seed)) for seed in range(8)]).mean(0)
    assert values[1] > 0.5 * values[0]
    assert values[2] > 0.3 * values[0]


@pytest.mark.parametrize("temperature", [0.0, -0.005, 1e-6])
def test_a_temperature_that_learns_to_vanish_leaves_a_mixture(temperature):
    mixture = untrained_mixture(0, temperature)
    torch.testing.assert_close(mixture.sum(1), torch.ones(40))
    assert torch.equal(mixture.argmax(1), untrained_mixture(0).argmax(1))


@pytest.mark.parametrize("low_residuals", [0, 2])
@pytest.mark.parametrize("size", [(8, 8), (9, 7)])
def test_an_frm_refines_low_and_high_frequencies_apart(size, low_residuals):
    module = FeatureRefinementModule(replace(SMALL, low_residuals=low_residuals), pool=2)
    x = torch.randn(1, 16, *size)
    features = module.lead(x)
    low = F.avg_pool2d(F.pad(features, (0, size[1] % 2, 0, size[0] % 2), mode="replicate"), 2)
    upsampled = F.interpolate(low, size=size, mode="bilinear")
    high = module.high(features - upsampled)
    merged = module.merge(torch.cat([high, F.interpolate(module.low(low), size=size, mode="bilinear")], 1))
    expected = x + module.trailing(module.channel_attention(merged))
    torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-4)


def test_widths_and_slopes_reach_every_block_that_they_are_meant_for():
    config = replace(SMALL, lead_width=5, low_residuals=1, learned_slopes=True, gate_expansion=1)
    module = PriorIntegrationModule(config)
    lead, high, trailing, low = (
        branch[0].body for branch in (module.lead, module.high, module.trailing, module.low.refine)
    )
    assert [body[0].out_channels for body in (lead, high, trailing, low)] == [5, 16, 16, 16]
    assert [body[1].num_parameters for body in (lead, high, trailing, low)] == [5, 16, 16, 16]
    assert DHRNet(config).alignment.attend_long.gate[0].out_channels == 8


@pytest.mark.parametrize("low_residuals", [0, 1])
def test_a_pim_pools_to_the_priors_size_and_listens_to_it(low_residuals):
    module = PriorIntegrationModule(replace(SMALL, low_residuals=low_residuals))
    x = torch.randn(1, 16, 12, 8)
    one, other = module(x, torch.randn(1, 3, 3, 2)), module(x, torch.randn(1, 3, 3, 2))
    assert one.shape == x.shape
    assert (one - other).abs().max() > 1e-4


def test_the_residual_head_starts_at_the_reference():
    config = replace(SMALL, unshuffle=2, head="residual")
    x = frames(16, 24)
    output = DHRNet(config)(x, torch.rand(1, 3, 4, 6))
    torch.testing.assert_close(output, mu_law(x[:, 1, 3:]))


def test_the_blend_head_mixes_the_tonemapped_frames_by_softmax_weights_of_each_pixel_and_channel():
    net, x = DHRNet(replace(SMALL, head="blend")), frames(4, 8)
    output = torch.randn(1, 12, 4, 8)
    scores = output[:, 3:].reshape(1, 3, 3, 4, 8) + torch.tensor([0.0, 3.0, 0.0])[:, None, None, None]
    weights = scores.exp() / scores.exp().sum(1, keepdim=True)
    tonemapped = torch.log(1 + 5000 * x[:, :, 3:]) / math.log(5001)
    torch.testing.assert_close(net.blend(x, output), (weights * tonemapped).sum(1) + output[:, :3])


def test_the_sigmoid_head_stays_within_black_and_white():
    output = DHRNet(SMALL)(frames(8, 12) * 50, torch.rand(1, 3, 2, 3))
    assert output.shape == (1, 3, 8, 12)
    assert ((output >= 0) & (output <= 1)).all()


def test_without_a_prior_every_pim_is_an_frm():
    net = DHRNet(replace(SMALL, prior="none"))
    assert not any(isinstance(module, PriorIntegrationModule) for module in net.modules())
    assert net(frames(8, 8), None).shape == (1, 3, 8, 8)

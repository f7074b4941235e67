import math
from dataclasses import replace

import pytest
import torch

from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff, draw_noise, pad_to_multiple
from hdrfuse.lfdiff.signals import mu_law, network_inputs

TABLE_3 = {"none": 5.09e6, "ground-truth": 5.24e6, "direct": 5.85e6, "diffusion": 7.48e6}
FAST = PRESETS["fast"]


def bracket(height, width):
    return network_inputs(torch.rand(1, 3, 3, height, width), torch.tensor([[1.0, 4.0, 16.0]]))


def small(**changes):
    torch.manual_seed(0)
    model = LFDiff(replace(FAST, alignment_channels=8, channels=16, prior_width=16, denoiser_width=8, **changes)).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("prior", TABLE_3)
def test_the_paper_preset_has_the_published_sizes(prior):
    model = LFDiff(replace(PRESETS["paper"], prior=prior))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(TABLE_3[prior], rel=0.02)


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (5, 3), (1, 1)])
@torch.inference_mode()
def test_a_frame_of_any_size_becomes_a_radiance_of_that_size(size):
    model = small()
    radiance = model(bracket(*size), draw_noise(model.config, *size, seed=0))
    assert radiance.shape == (1, 3, *size)
    assert radiance.dtype == torch.float32
    assert ((radiance >= 0) & (radiance <= 1)).all()


@torch.inference_mode()
def test_an_untrained_fast_network_gives_the_reference_nine_tenths_of_the_weight():
    frames = bracket(32, 32)
    radiance = LFDiff(FAST)(frames, draw_noise(FAST, 32, 32, seed=0))
    side, reference = 1 / (2 + math.exp(3)), math.exp(3) / (2 + math.exp(3))
    mixed = (mu_law(frames[:, :, 3:]) * torch.tensor([side, reference, side])[:, None, None, None]).sum(1)
    torch.testing.assert_close(mu_law(radiance), mixed, atol=1e-5, rtol=1e-3)


@torch.inference_mode()
def test_the_result_depends_on_the_noise_and_the_number_of_steps():
    model, frames = small(), bracket(32, 32)
    one = model(frames, draw_noise(model.config, 32, 32, seed=0))
    assert torch.equal(one, model(frames, draw_noise(model.config, 32, 32, seed=0)))
    assert not torch.equal(one, model(frames, draw_noise(model.config, 32, 32, seed=1)))
    assert not torch.equal(one, model(frames, draw_noise(model.config, 32, 32, seed=0), sampling_steps=5))


def test_the_diffusion_refuses_to_start_without_noise():
    with pytest.raises(ValueError, match="none was given"):
        small()(bracket(32, 32))


def test_a_stage_1_network_refuses_to_run_without_the_truth():
    with pytest.raises(ValueError, match="ground truth"):
        small(prior="ground-truth")(bracket(32, 32))


def test_noise_covers_the_frame_at_the_priors_size():
    noise = draw_noise(replace(FAST, prior_stride=4), 33, 50, seed=3)
    assert noise.shape == (1, 3, 9, 13)
    assert draw_noise(FAST, 33, 50, seed=3).shape == (1, 3, 5, 7)
    torch.testing.assert_close(noise.std(), torch.tensor(1.0), atol=0.1, rtol=0)


def test_padding_repeats_the_last_row_and_column():
    frames = bracket(5, 6)
    padded = pad_to_multiple(frames, 4)
    assert padded.shape == (1, 3, 6, 8, 8)
    torch.testing.assert_close(padded[..., :5, :6], frames)
    torch.testing.assert_close(padded[..., 7, :6], frames[..., 4, :])

"""Samples of block means: what is drawn, where it shows, and that the diffusion can learn what is to be drawn."""

from dataclasses import replace

import torch

from hdrfuse.lfdiff.block_means import BlockMeansNet
from hdrfuse.lfdiff.block_means_diffusion import LARGEST_ERROR, BlockMeansDiffusion, correlated_noise
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff, draw_noise
from hdrfuse.lfdiff.observed_blocks import block_means
from hdrfuse.lfdiff.signals import network_inputs

CONFIG = replace(
    PRESETS["fast"], prior="block-means", alignment_channels=8, channels=16, block_means_widths=(8, 8),
    low_residuals=1, denoiser_width=8, denoiser_blocks=(1,),
)  # fmt: skip
EXPOSURE = torch.tensor([[1.0, 4.0, 16.0]])


def half_clipped(size=64):
    """X whose reference clips on the left."""
    ldr = torch.full((1, 3, 3, size, size), 0.5)
    ldr[:, 1, :, :, : size // 2] = 1.0
    return network_inputs(ldr, EXPOSURE)


@torch.inference_mode()
def test_a_sample_differs_from_the_mean_where_the_reference_clips_and_nowhere_else():
    torch.manual_seed(0)
    net = BlockMeansNet(CONFIG)
    tonemapped, noise = torch.full((1, 3, 64, 64), 0.8), torch.randn(2, 1, 3, 8, 8)
    mean = net(half_clipped(), tonemapped)
    samples = [net(half_clipped(), tonemapped, each) for each in noise]
    for sample in samples:
        assert torch.equal(sample[..., 40:], mean[..., 40:])
        assert (sample - mean)[..., :24].abs().mean() > 0.01
        assert (sample - mean).abs().max() <= LARGEST_ERROR + 1e-6
    assert not torch.equal(*samples)
    assert torch.equal(samples[0], net(half_clipped(), tonemapped, noise[0]))


def test_noise_has_a_variance_of_one_everywhere_and_is_shared_by_neighbours():
    noise = correlated_noise((200, 3, 40, 48), torch.Generator().manual_seed(0))
    assert noise.shape == (200, 3, 40, 48)
    rims = [noise[..., 0, :], noise[..., -1, :], noise[..., :, 0], noise[..., :, -1], noise]
    assert all(abs(float(rim.var()) - 1) < 0.05 for rim in rims)
    assert [round(float((noise[..., 8:-8] * noise.roll(k, -1)[..., 8:-8]).mean()), 1) for k in (1, 4, 8)] == [
        0.7, 0.4, 0.2,
    ]  # fmt: skip


def test_a_frame_s_noise_is_correlated_and_the_same_for_a_seed():
    one, other = (draw_noise(CONFIG, 320, 400, seed=3) for _ in range(2))
    assert one.shape == (1, 3, 40, 50)
    assert torch.equal(one, other)
    assert (one[..., 1:] * one[..., :-1]).mean() > 0.4
    assert not torch.equal(one, draw_noise(CONFIG, 320, 400, seed=4))


@torch.inference_mode()
def test_noise_that_ends_before_the_padded_tile_is_taken_as_it_is():
    torch.manual_seed(0)
    diffusion = BlockMeansDiffusion(replace(CONFIG, denoiser_blocks=(1, 1)), 4)
    drawn = diffusion.sample(torch.rand(1, 4, 5, 7), torch.randn(1, 3, 4, 7))
    assert drawn.shape == (1, 3, 5, 7)
    assert drawn.isfinite().all()


def test_a_diffusion_learns_what_a_prediction_leaves_open():
    """Errors of +0.1 or -0.1, the same for a picture: samples are one or the other, their mean is neither."""
    torch.manual_seed(0)
    diffusion = BlockMeansDiffusion(CONFIG, 2)
    optimizer = torch.optim.Adam(diffusion.parameters(), 4e-3)
    generator = torch.Generator().manual_seed(0)
    condition, everywhere = torch.ones(32, 2, 4, 4), torch.ones(32, 1, 4, 4)
    for _ in range(250):
        sign = 2.0 * torch.randint(2, (32, 1, 1, 1), generator=generator) - 1
        loss = diffusion.loss(0.1 * sign.expand(32, 3, 4, 4), condition, everywhere, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        drawn = diffusion.sample(condition, correlated_noise((32, 3, 4, 4), generator)).mean((1, 2, 3))
    assert 0.05 < drawn.abs().mean() < 0.15
    assert {-1.0, 1.0} <= set(drawn.sign().tolist())


def test_what_has_no_weight_is_not_learned():
    torch.manual_seed(0)
    diffusion = BlockMeansDiffusion(CONFIG, 2)
    for parameter in diffusion.denoiser.parameters():
        torch.nn.init.zeros_(parameter)  # it tells nothing anywhere, so that errors do not spread
    errors, weights = 0.05 * torch.randn(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    weights[..., :2] = 1.0
    other = errors.clone()
    other[..., 2:] = 0.2

    def loss(truth, counted):
        return diffusion.loss(truth, torch.zeros(2, 2, 4, 4), counted, torch.Generator().manual_seed(3))

    assert loss(errors, weights) == loss(other, weights)
    assert loss(errors, torch.ones_like(weights)) != loss(other, torch.ones_like(weights))


@torch.inference_mode()
def test_the_model_draws_if_it_is_given_noise():
    torch.manual_seed(0)
    model = LFDiff(CONFIG).eval()
    frames = half_clipped(40)
    mean, sample = model(frames), model(frames, torch.randn(1, 3, 5, 5))
    assert sample.shape == mean.shape == (1, 3, 40, 40)
    assert not torch.equal(block_means(sample, 8), block_means(mean, 8))
    assert torch.equal(model(frames, torch.randn(1, 3, 5, 5), corrected=False), model(frames, corrected=False))

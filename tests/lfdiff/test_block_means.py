"""The prior as block means: what it sees of the frames, and what it changes in the picture."""

from dataclasses import replace

import pytest
import torch

from hdrfuse.lfdiff.block_means import BlockMeansNet, swap
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.observed_blocks import ObservedBlocks, block_means, clipped_pixels, stops
from hdrfuse.lfdiff.signals import mu_law, network_inputs

CONFIG = replace(
    PRESETS["fast"], prior="block-means", alignment_channels=8, channels=16, block_means_widths=(8, 8), low_residuals=1
)
EXPOSURE = torch.tensor([[1.0, 4.0, 16.0]])


def frames_of(*radiance, size=32):
    """X of frames of one grey each; 1.0 = white of the shortest."""
    grey = torch.tensor(radiance)[None, :, None, None, None].expand(1, 3, 3, size, size)
    return network_inputs((grey * EXPOSURE[..., None, None, None]).clamp(0, 1).pow(1 / 2.2), EXPOSURE)


def told(net, correction):
    """The network, so told that it predicts one correction everywhere and trusts it fully."""
    torch.nn.init.constant_(net.last.bias, correction)
    torch.nn.init.constant_(net.trust[-1].bias, 30.0)
    return net


def test_exposures_are_read_off_the_frames():
    torch.testing.assert_close(stops(frames_of(0.05, 0.05, 0.05)), torch.tensor([[0.0, 2.0, 4.0]]), atol=1e-4, rtol=0)
    assert torch.equal(stops(torch.zeros(1, 3, 6, 8, 8)), torch.zeros(1, 3))  # black frames tell none


def test_block_statistics_are_those_of_the_pixels():
    torch.manual_seed(0)
    frames = network_inputs(torch.rand(1, 3, 3, 16, 24), EXPOSURE)
    seen = ObservedBlocks.of(frames, 8, 5000.0)
    block = mu_law(frames[0, 2, 4, 8:16, 16:24])  # the long frame's green, second row, third column
    mean, deviation, clipped = (seen.seen[0, 2 * 9 + 3 * k + 1, 1, 2] for k in range(3))
    torch.testing.assert_close(mean, block.mean())
    torch.testing.assert_close(deviation, block.std(correction=0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(clipped, (frames[0, 2, 1, 8:16, 16:24] >= 0.99).float().mean())


def test_light_is_occluded_where_the_darker_frame_is_below_the_references_white():
    assert float(ObservedBlocks.of(frames_of(0.1, 0.9, 0.9), 8, 5000.0).occluded.min()) == pytest.approx(
        float(mu_law(torch.tensor(0.25)) - mu_law(torch.tensor(0.1))), abs=1e-4
    )
    for radiance in ((0.9, 0.9, 0.9), (0.1, 0.2, 0.2)):  # the darker frame shows the light; the reference clips nothing
        assert not ObservedBlocks.of(frames_of(*radiance), 8, 5000.0).occluded.any()


@torch.inference_mode()
def test_a_correction_moves_the_block_means_where_the_reference_clips_and_nothing_else():
    net, tonemapped = told(BlockMeansNet(CONFIG), 0.03), torch.full((1, 3, 32, 32), 0.8)
    torch.testing.assert_close(net(frames_of(0.1, 0.9, 0.9), tonemapped), tonemapped + 0.03, atol=1e-4, rtol=0)
    assert torch.equal(net(frames_of(0.1, 0.2, 0.2), tonemapped), tonemapped)


@torch.inference_mode()
def test_the_true_block_means_leave_no_error_of_low_frequency_where_everything_is_clipped():
    torch.manual_seed(0)
    truth = mu_law(0.3 + 0.2 * torch.rand(1, 3, 1, 1)).expand(1, 3, 32, 32)
    off = truth - 0.1
    correction = block_means(truth, 8) - block_means(off, 8)
    torch.testing.assert_close(swap(off, correction, clipped_pixels(frames_of(0.1, 0.9, 0.9))), truth)


@torch.inference_mode()
def test_what_cannot_be_trusted_changes_nothing():
    net, tonemapped = told(BlockMeansNet(CONFIG), 0.03), torch.full((1, 3, 32, 32), 0.8)
    torch.nn.init.constant_(net.trust[-1].bias, -30.0)
    torch.testing.assert_close(net(frames_of(0.1, 0.9, 0.9), tonemapped), tonemapped)


@torch.inference_mode()
def test_an_untrained_prior_leaves_the_picture_as_the_reconstruction_gives_it():
    torch.manual_seed(0)
    model = LFDiff(CONFIG).eval()
    frames = network_inputs(torch.rand(2, 3, 3, 40, 72), EXPOSURE.expand(2, 3))
    plain = LFDiff(replace(CONFIG, prior="none")).eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("block_means.")})
    torch.testing.assert_close(model(frames), plain(frames))


@torch.inference_mode()
def test_a_prediction_sees_the_whole_tile():
    torch.manual_seed(0)
    net = BlockMeansNet(CONFIG)
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    frames = network_inputs(torch.rand(1, 3, 3, 256, 256), EXPOSURE)
    frames[:, 1, :3, :8, :8] = 1.0
    tonemapped = torch.full((1, 3, 256, 256), 0.5)
    other = frames.clone()
    other[:, 0, :, 248:, 248:] = 0.0
    assert not torch.equal(net(frames, tonemapped)[..., :8, :8], net(other, tonemapped)[..., :8, :8])

import math
from dataclasses import replace

import torch

from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.denoiser import Denoiser, NAFBlock, SimpleGate, sinusoidal_embedding


def test_the_step_is_embedded_as_sines_then_cosines():
    embedding = sinusoidal_embedding(torch.tensor([0, 7]), 5)
    assert embedding.shape == (2, 5)
    expected = [math.sin(7), math.sin(7e-4), math.cos(7), math.cos(7e-4), 0]
    torch.testing.assert_close(embedding[1], torch.tensor(expected))


def test_a_simple_gate_multiplies_the_halves():
    x = torch.randn(1, 6, 2, 2)
    torch.testing.assert_close(SimpleGate()(x), x[:, :3] * x[:, 3:])


def test_a_naf_block_starts_as_the_identity_and_then_hears_the_step():
    block = NAFBlock(8, 16)
    x, time = torch.randn(2, 8, 5, 3), torch.randn(2, 16)
    torch.testing.assert_close(block(x, time), x)
    torch.nn.init.ones_(block.spatial_weight)
    assert (block(x, time) - block(x, time + 1)).abs().max() > 1e-4


def test_the_denoiser_keeps_the_priors_shape_and_hears_everything_it_is_given():
    denoiser = Denoiser(replace(PRESETS["fast"], denoiser_width=8))
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    z, condition, step = torch.randn(2, 3, 8, 12), torch.randn(2, 3, 8, 12), torch.tensor([3, 150])
    noise = denoiser(z, condition, step)
    assert noise.shape == z.shape
    for other in (
        denoiser(z + 1, condition, step),
        denoiser(z, condition + 1, step),
        denoiser(z, condition, step + 9),
    ):
        assert (noise - other).abs().max() > 1e-4

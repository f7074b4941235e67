import pytest
import torch
import torch.nn.functional as F

from hdrfuse.lfdiff.alignment import AlignmentModule


def test_the_published_size_has_489720_parameters():
    assert sum(p.numel() for p in AlignmentModule(6, 60, 60).parameters()) == 489_720


@pytest.mark.parametrize("expansion", [2, 1])
def test_each_side_frame_is_gated_by_itself_and_the_reference(expansion):
    module = AlignmentModule(6, 8, 10, expansion)
    assert module.attend_short.gate[0].out_channels == expansion * 8
    frames = torch.randn(2, 3, 6, 7, 5)
    embed = module.embed[0]
    short, reference, long = (
        F.leaky_relu(F.conv2d(frames[:, i], embed.weight, embed.bias, padding=1), 0.01) for i in range(3)
    )

    def gated(side, attention):
        first, second = attention.gate[0], attention.gate[2]
        hidden = F.leaky_relu(F.conv2d(torch.cat([side, reference], 1), first.weight, first.bias, padding=1), 0.01)
        return side * torch.sigmoid(F.conv2d(hidden, second.weight, second.bias, padding=1))

    merged = torch.cat([gated(short, module.attend_short), reference, gated(long, module.attend_long)], 1)
    expected = F.conv2d(merged, module.fuse.weight, module.fuse.bias, padding=1)
    torch.testing.assert_close(module(frames), expected, atol=1e-5, rtol=1e-4)

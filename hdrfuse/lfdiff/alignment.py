"""The alignment module: what of each side frame agrees with the reference."""

import torch
from einops import rearrange
from torch import Tensor, nn

from hdrfuse.lfdiff.layers import conv3x3


class SideAttention(nn.Module):
    """A gate in [0, 1] on a side frame's features, from them and the reference's (AHDRNet, Yan et al. 2019)."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            conv3x3(2 * channels, expansion * channels),
            nn.LeakyReLU(inplace=True),
            conv3x3(expansion * channels, channels),
            nn.Sigmoid(),
        )

    def forward(self, side: Tensor, reference: Tensor) -> Tensor:
        """Two maps (B, C, H, W) -> the side's, gated."""
        return side * self.gate(torch.cat([side, reference], dim=1))


class AlignmentModule(nn.Module):
    """Merge the features of three frames, the side frames gated by their agreement with the reference."""

    def __init__(self, in_channels: int, channels: int, out_channels: int, gate_expansion: int = 2) -> None:
        super().__init__()
        self.embed = nn.Sequential(conv3x3(in_channels, channels), nn.LeakyReLU(inplace=True))
        self.attend_short = SideAttention(channels, gate_expansion)
        self.attend_long = SideAttention(channels, gate_expansion)
        self.fuse = conv3x3(3 * channels, out_channels)

    def forward(self, frames: Tensor) -> Tensor:
        """Short, reference and long frame (B, 3, in_channels, H, W) -> (B, out_channels, H, W)."""
        embedded = self.embed(rearrange(frames, "b f c h w -> (b f) c h w"))
        short, reference, long = rearrange(embedded, "(b f) c h w -> f b c h w", f=3)
        short = self.attend_short(short, reference)
        long = self.attend_long(long, reference)
        return self.fuse(torch.cat([short, reference, long], dim=1))

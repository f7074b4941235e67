"""The denoiser of the prior: a small conditional U-Net of NAF blocks."""

import math

import torch
from torch import Tensor, nn

from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.layers import LayerNorm, conv3x3


def sinusoidal_embedding(step: Tensor, width: int) -> Tensor:
    """Steps (B,) -> (B, width), sines then cosines at frequencies from 1 to 1e-4 (Vaswani et al. 2017)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=step.device) * (-math.log(1e4) / max(half - 1, 1)))
    angles = step.float()[:, None] * frequencies
    embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
    return nn.functional.pad(embedding, (0, width - 2 * half))


class SimpleGate(nn.Module):
    """One half of the channels times the other (NAFNet, Chen et al. 2022)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2C, ...) -> (B, C, ...)."""
        a, b = x.chunk(2, dim=1)
        return a * b


class NAFBlock(nn.Module):
    """Activation-free block, scaled and shifted by the time step (Refusion, Luo et al. 2023)."""

    def __init__(self, channels: int, time_width: int) -> None:
        super().__init__()
        self.modulation = nn.Sequential(SimpleGate(), nn.Linear(time_width // 2, 4 * channels))
        self.norm_spatial = LayerNorm(channels)
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels),
            SimpleGate(),
        )
        self.channel_gain = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        self.spatial_out = nn.Conv2d(channels, channels, 1)
        self.norm_channel = LayerNorm(channels)
        self.channel = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1), SimpleGate(), nn.Conv2d(channels, channels, 1)
        )
        self.spatial_weight = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.channel_weight = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Features (B, C, h, w) and time embedding (B, time_width) -> (B, C, h, w)."""
        shift_1, scale_1, shift_2, scale_2 = self.modulation(time)[:, :, None, None].chunk(4, dim=1)
        spatial = self.spatial(self.norm_spatial(x) * (1 + scale_1) + shift_1)
        x = x + self.spatial_weight * self.spatial_out(spatial * self.channel_gain(spatial))
        return x + self.channel_weight * self.channel(self.norm_channel(x) * (1 + scale_2) + shift_2)


class NAFRow(nn.ModuleList):
    """Blocks one after the other, all told the time step."""

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Features (B, C, h, w) and time embedding (B, time_width) -> (B, C, h, w)."""
        for block in self:
            x = block(x, time)
        return x


class Denoiser(nn.Module):
    """Predict the noise in z_t, or v, from z_t, the condition and the step (LF-Diff, eq. 14)."""

    def __init__(self, config: LFDiffConfig, condition_channels: int | None = None) -> None:
        super().__init__()
        width = config.denoiser_width
        time_width = 4 * width
        widths = [width * 2**level for level in range(len(config.denoiser_blocks))]
        self.width = width
        self.embed_time = nn.Sequential(
            nn.Linear(width, 2 * time_width), SimpleGate(), nn.Linear(time_width, time_width)
        )
        channels = config.prior_channels
        self.first = conv3x3(channels + (channels if condition_channels is None else condition_channels), width)
        self.down_blocks = nn.ModuleList(
            NAFRow(NAFBlock(c, time_width) for _ in range(count))
            for c, count in zip(widths, config.denoiser_blocks, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(c, 2 * c, 2, stride=2) for c in widths)
        self.middle = NAFBlock(2 * widths[-1], time_width)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(2 * c, 4 * c, 1, bias=False), nn.PixelShuffle(2)) for c in widths
        )
        self.up_blocks = nn.ModuleList(
            NAFRow(NAFBlock(c, time_width) for _ in range(count))
            for c, count in zip(widths, config.denoiser_blocks, strict=True)
        )
        self.last = nn.Conv2d(width, config.prior_channels, 3, padding=1)

    def forward(self, noisy: Tensor, condition: Tensor, step: Tensor) -> Tensor:
        """Noisy prior (B, 3, h, w), condition (B, C, h, w), steps (B,) -> noise or v (B, 3, h, w).

        h and w suit the levels.
        """
        time = self.embed_time(sinusoidal_embedding(step, self.width))
        x = self.first(torch.cat([noisy, condition], dim=1))
        skips = []
        for blocks, down in zip(self.down_blocks, self.down, strict=True):
            x = blocks(x, time)
            skips.append(x)
            x = down(x)
        x = self.middle(x, time)
        for level in reversed(range(len(skips))):
            x = self.up_blocks[level](self.up[level](x) + skips[level], time)
        return self.last(x).float()

"""The low-frequency prior as a picture: block means of the tonemapped radiance, predicted and swapped in.

No part of LF-Diff: there the prior enters by cross-attention (eq. 9), which a network that was trained without it
hardly hears. Here z is the mean of T(radiance) over s x s pixels, s = `prior_stride`, and the output takes its low
frequencies from it: T^ = o + w up(z - down(o)), with o what the reconstruction gives.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hdrfuse.lfdiff.block_means_diffusion import BlockMeansDiffusion
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.layers import INITIAL_SLOPE, conv3x3, upsample_to
from hdrfuse.lfdiff.observed_blocks import SEEN_CHANNELS, ObservedBlocks, block_means, clipped_pixels

DOUBT_GAIN = 10.0
"""Brings corrections, some hundredths after the mu-law, to the order of one."""

DOUBT_WIDTH = 16

LARGEST_CORRECTION = 0.5
"""After the mu-law, approached smoothly: beyond a hard bound nothing would be learned any more."""

INITIAL_TRUST = -1.0
"""Before the sigmoid: a correction counts a quarter at first."""


class ConvolutionPair(nn.Module):
    """Two convolutions with leaky rectifiers, their input added."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first, self.second = conv3x3(in_channels, out_channels), conv3x3(out_channels, out_channels)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h, w)."""
        y = F.leaky_relu(self.first(x), INITIAL_SLOPE)
        return F.leaky_relu(self.second(y) + self.skip(x), INITIAL_SLOPE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What is told of the block means z of the truth, everything (B, C, h, w)."""

    correction: Tensor
    """z - down(o), its mean."""
    trust: Tensor
    """w in [0, 1]; 0 where nothing clips."""
    condition: Tensor
    """What a sample goes by."""


class BlockMeansNet(nn.Module):
    """Predicts what the reconstruction's block means are off by, and how far to trust that: a U-Net at 1/s.

    It sees a whole tile: what hides in clipped light may show elsewhere.
    """

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        widths = config.block_means_widths
        self.stride, self.mu = config.prior_stride, config.mu
        self.levels = len(widths)
        inputs = SEEN_CHANNELS + 3
        self.down = nn.ModuleList(ConvolutionPair(above, width) for above, width in pairwise((inputs, *widths)))
        self.up = nn.ModuleList(ConvolutionPair(below + width, width) for width, below in pairwise(widths))
        self.context = nn.Linear(widths[-1], widths[-1])
        self.last = conv3x3(widths[0], 3)
        told = widths[0] + 3 + 3 + 1 + 3
        self.trust = nn.Sequential(conv3x3(told, DOUBT_WIDTH), nn.LeakyReLU(INITIAL_SLOPE), conv3x3(DOUBT_WIDTH, 3))
        for layer in (self.context, self.last, self.trust[-1]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.trust[-1].bias, INITIAL_TRUST)  # type: ignore[arg-type]
        self.diffusion = BlockMeansDiffusion(config, told)

    def forward(
        self, frames: Tensor, tonemapped: Tensor, noise: Tensor | None = None, sampling_steps: int | None = None
    ) -> Tensor:
        """Frames X (B, 3, 6, H, W) and o (B, 3, H, W), multiples of s -> T^ (B, 3, H, W); o where nothing clips.

        From noise (B, 3, h, w), one of the pictures that the frames leave possible; without, their mean.
        """
        clipped, tonemapped = clipped_pixels(frames), tonemapped.clamp(0, 1)
        if not clipped.any():
            return tonemapped
        observed = ObservedBlocks.of(frames, self.stride, self.mu)
        found = self.predict(observed, block_means(tonemapped, self.stride))
        correction = found.trust * found.correction
        if noise is not None:
            correction = correction + observed.clipped * self.diffusion.sample(found.condition, noise, sampling_steps)
        return swap(tonemapped, correction, clipped)

    def predict(self, observed: ObservedBlocks, means: Tensor) -> Prediction:
        """What is seen and down(o) (B, 3, h, w) -> what is told of z."""
        height, width = means.shape[-2:]
        features = self.features(torch.cat([observed.seen, means], 1))[..., :height, :width]
        correction = LARGEST_CORRECTION * (self.last(features).float() / LARGEST_CORRECTION).tanh()
        settled = correction.detach()  # the doubt judges a prediction, it does not make it
        told = DOUBT_GAIN * torch.cat([settled, settled.abs(), observed.occluded], 1)
        condition = torch.cat([features.detach(), told, observed.clipped], 1)
        trust = self.trust(condition).float().sigmoid() * (observed.any_clipped > 0)
        return Prediction(correction=correction, trust=trust, condition=condition)

    def features(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h', w'), its size a multiple of what the levels divide it by."""
        step = 2 ** (self.levels - 1)
        x = F.pad(x, (0, -x.shape[-1] % step, 0, -x.shape[-2] % step), mode="replicate")
        kept = []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            kept.append(x)
        x = x + self.context(x.mean((2, 3)))[:, :, None, None]
        for block, skipped in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skipped], 1))
        return x


def swap(tonemapped: Tensor, correction: Tensor, clipped: Tensor) -> Tensor:
    """Add a correction of block means (B, 3, h, w) to o (B, 3, H, W) where that is clipped (B, 1, H, W) -> T^."""
    return tonemapped + clipped * upsample_to(correction, tonemapped)

"""The low-frequency prior as a picture: block means of the tonemapped radiance, predicted and swapped in.

No part of LF-Diff: there the prior enters by cross-attention (eq. 9), which a network that was trained without it
hardly hears. Here z is the mean of T(radiance) over s x s pixels, s = `prior_stride`, and the output takes its low
frequencies from it: T^ = o + w up(z - down(o)), with o what the reconstruction gives.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from hdrfuse.lfdiff.block_means_diffusion import BlockMeansDiffusion
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.layers import INITIAL_SLOPE, conv3x3, upsample_to
from hdrfuse.lfdiff.signals import GAMMA, mu_law

CLIPPED = 0.99
"""Gamma-encoded value from which a channel counts as clipped: code 253 of 255."""

DOUBT_GAIN = 10.0
"""Brings corrections, some hundredths after the mu-law, to the order of one."""

DOUBT_WIDTH = 16

INITIAL_TRUST = -1.0
"""Before the sigmoid: a correction counts a quarter at first."""


def block_means(x: Tensor, stride: int) -> Tensor:
    """(B, C, H, W), multiples of the stride -> means over stride x stride pixels (B, C, H/s, W/s)."""
    return F.avg_pool2d(x, stride)


def stops(frames: Tensor) -> Tensor:
    """How many stops each frame of X (B, 3, 6, H, W) lies above the shortest, (B, 3): X holds L and L^2.2 / t."""
    encoded, radiance = frames[:, :, :3].pow(GAMMA).sum((2, 3, 4)), frames[:, :, 3:].sum((2, 3, 4))
    exposure = torch.where(radiance > 0, encoded / radiance.clamp_min(1e-12), 1.0)
    return exposure.clamp_min(1.0).log2()


def flatten(x: Tensor) -> Tensor:
    """(B, 3, C, H, W) -> (B, 3 C, H, W)."""
    return rearrange(x, "b f c h w -> b (f c) h w")


def unflatten(x: Tensor) -> Tensor:
    """(B, 3 C, H, W) -> (B, 3, C, H, W)."""
    return rearrange(x, "b (f c) h w -> b f c h w", f=3)


class Observed:
    """What frames X (B, 3, 6, H, W) show in blocks; every member (B, C, h, w)."""

    def __init__(self, frames: Tensor, stride: int, mu: float) -> None:
        clipped = (frames[:, :, :3] >= CLIPPED).float()
        tonemapped = mu_law(frames[:, :, 3:].float(), mu)
        mean, square, share = (
            unflatten(block_means(flatten(plane), stride)) for plane in (tonemapped, tonemapped.square(), clipped)
        )
        deviation = (square - mean.square()).clamp_min(0).sqrt()
        self.pixels_clipped = clipped[:, 1].amax(1, keepdim=True)
        """(B, 1, H, W) 1 where the reference clips in any channel."""
        self.clipped = share[:, 1]
        self.statistics = torch.stack([mean, deviation, share], 2).flatten(1, 3)
        """Mean, deviation and clipped share of each frame's colours."""
        self.stops = stops(frames)
        short, reference = mean[:, 0], mean[:, 1]
        self.merged = reference + self.clipped * (torch.maximum(short, reference) - reference)
        """What the darker frame adds to the reference, were nothing to move."""
        white = mu_law(torch.exp2(self.stops[:, 0] - self.stops[:, 1]), mu)[:, None, None, None]
        self.occluded = ((white - short).clamp_min(0) * self.clipped).amax(1, keepdim=True)
        """How far the darker frame lies below the reference's white where that clips: something hides the light."""

    def with_stops(self) -> Tensor:
        """The statistics, the stops' difference from two and a plane of ones, which ends where the frame does."""
        b, _, h, w = self.statistics.shape
        steps = ((self.stops[:, 1:] - 2) / 2)[:, :, None, None].expand(b, 2, h, w)
        return torch.cat([self.statistics, self.merged, steps, torch.ones_like(steps[:, :1])], 1)


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
        inputs = 27 + 3 + 2 + 1 + 3
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
        observed = Observed(frames, self.stride, self.mu)
        tonemapped = tonemapped.clamp(0, 1)
        found = self.predict(observed, block_means(tonemapped, self.stride))
        correction = found.trust * found.correction
        if noise is not None:
            correction = correction + observed.clipped * self.diffusion.sample(found.condition, noise, sampling_steps)
        return swap(tonemapped, correction, observed)

    def predict(self, observed: Observed, means: Tensor) -> Prediction:
        """What is seen and down(o) (B, 3, h, w) -> what is told of z."""
        height, width = means.shape[-2:]
        features = self.features(torch.cat([observed.with_stops(), means], 1))[..., :height, :width]
        correction = (means + self.last(features).float()).clamp(0, 1) - means
        settled = correction.detach()  # the doubt judges a prediction, it does not make it
        told = DOUBT_GAIN * torch.cat([settled, settled.abs(), observed.occluded], 1)
        condition = torch.cat([features.detach(), told, observed.clipped], 1)
        trust = self.trust(condition).float().sigmoid() * (observed.clipped.amax(1, keepdim=True) > 0)
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


def swap(tonemapped: Tensor, correction: Tensor, observed: Observed) -> Tensor:
    """Add a correction of block means (B, 3, h, w) to o (B, 3, H, W) where the reference clips -> T^."""
    return tonemapped + observed.pixels_clipped * upsample_to(correction, tonemapped)

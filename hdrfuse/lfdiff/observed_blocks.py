"""ObservedBlocks: what three frames show in blocks of pixels, which is all that a prior of block means goes by."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hdrfuse.lfdiff.signals import GAMMA, mu_law

CLIPPED = 0.99
"""Gamma-encoded value from which a channel counts as clipped: code 253 of 255."""

SEEN_CHANNELS = 27 + 3 + 2 + 1
"""Of `ObservedBlocks.seen`."""


def block_means(x: Tensor, stride: int) -> Tensor:
    """(B, C, H, W), multiples of the stride -> means over stride x stride pixels (B, C, H/s, W/s)."""
    return F.avg_pool2d(x, stride)


def clipped_pixels(frames: Tensor) -> Tensor:
    """Frames X (B, 3, 6, H, W) -> (B, 1, H, W) 1 where the reference clips in any channel."""
    return (frames[:, 1, :3] >= CLIPPED).float().amax(1, keepdim=True)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedBlocks:
    """What frames show in blocks; every member (B, C, h, w)."""

    seen: Tensor
    """Mean, deviation and clipped share of each frame's colours (27 channels), what the darker frame adds to the
    reference, were nothing to move (3), the stops' difference from two (2), and ones, which end where the frame does.
    """
    clipped: Tensor
    """(B, 3, h, w) share of the pixels that the reference clips."""
    occluded: Tensor
    """(B, 1, h, w) how far, after the mu-law, the darker frame lies below the reference's white where that clips:
    something hides the light."""

    @classmethod
    def of(cls, frames: Tensor, stride: int, mu: float) -> "ObservedBlocks":
        """Look at frames X (B, 3, 6, H, W), sides multiples of the stride."""
        clips = (frames[:, :, :3] >= CLIPPED).float()
        tonemapped = mu_law(frames[:, :, 3:].float(), mu)
        mean, square, share = (
            unflatten(block_means(flatten(plane), stride)) for plane in (tonemapped, tonemapped.square(), clips)
        )
        deviation = (square - mean.square()).clamp_min(0).sqrt()
        statistics = torch.stack([mean, deviation, share], 2).flatten(1, 3)
        exposures, clipped = stops(frames), share[:, 1]
        short, reference = mean[:, 0], mean[:, 1]
        merged = reference + clipped * (torch.maximum(short, reference) - reference)
        white = mu_law(torch.exp2(exposures[:, 0] - exposures[:, 1]), mu)[:, None, None, None]
        steps = ((exposures[:, 1:] - 2) / 2)[:, :, None, None].expand(-1, -1, *merged.shape[-2:])
        return cls(
            seen=torch.cat([statistics, merged, steps, torch.ones_like(steps[:, :1])], 1),
            clipped=clipped,
            occluded=((white - short).clamp_min(0) * clipped).amax(1, keepdim=True),
        )

    @property
    def any_clipped(self) -> Tensor:
        """(B, 1, h, w) the largest share of any channel."""
        return self.clipped.amax(1, keepdim=True)

"""Hidden light: what the reference clips while the darker frame shows something else there, and scores inside it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.evaluation.results import Metric
from hdrfuse.evaluation.scenes import KnownBracket, encoded
from hdrfuse.formats.checksum import sha256_of
from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.radiometry import in_any_channel
from hdrfuse.metrics import psnr_mu
from hdrfuse.metrics.psnr import mu_law

if TYPE_CHECKING:
    from hdrfuse.training.losses import PerceptualLoss

Mask = NDArray[np.bool_]
Radiance = NDArray[np.floating[Any]]

ELSE = 0.03
"""Difference after the mu-law, in any channel, from which the darker frame shows something else than the truth."""

FEWEST_PIXELS = 200
"""Of a mask, for a score inside it."""

HIDDEN = Metric(name="PSNR-mu hidden", unit="dB", decimals=2)
CLIPPED = Metric(name="PSNR-mu clipped", unit="dB", decimals=2)
VGG_HIDDEN = Metric(name="VGG hidden", unit="", decimals=2, lower_is_better=True)

REACH_PX = 32
"""Pixels around a mask that VGG19's features inside it may see: 25 up to relu3_4."""

VGG_STEP = 4
"""Both of its poolings together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LightMasks:
    """Where a scene's light is hidden, and where the reference clips at all; (H, W) each."""

    hidden: Mask
    clipped: Mask

    @classmethod
    def of(cls, bracket: KnownBracket) -> "LightMasks":
        """Clipped: any channel of the reference. Hidden: there, the next darker frame's radiance is not the truth's.

        What the darker frame clips too is not hidden: the truth counts up to the shortest frame's white.
        """
        from hdrfuse.lfdiff.observed_blocks import CLIPPED as CODE  # imports torch

        clipped = in_any_channel(encoded(bracket.frames[bracket.reference]) >= CODE)
        if bracket.reference == 0:
            return cls(hidden=np.zeros_like(clipped), clipped=clipped)
        darker = encoded(bracket.frames[bracket.reference - 1]) ** GAMMA / bracket.gains[bracket.reference - 1]
        difference = np.abs(mu_law(darker) - mu_law(np.clip(bracket.truth, 0, 1)))
        return cls(hidden=clipped & in_any_channel(difference > ELSE), clipped=clipped)


@dataclass(frozen=True, kw_only=True)
class HiddenLight:
    """How results are scored where light is hidden."""

    vgg: Path | None = None
    """VGG19's first convolutions, for the distance of features."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Columns, which a scene with too few such pixels has no values in."""
        return (HIDDEN, CLIPPED) if self.vgg is None else (HIDDEN, CLIPPED, VGG_HIDDEN)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the scores beside the pictures, in plain types; asked for every score, so hashed once."""
        return {"vgg": None if self.vgg is None else sha256_of(self.vgg)}

    def check(self) -> None:
        """Load what is needed. Raises WeightsError for what are not VGG19's first convolutions."""
        if self.vgg is not None:
            perceptual(self.vgg)

    def scores(self, prediction: Radiance, truth: Radiance, masks: LightMasks, *, clip: bool) -> dict[str, float]:
        """Scores of a prediction (H, W, 3), 1.0 = white of the shortest frame, by the name of the metric.

        PSNR-mu is of all three channels of a mask's pixels; masks of fewer than FEWEST_PIXELS have none.
        """
        found = {}
        for metric, mask in ((HIDDEN, masks.hidden), (CLIPPED, masks.clipped)):
            if np.count_nonzero(mask) >= FEWEST_PIXELS:
                found[metric.name] = psnr_mu(prediction[mask], truth[mask], clip=clip)
        if self.vgg is not None and HIDDEN.name in found:
            found[VGG_HIDDEN.name] = feature_distance(perceptual(self.vgg), prediction, truth, masks.hidden)
        return found

    def sentence(self) -> str:
        """What is measured, for a caption."""
        vgg = "" if self.vgg is None else (
            f" VGG: mean absolute difference of VGG19's relu1_2, relu2_2 and relu3_4 features inside it, weights "
            f"sha256 {self.identity['vgg'][:12]}."
        )  # fmt: skip
        return (
            "Hidden light: a channel of the reference is clipped (code 0.99 and above) and the darker frame differs "
            f"from the truth by more than {ELSE:g} after the mu-law; clipped: the reference alone decides. Scenes with "
            f"fewer than {FEWEST_PIXELS} such pixels have no value.{vgg}"
        )


@lru_cache(maxsize=1)
def perceptual(vgg: Path) -> "PerceptualLoss":
    """VGG19's first convolutions. Raises WeightsError."""
    from hdrfuse.training.losses import PerceptualLoss  # imports torch

    return PerceptualLoss(vgg)


def feature_distance(features: "PerceptualLoss", prediction: Radiance, truth: Radiance, mask: Mask) -> float:
    """Mean absolute difference inside a mask (H, W) of features of two pictures (H, W, 3) after the mu-law.

    Each level's is weighted by the mask's share of a feature's pixels; the levels count alike. Pictures end at 1.0.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    window = surroundings(mask)
    share = torch.from_numpy(mask[window].astype(np.float32))[None, None]
    pictures = (
        torch.from_numpy(mu_law(np.clip(picture[window], 0, 1)).astype(np.float32)).permute(2, 0, 1)[None]
        for picture in (prediction, truth)
    )
    distances = []
    with torch.inference_mode():
        for a, b in zip(*map(features.features, pictures), strict=True):
            weight = adaptive_avg_pool2d(share, a.shape[-2:])
            distances.append(float(((a - b).abs().mean(1, keepdim=True) * weight).sum() / weight.sum()))
    return sum(distances) / len(distances)


def surroundings(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of all that a mask's features see; they start where poolings of the whole frame do."""
    parts = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis=axis))
        start = max(int(inside[0]) - REACH_PX, 0) // VGG_STEP * VGG_STEP
        parts.append(slice(start, min(int(inside[-1]) + 1 + REACH_PX, mask.shape[1 - axis])))
    return parts[0], parts[1]

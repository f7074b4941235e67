"""Scale: what counts as 1.0 in a bracket's linear floats, and whether they clip.

A sensor's floats fill their range up to a plateau, which is white. A renderer's plateau, half's 65504 in its sun, says
nothing of the scene, which then lies where halfs, noise models, registration and the network see black.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats import Pixels
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class ScaleSettings(Settings):
    """How a white is told from a renderer's ceiling in floats."""

    far: float = 64.0
    """A plateau so many times above what nearly all of the middle frame stays below is no sensor's white.

    Derived: frames of a camera that are so dark are six stops underexposed.
    """
    nearly_all_percent: float = 99.0
    """What nearly all of a frame is; chosen by hand, a sun and lamps take less."""
    samples_per_side: int = 256
    """Side of the grid that this is measured on; performance only."""
    same: float = 1e-3
    """Plateaus that differ by less are one: derived, halfs round to 2^-11."""


SCALE = ScaleSettings()


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How the floats of one bracket are read."""

    unit: float
    """Value of the files that becomes 1.0: white, or about what most of a scene without white stays below."""
    white: bool
    """Whether the unit is a white, at which frames clip."""

    def clips_at(self, plateau: float) -> bool:
        """Whether a frame's plateau is the white of all."""
        return self.white and abs(plateau - self.unit) <= SCALE.same * self.unit


def scale_of(pixels: Sequence[Pixels], plateaus: Sequence[float]) -> Scale:
    """Return the scale of frames (H, W, 3), darkest first; a plateau is inf where a frame has none."""
    highest = max((plateau for plateau in plateaus if math.isfinite(plateau)), default=math.inf)
    middle = len(pixels) // 2
    level = _level(pixels[middle], plateaus[middle])
    if highest <= SCALE.far * level:
        return Scale(unit=highest, white=True)
    return Scale(unit=2.0 ** round(math.log2(level)) if level > 0.0 else 1.0, white=False)  # exact in floats


def below(pixels: Pixels, plateau: float) -> NDArray[np.bool_] | None:
    """Return where (H, W) a frame measures anything, no channel being at its plateau; None without one."""
    return np.asarray((pixels < plateau).all(axis=2)) if math.isfinite(plateau) else None


def _level(pixels: Pixels, plateau: float) -> float:
    """Return what nearly all of a frame stays below, its plateau and what is black left out."""
    height, width = pixels.shape[:2]
    samples = pixels[:: max(1, height // SCALE.samples_per_side), :: max(1, width // SCALE.samples_per_side)].max(
        axis=2
    )
    seen = samples[(samples < plateau) & (samples > 0)]
    return float(np.percentile(seen, SCALE.nearly_all_percent)) if seen.size else 0.0

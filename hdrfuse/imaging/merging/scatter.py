"""Scatter: by how much means of two frames differ where nothing moved, measured at the scale of the question.

Film grain, demosaicing, noise reduction, compression and enlargement make noise soft: the finest detail holds next
to none of it, means over a few pixels hold nearly all. So it is measured in the differences themselves, at points
so far apart that their noise is independent. What moved is in some places of a brightness, noise in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.radiometry import IMMERKAER, NoiseModel, Plane, fit_noise
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class ScatterSettings(Settings):
    """How noise is read from differences that motion is in too.

    Nine 8-bit frames with soft grain of 2.7 codes: 68 % was taken for moved before noise was read so, 1 % now; 24 made
    brackets of grain of 0.7 to 3 px and 1.5 to 6 codes: 20 to 100 % before, 0 to 11 % now.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    collages as a camera model writes them, one a kind of motion, by `hdrfuse bench --what settings --setting scatter
    --seeds 1 --size 384x256 --images DIR --movers DIR --camera`; where nothing is said it is 0 / 0. Four procedural
    scenes of that size, without `--images`, are not changed by any. Neither have soft noise as strong as those above,
    for which these values were chosen by hand.
    """

    quantile: float = 0.3
    """Quantile of the places of like brightness at which the scatter is read: more of them may show what moved.

    Half / twice: -0.01 / +0.03.
    """
    quantile_of_noise: float = 0.6
    """That quantile of what noise of variance 1 leaves.

    Between 0.74, which white noise leaves, and 0.54, which noise leaves that neighbouring points share. Half / twice:
    +0.03 / -0.01.
    """
    place_points: int = 5
    """Points a side that one place is made of."""
    enough: float = 0.3
    """Share of them that must mean something."""
    bins: int = 24
    """Brightnesses that are told apart at most."""
    places_per_bin: int = 60
    """Places that one of them takes."""
    least_places: int = 8
    """Fewer say nothing."""
    outlier: float = 4.0
    """A brightness at which the scatter is this many times the fit is one at which most places moved."""


SCATTER = ScatterSettings()


APART = np.zeros((5, 5), np.float32)
APART[::2, ::2] = IMMERKAER
"""Second difference of points that are two steps apart."""


def measure_scatter(
    difference: Plane, level: Plane, usable: NDArray[np.bool_], *, spacing_px: int
) -> Sequence[NoiseModel] | None:
    """Variance of a difference (h, w, 3) by radiance, a channel, at points `spacing_px` apart; None if too few.

    `level` is the radiance (h, w, 3), `usable` (h, w, 3) where the difference means anything.
    """
    step = spacing_px // 2
    sparse = (slice(step // 2, None, step),) * 2
    if min(usable[sparse].shape[:2]) < SCATTER.place_points:
        return None
    inside = cv2.erode(usable[sparse].view(np.uint8), (APART != 0).astype(np.uint8), borderValue=0)
    detail = cv2.filter2D(np.ascontiguousarray(difference[sparse]), -1, APART)
    known = inside.astype(np.float32)
    squares, levels, shares = (
        cv2.blur(plane, (SCATTER.place_points,) * 2) for plane in (known * detail**2, known * level[sparse], known)
    )
    found = []
    for c in range(3):
        where = shares[..., c] >= SCATTER.enough
        share = shares[where, c].astype(np.float64)
        if len(share) < SCATTER.least_places:
            return None
        square, around = squares[where, c] / share, levels[where, c] / share
        parts = np.array_split(np.argsort(around), min(SCATTER.bins, 1 + len(share) // SCATTER.places_per_bin))
        middles = np.array([around[part].mean() for part in parts])
        lows = np.array([np.quantile(square[part], SCATTER.quantile) for part in parts]) / SCATTER.quantile_of_noise
        found.append(_robust(middles, lows))
    return found


def _robust(levels: NDArray[np.float64], variances: NDArray[np.float64]) -> NoiseModel:
    """Noise that explains the variances (n,) at levels (n,), but for those that much moved."""
    least = max(float(variances.max()) * 1e-6, 1e-12)
    noise = fit_noise(levels, variances, least=least)
    kept = variances <= SCATTER.outlier * (noise.shot * levels + noise.read)
    return noise if kept.all() or not kept.any() else fit_noise(levels[kept], variances[kept], least=least)

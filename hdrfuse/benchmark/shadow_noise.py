"""Shadow noise: what a merge leaves of it in the dark, beside the longest frame."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING
from hdrfuse.imaging.merging.strips import enlarge_rows
from hdrfuse.imaging.radiometry import IMMERKAER, CalibratedFrame, Plane, channel_max, channel_mean
from hdrfuse.imaging.robust import robust_sigma

DARKEST_SHARE = 0.25
"""Share of the usable pixels that counts as shadow."""

LEAST_EXPOSURE = 0.001
"""Exposure of the longest frame below which all is black: three codes of 8-bit sRGB, derived."""

LEVEL_SIGMA_PX = 2.0
"""Gaussian that tells a level from its noise."""

LEAST_PX = 400
"""Pixels of shadow without which there is no ratio: white noise over 4,500 scatters by 3 %, so over 400 by 10 %."""


def shadow_noise_ratio(radiance: Plane, frames: Sequence[CalibratedFrame], ghosts: Ghosts) -> float | None:
    """Relative noise of a merge (H, W, 3) over that of its longest frame, where the scene is dark and nothing moved.

    Standard deviation of second differences (Immerkaer 1996), from the median of their size, each relative to the
    local level, over the darkest quarter of what the longest frame has unclipped, all frames agree on and no highlight
    is filled in. Channels' mean. 1 = as noisy; None where too little is dark, or the frame has no noise.
    """
    longest = max(frames, key=lambda frame: frame.gain)
    shape = (radiance.shape[0], radiance.shape[1])
    exposure = longest.exposure()
    unusable = enlarge_rows(ghosts.occluded_highlight_mask, shape) > 0.5
    for consistency in ghosts.consistency:
        unusable |= enlarge_rows(consistency, shape) < 0.5
    if longest.clips:
        unusable |= channel_max(exposure) > CLIPPING.start
    if longest.valid is not None:
        unusable |= ~longest.valid
    light = channel_mean(exposure)
    level = _level(light)
    usable = ~cv2.dilate(unusable.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    usable &= level > LEAST_EXPOSURE
    if np.count_nonzero(usable) < LEAST_PX / DARKEST_SHARE:
        return None
    dark = usable & (level <= np.quantile(level[usable], DARKEST_SHARE))
    result = channel_mean(radiance)
    noise = _relative_noise(light, level, dark)
    return round(_relative_noise(result, _level(result), dark) / noise, 3) if noise > 0 else None


def _level(light: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), LEVEL_SIGMA_PX), np.float32)


def _relative_noise(light: Plane, level: Plane, places: NDArray[np.bool_]) -> float:
    """Standard deviation of what changes from pixel to pixel, as a share of the level."""
    change = cv2.filter2D(light, -1, IMMERKAER)[places] / np.maximum(level[places], 1e-9)
    return float(robust_sigma(change, centre=0.0))

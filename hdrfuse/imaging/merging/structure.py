"""Structure: what tells something that moved from a camera that rendered the same thing otherwise.

Brightness and tint may differ smoothly, or along the borders of what both frames show: that is tone mapping, flare,
white balance, a cloud that thins out. What moved has a border in one of two frames alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.reference_estimate import ReferenceEstimate
from hdrfuse.imaging.radiometry import Plane, channel_max
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class StructureSettings(Settings):
    """When the borders of a difference are borders of something.

    Read off the differences of ten brackets, made ones and photographs: by the measure below, 24 that moved had 2.6 and
    more, 45 in skies and on walls that stood still at most 1.0.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    collages as a camera model writes them, one a kind of motion, by `hdrfuse bench --what settings --setting structure
    --seeds 1 --size 384x256 --images DIR --movers DIR --camera`.
    """

    scale_px: float = 1.5
    """Standard deviation of the window in which slopes are taken: wide enough for compression's and noise's.

    Half / twice: 0 / 0; half of it +0.12 where nothing moves and -0.06 where something does.
    """
    common: float = 0.5
    """Share of the weaker frame's own slope that a difference may have: a border that both show.

    Half / twice: 0 / +0.03.
    """
    certain: float = 8.0
    """Slope, in standard deviations of its noise, that is structure without doubt: sensor noise is never so far off.

    Half / twice: 0 / +0.03.
    """
    per_rim: float = 1.5
    """Pixels of such structure in a ghost, by the pixels of its rim. Half / twice: 0 / +0.02."""


STRUCTURE = StructureSettings()


def with_structure(
    ghost: NDArray[np.bool_], difference: Plane, noise: Plane, sides: Sequence[ReferenceEstimate]
) -> NDArray[np.bool_]:
    """(h, w) the connected parts of a ghost (h, w) in which enough structure changed.

    `difference` (h, w, 3) is that of the two `sides`, `noise` (h, w, 3) the variance of its noise.
    """
    left, top, width, height = cv2.boundingRect(ghost.view(np.uint8))
    if not width:
        return ghost
    margin = int(np.ceil(4 * STRUCTURE.scale_px)) + 2
    box = (slice(max(top - margin, 0), top + height + margin), slice(max(left - margin, 0), left + width + margin))
    part = np.ascontiguousarray(ghost[box]).view(np.uint8)
    seen = [np.minimum(side.radiance[box], side.limit[box]) for side in sides]
    changed = structural_change(difference[box], noise[box], seen)
    count, labels = cv2.connectedComponents(part, connectivity=8)
    core = cv2.erode(part, np.ones((3, 3), np.uint8))
    structure, rim = (np.bincount(labels[mask], minlength=count) for mask in ((part > 0) & changed, part > core))
    keep = structure >= STRUCTURE.per_rim * rim
    keep[0] = False
    kept = np.zeros_like(ghost)
    kept[box] = keep[labels]
    return kept


def structural_change(difference: Plane, noise: Plane, seen: Sequence[Plane]) -> NDArray[np.bool_]:
    """(h, w) where a difference (h, w, 3), of a noise of variance (h, w, 3), has slopes that not both frames have."""
    weaker = np.asarray(cv2.dilate(np.minimum(*map(_slope, seen)), np.ones((3, 3), np.uint8)), np.float32)
    # A derivative of a Gaussian mean leaves 1 / (8 pi sigma^4) of white noise's variance on either axis.
    spread = np.sqrt(noise / np.float32(4.0 * np.pi * STRUCTURE.scale_px**4))
    excess = _slope(difference) - np.float32(STRUCTURE.common) * weaker - np.float32(STRUCTURE.certain) * spread
    return np.asarray(channel_max(excess) > 0)


def _slope(plane: Plane) -> Plane:
    """(h, w, 3) size of the gradient, per pixel."""
    smooth = cv2.GaussianBlur(plane, (0, 0), STRUCTURE.scale_px)
    x, y = (np.asarray(cv2.Sobel(smooth, -1, *order, scale=0.125), np.float32) for order in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(x, y), np.float32)

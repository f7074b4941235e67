"""Decision borders: where the source of a merge's pixels changes, and the steps there that no frame shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING
from hdrfuse.imaging.merging.strips import enlarge_rows
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_mean

Mask = NDArray[np.bool_]

Places = tuple[Mask, Mask]
"""Pixels whose lower, and whose right neighbour is beyond a border: (H - 1, W) and (H, W - 1)."""

SIGMA_PX = 2.0
"""Gaussian under which steps are measured: noise and texture of a pixel's size are no border."""

REACH_PX = 4
"""Steps are between the means this far from the border's pixels: of an ideal cut they hold 92 %, derived."""

LEAST_EXPOSURE = 0.01
"""Exposure below which a frame shows nothing, nor the result below that of the longest: as where seams are scored."""

MUTE_SHARE = 0.1
"""Share of black or white under the Gaussian from which a frame measures no mean; 4 % beside an edge, derived."""

HIGH_PERCENTILE = 99.0


@dataclass(frozen=True, kw_only=True)
class BorderSteps:
    """Contrast across the borders of decisions, in stops beyond the largest that any frame shows at the same place."""

    border_px: int
    """How many places along borders a frame measures."""
    median_ev: float | None
    """None where there is none."""
    high_ev: float | None
    """99th percentile."""


def border_steps(radiance: Plane, frames: Sequence[CalibratedFrame], ghosts: Ghosts) -> BorderSteps:
    """Steps of a merge (H, W, 3), in the frames' own unit, where a frame is rejected, ends, or a highlight is filled.

    |log2 of the channels' mean, one side - other side|, less the largest of the frames' own and never below 0. Only
    places count where at least one frame measures both sides: the depth of a scene that no frame spans is no fault. A
    frame that clips a side shows a step to its white, one that has no data there shows none.
    """
    places = _borders(frames, ghosts, (radiance.shape[0], radiance.shape[1]))
    count = sum(int(np.count_nonzero(place)) for place in places)
    shown, measured = np.zeros(count, np.float32), np.zeros(count, bool)
    for frame in frames:
        exposure = frame.exposure()
        light = channel_mean(exposure)
        before, after = _both_sides(_stops(light, LEAST_EXPOSURE), places)
        seen = np.ones(count, bool)
        if frame.valid is not None:
            seen = np.logical_and(*_both_sides(_far_from_nothing(frame.valid), places))
        np.maximum(shown, np.abs(after - before), out=shown, where=seen)
        mute = light < LEAST_EXPOSURE
        if frame.clips:
            mute |= channel_max(exposure) > CLIPPING.start
        measured |= seen & (np.maximum(*_both_sides(_smooth(mute.astype(np.float32)), places)) < MUTE_SHARE)
    least = LEAST_EXPOSURE / max(frame.gain for frame in frames)
    before, after = _both_sides(_stops(channel_mean(radiance), least), places)
    beyond = np.maximum(np.abs(after - before) - shown, 0.0)[measured]
    if not beyond.size:
        return BorderSteps(border_px=0, median_ev=None, high_ev=None)
    middle, high = np.percentile(beyond, (50.0, HIGH_PERCENTILE))
    return BorderSteps(border_px=beyond.size, median_ev=round(float(middle), 4), high_ev=round(float(high), 4))


def _borders(frames: Sequence[CalibratedFrame], ghosts: Ghosts, shape: tuple[int, int]) -> Places:
    """Where decisions end: of a frame's rejection only where the frame is no mere white, which would change nothing."""
    height, width = shape
    places = np.zeros((height - 1, width), bool), np.zeros((height, width - 1), bool)
    for frame, consistency in zip(frames, ghosts.consistency, strict=True):
        kept = enlarge_rows(consistency, shape) >= 0.5
        if frame.valid is not None:
            kept &= frame.valid
        if kept.all() or not kept.any():
            continue
        speaks = channel_max(frame.exposure()) < CLIPPING.end if frame.clips else np.ones(shape, bool)
        for place, changes, either in zip(places, _changes(kept), _either(speaks), strict=True):
            np.logical_or(place, changes & either, out=place)
    filled = enlarge_rows(ghosts.occluded_highlight_mask, shape) > 0.5
    for place, changes in zip(places, _changes(filled), strict=True):
        np.logical_or(place, changes, out=place)
    for place in places:  # too near the picture's edge to have two sides
        place[:REACH_PX] = place[-REACH_PX:] = False
        place[:, :REACH_PX] = place[:, -REACH_PX:] = False
    return places


def _changes(mask: Mask) -> Places:
    """Where a mask (H, W) differs from its lower, and from its right neighbour."""
    return mask[:-1] != mask[1:], mask[:, :-1] != mask[:, 1:]


def _either(mask: Mask) -> Places:
    """Where a mask (H, W) or its lower, and its right neighbour is set."""
    return mask[:-1] | mask[1:], mask[:, :-1] | mask[:, 1:]


def _stops(light: Plane, least: float) -> Plane:
    """(H, W) log2 of light, less of a pixel's size."""
    return _smooth(np.log2(np.maximum(light, np.float32(least))))


def _smooth(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), SIGMA_PX), np.float32)


def _both_sides(plane: NDArray[Any], places: Places) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values (n,) of a plane (H, W) on one and on the other side of the places."""
    (down_y, down_x), (right_y, right_x) = (np.nonzero(place) for place in places)
    before, after = 1 - REACH_PX, REACH_PX
    return (
        np.concatenate([plane[down_y + before, down_x], plane[right_y, right_x + before]]),
        np.concatenate([plane[down_y + after, down_x], plane[right_y, right_x + after]]),
    )


def _far_from_nothing(valid: Mask) -> Mask:
    """(H, W) where the Gaussian meets none of what has no data, to a thousandth."""
    return cv2.erode(valid.astype(np.uint8), np.ones((int(6 * SIGMA_PX) + 1,) * 2, np.uint8)).astype(bool)

"""Coverage: where the frames of a bracket have data, and who stands in for a frame that has none."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.radiometry import CalibratedFrame, Plane

Mask = NDArray[np.bool_]
"""(H, W) true where there is data."""


def stand_ins(frames: Sequence[CalibratedFrame], reference: int) -> list[int]:
    """Frames that may show what the reference has no data of, in the order in which they are asked.

    Darker ones first, which clip less, and the nearest of each side.
    """
    return [*range(reference - 1, -1, -1), *range(reference + 1, len(frames))]


def seen_by_any(frames: Sequence[CalibratedFrame], rows: slice = slice(None)) -> Mask | None:
    """(h, W) where at least one frame has data in some rows; None = everywhere."""
    seen: Mask | None = None
    for frame in frames:
        if frame.valid is None:
            return None
        seen = frame.valid[rows] if seen is None else seen | frame.valid[rows]
    return seen


def carried_outwards(plane: Plane, valid: Mask) -> Plane:
    """The plane (h, w) with the value of the nearest pixel that has data wherever there is none."""
    if not valid.any():
        return plane
    _, labels = cv2.distanceTransformWithLabels(
        (~valid).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(labels.max()) + 1, plane.dtype)
    values[labels[valid]] = plane[valid]
    return np.where(valid, plane, values[labels])

"""Ghost detection at working resolution: frames averaged to a size at which ghosts are looked for, and the ghosts."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.imaging.merging.consistency import Tolerance
from hdrfuse.imaging.merging.ghosts import Ghosts, find_ghosts
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane

GHOST_PIXELS = 2_000_000
"""Larger frames are averaged over 2 x 2 pixels and more before they are searched for ghosts; performance only."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GhostDetection:
    """Ghosts, and the averaged frames in which they were looked for."""

    averaged_px: int
    """Side of the squares of pixels that were averaged."""
    frames: Sequence[CalibratedFrame]
    ghosts: Ghosts

    def averaged(self, plane: Plane) -> Plane:
        """A plane (H, W, 3) of the frame's size at that of the search."""
        if self.averaged_px == 1:
            return plane
        height, width = (extent // self.averaged_px for extent in plane.shape[:2])
        return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def detect_ghosts(frames: Sequence[CalibratedFrame], reference: int, tolerance: Sequence[Tolerance]) -> GhostDetection:
    """Look for ghosts in registered frames, at working resolution; `tolerance` has one entry a frame."""
    averaged_px = int(np.ceil(np.sqrt(max(1.0, frames[reference].pixels[..., 0].size / GHOST_PIXELS))))
    reduced = [frame.reduced(averaged_px) for frame in frames]
    return GhostDetection(averaged_px=averaged_px, frames=reduced, ghosts=find_ghosts(reduced, reference, tolerance))

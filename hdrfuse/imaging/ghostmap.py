"""Ghost map: a picture of what was taken from where."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.ghosts import Ghosts
from hdrfuse.imaging.radiometry import Exposed


def draw_ghost_map(frames: Sequence[Exposed], reference: int, ghosts: Ghosts) -> NDArray[np.uint8]:
    """Paint the frame (H, W, 3) uint8 sRGB, with a legend below."""
    height, width = frames[0].pixels.shape[:2]
    grey = np.min(ghosts.consistency, axis=0)
    return np.repeat((cv2.resize(grey, (width, height)) * 255).astype(np.uint8)[..., None], 3, -1)

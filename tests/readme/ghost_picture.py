"""Make the README's picture from the demo: the same frames merged without and with ghost removal.

Run as `python tests/readme/ghost_picture.py`; it writes ghost.jpg beside itself.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import hdrfuse
from hdrfuse.data.demo import EVS, demo_bracket
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS
from hdrfuse.imaging.merging.no_deghosting import merge_without_deghosting

PICTURE = Path(__file__).with_name("ghost.jpg")
ROWS, COLUMNS = slice(180, 760), slice(210, 720)
"""The walker and the ball."""

GAP_PX = 8


def ghost_picture() -> NDArray[np.uint8]:
    """Both merges side by side under one tone curve, (H, W, 3) sRGB."""
    merged = hdrfuse.merge(demo_bracket().frames, EVS, method="classical")
    both = np.concatenate([merge_without_deghosting(merged.frames), merged.radiance], axis=1)
    toned = TONEMAPPERS["reinhard"](both)
    left, right = toned[ROWS, COLUMNS], np.array_split(toned, 2, axis=1)[1][ROWS, COLUMNS]
    gap = np.full((left.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


if __name__ == "__main__":
    Image.fromarray(ghost_picture()).save(PICTURE, quality=85, optimize=True)

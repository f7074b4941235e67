"""Make the README's picture from the demo: the same frames merged without and with ghost removal.

Run as `python tests/readme/ghost_picture.py`; it writes ghost.jpg beside itself.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import hdrfuse
from hdrfuse.data.demo import EVS, demo_bracket
from hdrfuse.imaging.tonemapping import TONEMAPPERS

PICTURE = Path(__file__).with_name("ghost.jpg")
ROWS, COLUMNS = slice(180, 760), slice(210, 720)
"""The walker and the ball."""

GAP_PX = 8


def merged_plainly(merged: hdrfuse.Merged) -> NDArray[np.float32]:
    """The registered frames' mean under triangle weights: what merging does that knows no ghosts."""
    total = weights = np.float32(0)
    last = len(merged.frames) - 1
    for index, frame in enumerate(merged.frames):
        exposure = frame.exposure()
        encoded = exposure ** np.float32(1 / 2.2)
        rising = 1.0 if index == last else 2 * encoded
        falling = 1.0 if index == 0 else 2 - 2 * encoded
        weight = np.clip(np.minimum(rising, falling), 1e-6, 1).mean(axis=2, keepdims=True, dtype=np.float32)
        if frame.valid is not None:
            weight *= frame.valid[..., None]
        total = total + weight * exposure / np.float32(frame.gain)
        weights = weights + weight
    return np.asarray(total / np.maximum(weights, 1e-9), np.float32)


def ghost_picture() -> NDArray[np.uint8]:
    """Both merges side by side under one tone curve, (H, W, 3) sRGB."""
    merged = hdrfuse.merge(demo_bracket().frames, EVS, method="classical")
    both = np.concatenate([merged_plainly(merged), merged.radiance], axis=1)
    toned = TONEMAPPERS["reinhard"](both)
    left, right = toned[ROWS, COLUMNS], np.array_split(toned, 2, axis=1)[1][ROWS, COLUMNS]
    gap = np.full((left.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


if __name__ == "__main__":
    Image.fromarray(ghost_picture()).save(PICTURE, quality=85, optimize=True)

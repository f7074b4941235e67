"""Clips made on the fly: a bright square that walks over a textured ground, or stands."""

from pathlib import Path

import cv2
import numpy as np
import pytest

SIZE = (192, 160)
"""Width and height."""


def drawn_frame(left_px: int) -> np.ndarray:
    """A frame (H, W, 3) uint8 with the square at a place."""
    middle = SIZE[1] // 2
    coarse = np.random.default_rng(0).integers(40, 120, (10, 12, 3)).astype(np.uint8)
    frame = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    frame[middle - 24 : middle + 24, left_px : left_px + 40] = (60, 140, 240)
    return frame


def write_clip(path: Path, frames: int = 24, step_px: int = 6) -> Path:
    """Write a clip whose square walks by so much a frame; skips the test where OpenCV cannot write one."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, SIZE)
    if not video.isOpened():
        pytest.skip("this OpenCV has no mp4v encoder")
    for index in range(frames):
        video.write(drawn_frame(4 + index * step_px))
    video.release()
    return path

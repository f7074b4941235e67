"""Baselines: merges that know the true curve and no ghosts, for the evaluation and the benchmark alike."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.merging.no_deghosting import triangle_mean

Region = tuple[slice, slice]
"""Rows and columns."""


def reference_alone(bracket: KnownBracket) -> NDArray[np.float64]:
    """The reference frame's own radiance (H, W, 3), 1.0 = white of the shortest frame; its highlights are clipped."""
    return _exposure(bracket.frames[bracket.reference]) / bracket.gains[bracket.reference]


def triangle_weights_merge(bracket: KnownBracket) -> NDArray[np.float64]:
    """The plain merge (H, W, 3) by triangle weights, without registration; 1.0 = white of the shortest frame."""
    return triangle_mean([_exposure(frame) for frame in bracket.frames], bracket.gains)


def opencv_debevec(bracket: KnownBracket, *, align: bool = False) -> tuple[NDArray[np.float32], Region]:
    """OpenCV's MergeDebevec at the 8 bits that it takes -> radiance (H, W, 3), and where all its frames have data.

    With `align`, its AlignMTB goes before: whole pixels, and what comes in repeats the frame's edge.
    """
    frames = [np.rint(frame * (255 / np.iinfo(frame.dtype).max)).astype(np.uint8) for frame in bracket.frames]
    height, width = frames[0].shape[:2]
    region = (slice(0, height), slice(0, width))
    if align:
        aligner = cv2.createAlignMTB()
        greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        shifts = [aligner.calculateShift(greys[bracket.reference], grey) for grey in greys]
        frames = [_shifted(frame, shift) for frame, shift in zip(frames, shifts, strict=True)]
        dx, dy = zip(*shifts, strict=True)
        region = (slice(max(0, *dy), height + min(0, *dy)), slice(max(0, *dx), width + min(0, *dx)))
    curve = np.maximum(np.linspace(0.0, 1.0, 256) ** GAMMA, 1e-6).astype(np.float32)
    response = np.repeat(curve[:, None, None], 3, axis=2)
    times = np.array(bracket.gains, np.float32)
    merged = cv2.createMergeDebevec().process(frames, times=times, response=response)
    return np.asarray(merged, np.float32), region


def _exposure(frame: NDArray[Any]) -> NDArray[np.float64]:
    """Linear exposure (H, W, 3) of a frame in gamma 2.2, white = 1."""
    return np.asarray((frame / float(np.iinfo(frame.dtype).max)) ** GAMMA)


def _shifted(frame: NDArray[np.uint8], shift: Sequence[int]) -> NDArray[np.uint8]:
    """Move a frame (H, W, 3) by whole pixels; what comes in repeats its edge."""
    matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    height, width = frame.shape[:2]
    moved = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)

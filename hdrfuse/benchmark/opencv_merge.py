"""The peer: OpenCV's AlignMTB and MergeDebevec, used as its documentation shows."""

import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def merge_files(paths: Sequence[str], times_s: Sequence[float], out: str) -> dict[str, float]:
    """Read, align, merge and write a .hdr -> seconds a stage; no calibration, as in the plain use."""
    clock = [time.perf_counter()]
    images: Any = [cv2.imread(path, cv2.IMREAD_COLOR) for path in paths]
    clock.append(time.perf_counter())
    aligned: Any = [np.empty_like(image) for image in images]
    cv2.createAlignMTB().process(images, aligned)
    clock.append(time.perf_counter())
    radiance = cv2.createMergeDebevec().process(aligned, times=np.array(times_s, np.float32))
    clock.append(time.perf_counter())
    cv2.imwrite(out, radiance)
    clock.append(time.perf_counter())
    names = ("reading", "registering", "merging", "writing")
    return {name: round(end - start, 3) for name, start, end in zip(names, clock, clock[1:], strict=False)}


def merge_arrays(
    frames: Sequence[NDArray[np.uint8]], gains: Sequence[float], response: NDArray[np.float64], reference: int
) -> tuple[NDArray[np.float32], tuple[slice, slice]]:
    """Align frames (H, W, 3) to the reference and merge them under a known response (256,).

    Returns the radiance (H, W, 3), 1.0 = white of a frame of gain 1, and the rows and columns where every
    shifted frame has data.
    """
    height, width = frames[0].shape[:2]
    aligner = cv2.createAlignMTB()
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    shifts = [aligner.calculateShift(greys[reference], grey) for grey in greys]
    aligned = [aligner.shiftMat(frame, shift) for frame, shift in zip(frames, shifts, strict=True)]
    known = np.repeat(np.maximum(response, 1e-6).astype(np.float32)[:, None, None], 3, axis=2)
    radiance = cv2.createMergeDebevec().process(aligned, times=np.array(gains, np.float32), response=known)
    dx, dy = zip(*shifts, strict=True)
    rows = slice(max(0, *dy), height + min(0, *dy))
    columns = slice(max(0, *dx), width + min(0, *dx))
    return np.asarray(radiance, np.float32), (rows, columns)

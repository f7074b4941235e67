"""The peer: OpenCV's AlignMTB and MergeDebevec, used as its documentation shows."""

import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np


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

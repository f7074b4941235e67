"""Bicubic resizing as MATLAB's imresize does it: a = -0.5, smoothed when shrinking, mirrored edges."""

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def resized(planes: Tensor, height: int, width: int) -> Tensor:
    """Return planes (..., h, w) as (..., height, width), not clipped to their range."""
    return _along(_along(planes, -2, height), -1, width)


def _along(planes: Tensor, axis: int, size: int) -> Tensor:
    """Planes (..., h, w) with axis -2 or -1 of another size."""
    if planes.shape[axis] == size:
        return planes
    shape = list(planes.shape)
    sources, weights = (torch.from_numpy(taps).to(planes.device) for taps in _taps(shape[axis], size))
    shape[axis] = size
    total = planes.new_zeros(shape)
    for source, weight in zip(sources, weights, strict=True):
        total.addcmul_(planes.index_select(axis, source), weight if axis == -1 else weight[:, None])
    return total


@cache
def _taps(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices of the old samples and their weights (taps, new): each new sample is their sum."""
    scale = new / old
    stretch = max(1.0, old / new)
    centre = (np.arange(new) + 0.5) / scale - 0.5
    count = math.ceil(4 * stretch) + 2
    index = np.floor(centre - 2 * stretch).astype(np.int64) + np.arange(count)[:, None]
    weight = _cubic((centre - index) / stretch)
    weight /= weight.sum(axis=0)
    mirrored = index % (2 * old)
    mirrored = np.where(mirrored < old, mirrored, 2 * old - 1 - mirrored)
    used = (weight != 0).any(axis=1)
    return mirrored[used], weight[used]


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys 1981, a = -0.5."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))

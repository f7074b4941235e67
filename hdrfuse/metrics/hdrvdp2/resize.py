"""Bicubic resizing as MATLAB's imresize does it: a = -0.5, smoothed when shrinking, mirrored edges."""

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def resized(planes: Tensor, height: int, width: int) -> Tensor:
    """Return planes (..., h, w) as (..., height, width), not clipped to their range."""
    return _along_rows(_along_rows(planes, height).mT, width).mT


def _along_rows(planes: Tensor, size: int) -> Tensor:
    """(..., h, w) -> (..., size, w)."""
    if planes.shape[-2] == size:
        return planes
    sources, weights = _taps(planes.shape[-2], size)
    total = planes.new_zeros((*planes.shape[:-2], size, planes.shape[-1]))
    for source, weight in zip(sources, weights, strict=True):
        rows = planes.index_select(-2, torch.as_tensor(source, device=planes.device))
        total.addcmul_(rows, torch.as_tensor(weight, device=planes.device)[:, None])
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

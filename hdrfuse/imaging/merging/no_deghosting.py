"""The plain merge, which knows no ghosts: what better ones are compared with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane

LEAST = 1e-6
"""Weight of what is black or white: keeps the mean defined where every frame is."""


def triangle_weights(exposures: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Weight (H, W, 3) of every linear exposure in [0, 1], darkest first: a triangle over its value in GAMMA.

    The darkest keeps its weight up to white and the brightest down to black: no frame knows better (Debevec & Malik
    1997, eq. 4).
    """
    last = len(exposures) - 1
    weights = []
    for index, exposure in enumerate(exposures):
        encoded = np.clip(exposure, 0, 1) ** np.asarray(1 / GAMMA, exposure.dtype)
        rising = np.ones_like(encoded) if index == last else 2 * encoded
        falling = np.ones_like(encoded) if index == 0 else 2 - 2 * encoded
        weights.append(np.clip(np.minimum(rising, falling), LEAST, 1))
    return weights


def triangle_mean(exposures: Sequence[NDArray[Any]], gains: Sequence[float]) -> NDArray[Any]:
    """Mean radiance (H, W, 3) under triangle weights, each channel by itself; `gains` are exposure per radiance."""
    weights = triangle_weights(exposures)
    total = sum(weight * exposure / gain for weight, exposure, gain in zip(weights, exposures, gains, strict=True))
    return np.asarray(total / sum(weights))


def merge_without_deghosting(frames: Sequence[CalibratedFrame]) -> Plane:
    """Mean radiance (H, W, 3) of registered frames under triangle weights, one a pixel so that hues stay whole."""
    exposures = [frame.exposure() for frame in frames]
    total, weights = np.zeros_like(exposures[0]), np.full((*exposures[0].shape[:2], 1), np.float32(1e-9))
    for frame, exposure, each in zip(frames, exposures, triangle_weights(exposures), strict=True):
        weight = each.mean(axis=2, keepdims=True)
        if frame.valid is not None:
            weight = weight * frame.valid[..., None]
        total += weight * exposure / np.float32(frame.gain)
        weights += weight
    return np.asarray(total / weights, np.float32)

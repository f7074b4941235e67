"""Where a frame nears white, and what may stand behind it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.radiometry import Exposed, Plane, brightest, darkest

CLIP_FROM, CLIP_TO = 0.80, 0.96
"""Exposure over which a pixel's weight falls from one to nothing, as a share of white."""

PALE = (0.5, 0.8)
"""Exposure of the darkest channel over which a clipped pixel counts as white rather than as a bright colour."""


def whiteness(frame: Exposed) -> Plane:
    """(h, w) 1 where a frame is clipped to white; a channel far from white tells what is there, hue included."""
    exposure = frame.exposure()
    return ramp(brightest(exposure), CLIP_FROM, CLIP_TO) * ramp(darkest(exposure), *PALE)


def ramp(plane: Plane, low: float, high: float) -> Plane:
    """0 up to `low`, 1 from `high`, straight in between."""
    return np.asarray(np.clip((plane - low) / (high - low), 0.0, 1.0), np.float32)


def continued(radiance: Plane, *, known: Plane, clipped: NDArray[np.bool_]) -> Plane:
    """Fill the unknown from the known highlights around it, coarse to fine (push-pull of Gortler et al. 1996)."""
    weight = (known * clipped).astype(np.float32)
    weight[known < 0.99] = 0.0
    return push_pull(radiance * weight[..., None], weight, radiance)


def push_pull(weighted: Plane, weight: Plane, fallback: Plane) -> Plane:
    """Values (h, w, 3) known where `weight` (h, w) > 0, carried on smoothly elsewhere; `weighted` = value * weight."""
    height, width = weight.shape
    if min(height, width) <= 2:
        total = float(weight.sum())
        mean = weighted.sum(axis=(0, 1)) / total if total > 0 else fallback.mean(axis=(0, 1))
        return np.broadcast_to(mean.astype(np.float32), fallback.shape).copy()
    size = (max(width // 2, 1), max(height // 2, 1))
    coarse_weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    coarse_sum = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    # A coarse pixel that holds any known pixel is known: that keeps the fill close to its border.
    scale = np.where(coarse_weight > 0, 1.0 / np.maximum(coarse_weight, 1e-6), 0.0).astype(np.float32)
    coarse = push_pull(
        coarse_sum * scale[..., None], (coarse_weight > 0).astype(np.float32),
        np.asarray(cv2.resize(fallback, size, interpolation=cv2.INTER_AREA), np.float32),
    )  # fmt: skip
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(weight[..., None] > 0, weighted / np.maximum(weight, 1e-6)[..., None], up)

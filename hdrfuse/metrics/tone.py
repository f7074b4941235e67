"""Scores of merges whose absolute tones no file states: after one smooth tone a channel, and seams beside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.metrics.psnr import psnr_mu

Array = NDArray[np.float32]

FITTED = (0.004, 3.0)
"""Truth, 1.0 = the reference's white, that the tone is fitted on: neither noise nor what few frames hold."""

ENDS = (0.5, 99.5)
"""Percentiles of the result beyond which the tone is held constant."""

ROUNDS = 8
LEAST_RESIDUAL = 0.02
"""Stops below which a residual has full weight when the tone is fitted anew."""

STEP_PX = 6
"""Distance over which a seam is measured."""

FLAT_STOPS = 0.15
"""Change of the truth over that distance up to which a place is flat."""

SEAM_PERCENTILE = 99.9


def align_tone(result: Array, truth: Array) -> Array:
    """Return the result (H, W, 3) under one smooth tone a channel, which makes it most like the truth (H, W, 3).

    log2(truth / result) is fitted as a cubic in log2(result), least squares reweighted by residual. 1.0 = the
    reference's white.
    """
    aligned = np.empty_like(result, np.float32)
    for c in range(3):
        stops = np.log2(np.maximum(result[..., c], 1e-6))
        used = (truth[..., c] > FITTED[0]) & (truth[..., c] < FITTED[1]) & (result[..., c] > 1e-6)
        if np.count_nonzero(used) < 100:
            aligned[..., c] = result[..., c]
            continue
        x = stops[used].astype(np.float64)
        y = np.log2(truth[..., c][used].astype(np.float64)) - x
        low, high = np.percentile(x, ENDS)
        middle, half = (low + high) / 2, max((high - low) / 2, 1e-3)
        columns = np.polynomial.polynomial.polyvander((np.clip(x, low, high) - middle) / half, 3)
        weights = np.ones_like(x)
        for _ in range(ROUNDS):
            weighted = columns * weights[:, None]
            tone = np.linalg.lstsq(weighted.T @ columns, weighted.T @ y, rcond=None)[0]
            weights = 1.0 / np.maximum(np.abs(y - columns @ tone), LEAST_RESIDUAL)
        place = (np.clip(stops, low, high) - middle) / half
        gain = np.polynomial.polynomial.polyval(place, tone)
        aligned[..., c] = result[..., c] * np.exp2(gain)
    return aligned


def psnr_mu_after_tone(aligned: Array, truth: Array, white: float) -> float:
    """PSNR-mu in dB (mu = 5000) of an aligned result, 1.0 = the reference's white, over the shortest frame's white."""
    return float(psnr_mu(np.clip(aligned / white, 0, 1), np.clip(truth / white, 0, 1)))


def seam_stops(aligned: Array, truth: Array, white: float) -> float:
    """Contrast in stops of steps that an aligned result shows where the truth (H, W, 3) is flat.

    The 99.9th percentile of the largest change of the error over 6 pixels; 1.0 = the reference's white. NaN where
    nothing is flat.
    """
    error = np.log2(np.maximum(aligned.mean(axis=2), 1e-6)) - np.log2(np.maximum(truth.mean(axis=2), 1e-6))
    error = cv2.GaussianBlur(error.astype(np.float32), (0, 0), 2.0)
    smooth = cv2.GaussianBlur(np.log2(np.maximum(truth.mean(axis=2), 1e-6)).astype(np.float32), (0, 0), 1.0)
    measured = (truth.mean(axis=2) > 0.01) & (truth.max(axis=2) < 0.875 * white)
    step, texture = _largest_change(error, both_ways=False), _largest_change(smooth, both_ways=True)
    places = step[measured & (texture < FLAT_STOPS)]
    return float(np.percentile(places, SEAM_PERCENTILE)) if places.size else float("nan")


def _largest_change(plane: Array, *, both_ways: bool) -> Array:
    """(H, W) largest change over STEP_PX along both axes, towards the top left alone or to all four sides."""
    changes = []
    for axis in (0, 1):
        for shift in (STEP_PX, -STEP_PX) if both_ways else (STEP_PX,):
            change = np.abs(plane - np.roll(plane, shift, axis))
            edge = (slice(None),) * axis + (slice(None, STEP_PX) if shift > 0 else slice(-STEP_PX, None),)
            change[edge] = np.inf if both_ways else 0.0
            changes.append(change)
    return np.asarray(np.max(changes, axis=0), np.float32)

"""PSNR as the HDR deghosting papers score it: of linear radiance and of its mu-law compression."""

import numpy as np
from numpy.typing import NDArray

MU = 5000.0
"""Compression of the mu-law (Kalantari & Ramamoorthi 2017, eq. 5)."""


def psnr_l(*, prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return PSNR-L in dB over all pixels and channels of linear radiance (H, W, 3), data range 1.

    float64 throughout; the prediction is clipped to [0, 1], the truth is taken as it is. Equal pictures
    score infinity, a prediction with a NaN scores NaN. Raises ValueError for different or empty shapes.
    """
    return peak_signal_to_noise_db(clipped(prediction), np.asarray(truth, np.float64))


def psnr_mu(*, prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return PSNR-mu in dB: PSNR-L of both pictures (H, W, 3) after the mu-law, mu = 5000.

    Clipping, precision and errors are psnr_l's. Source: Kalantari & Ramamoorthi 2017, eq. 5.
    """
    return peak_signal_to_noise_db(mu_law(clipped(prediction)), mu_law(np.asarray(truth, np.float64)))


def mu_law(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compress linear values, 1.0 = white, to log(1 + mu x) / log(1 + mu), any shape."""
    return np.log1p(MU * linear) / np.log1p(MU)


def clipped(prediction: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a prediction in float64 within [0, 1]."""
    return np.clip(np.asarray(prediction, np.float64), 0.0, 1.0)


def peak_signal_to_noise_db(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return 10 log10(1 / MSE) of two arrays of one shape, infinity for equal ones."""
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"pictures of shapes {a.shape} and {b.shape}; one shape with pixels is expected")
    mean_squared_error = float(np.mean((a - b) ** 2))
    return float("inf") if mean_squared_error == 0 else float(-10 * np.log10(mean_squared_error))

"""PSNR as the HDR deghosting papers score it: of linear radiance and of its mu-law compression."""

import math

import numpy as np

from hdrfuse.metrics.pair import Array, Picture, float64_pair, is_tensor

MU = 5000.0
"""Compression of the mu-law (Kalantari & Ramamoorthi 2017, eq. 5)."""

DARKEST = -1 / (1 + MU)
"""Where the mu-law is -1; below -1 / mu it has no value."""


def psnr_l(image: Picture, reference: Picture, *, clip: bool = True) -> float:
    """Return PSNR-L in dB over all pixels and channels of linear radiance (H, W, 3), data range 1.

    float64 throughout; the image is clipped to [0, 1] unless `clip` is off, the reference is taken as it is.
    Array shape will do, a selection of pixels (N, 3) too. Equal pictures score infinity. Raises BadInputError for
    different or empty shapes, integers, NaN and infinity. Source: Kalantari & Ramamoorthi 2017, section 5.
    """
    a, b = float64_pair(image, reference)
    return peak_signal_to_noise_db(clipped(a) if clip else a, b)


def psnr_mu(image: Picture, reference: Picture, *, clip: bool = True) -> float:
    """Return PSNR-mu in dB: PSNR-L of both pictures (H, W, 3) after the mu-law, mu = 5000.

    Clipping, precision and errors are psnr_l's. Source: Kalantari & Ramamoorthi 2017, eq. 5.
    """
    a, b = float64_pair(image, reference)
    return peak_signal_to_noise_db(mu_law(clipped(a) if clip else a), mu_law(b))


def mu_law(linear: Array) -> Array:
    """Compress linear values of any shape, 1.0 = white, to log(1 + mu x) / log(1 + mu), numpy or torch.

    Values below -1 / (1 + mu) count as that, and become -1: the logarithm ends at -1 / mu.
    """
    argument = MU * linear.clip(min=DARKEST)
    return (argument.log1p() if is_tensor(argument) else np.log1p(argument)) / math.log1p(MU)


def clipped(image: Array) -> Array:
    """Return values within [0, 1], numpy or torch."""
    return image.clip(min=0.0, max=1.0)


def peak_signal_to_noise_db(a: Array, b: Array, *, peak: float = 1.0) -> float:
    """Return 10 log10(peak^2 / MSE) of two arrays of one shape, infinity for equal ones."""
    mean_squared_error = float(((a - b) ** 2).mean())
    return math.inf if mean_squared_error == 0 else 10 * math.log10(peak**2 / mean_squared_error)

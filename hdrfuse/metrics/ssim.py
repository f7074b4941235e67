"""Structural similarity of linear radiance and of its mu-law compression."""

from typing import TYPE_CHECKING

import numpy as np

from hdrfuse.metrics.pair import Array, Picture, check_picture, float64_pair, to_tensor
from hdrfuse.metrics.psnr import clipped, mu_law

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_PX = 11
SIGMA_PX = 1.5
K1, K2 = 0.01, 0.03
"""Window and constants of Wang, Bovik, Sheikh & Simoncelli 2004, section III.B."""

DATA_RANGE = 255.0


def ssim_l(image: Picture, reference: Picture, *, clip: bool = True) -> float:
    """Return SSIM-L of linear radiance (H, W, 3), 1.0 = white: 1 for equal pictures, smaller for others.

    float64; values x 255; an 11 x 11 Gaussian window, sigma 1.5, where it lies within the picture; per channel,
    plain mean. The image is clipped to [0, 1] unless `clip` is off, the reference is taken as it is. Raises
    BadInputError for different shapes, sides below 11, integers, NaN and infinity.
    Source: Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13; scikit-image's with gaussian_weights agrees.
    """
    a, b = float64_pair(image, reference)
    return structural_similarity((clipped(a) if clip else a) * DATA_RANGE, b * DATA_RANGE)


def ssim_mu(image: Picture, reference: Picture, *, clip: bool = True) -> float:
    """Return SSIM-mu: SSIM-L of both pictures (H, W, 3) after the mu-law, mu = 5000; all else is ssim_l's."""
    a, b = float64_pair(image, reference)
    return structural_similarity(mu_law(clipped(a) if clip else a) * DATA_RANGE, mu_law(b) * DATA_RANGE)


def structural_similarity(a: Array, b: Array, *, data_range: float = DATA_RANGE) -> float:
    """Return the mean SSIM of two float64 pictures (H, W, C), numpy or torch, over pixels and channels."""
    check_picture(tuple(a.shape), WINDOW_PX, "SSIM")
    planes = zip(to_tensor(a).unbind(-1), to_tensor(b).unbind(-1), strict=True)
    channels = [_similarity_map(x, y, data_range).mean() for x, y in planes]
    return float(sum(channels)) / len(channels)


def _similarity_map(x: "Tensor", y: "Tensor", data_range: float) -> "Tensor":
    """SSIM of two planes (H, W) -> (H - 10, W - 10); Wang et al. 2004, eq. 13."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    mean_xy, mean_squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _local_mean(x * y) - mean_xy
    variances = _local_mean(x**2 + y**2) - mean_squares  # of x and of y, added
    return (2 * mean_xy + c1) * (2 * covariance + c2) / ((mean_squares + c1) * (variances + c2))


def _local_mean(plane: "Tensor") -> "Tensor":
    """Gaussian mean around each pixel whose window lies within the plane."""
    return _slide(_slide(plane).T).T


def _slide(plane: "Tensor") -> "Tensor":
    """(H, W) -> (H - 10, W): the window along the first axis; float64 convolutions of torch are ten times slower."""
    offsets = np.arange(WINDOW_PX) - WINDOW_PX // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA_PX**2))
    weights /= weights.sum()
    rows = plane.shape[0] - WINDOW_PX + 1
    total = plane[:rows] * float(weights[0])
    for index in range(1, WINDOW_PX):
        total.add_(plane[index : index + rows], alpha=float(weights[index]))
    return total

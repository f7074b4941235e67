"""Robust statistics: what outliers do not move as long as they are fewer than half."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGMA_OF_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation (Rousseeuw & Croux 1993)."""


def robust_sigma(
    errors: NDArray[np.floating[Any]], *, centre: float | None = None, axis: int | None = None
) -> NDArray[np.float64]:
    """Standard deviation of errors by their median absolute deviation from a centre, or from their own median.

    Over all of them -> (), or along an axis.
    """
    middle = np.median(errors, axis=axis, keepdims=True) if centre is None else centre
    deviation = np.median(np.abs(errors - middle), axis=axis)
    return SIGMA_OF_MAD * np.asarray(deviation, np.float64)

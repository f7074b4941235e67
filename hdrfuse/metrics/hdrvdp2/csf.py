"""Contrast sensitivity of what comes after the optics and the photoreceptors (Mantiuk et al. 2011, section 3.6)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FITTED_CD_M2 = (0.002, 0.02, 0.2, 2.0, 20.0, 150.0)
FITTED = (
    (0.991265, 0.800889, 0.476505, 0.405782, 0.334278, 0.394533),
    (3.74038, 3.54104, 4.37453, 4.40602, 3.79542, 2.7755),
    (0.50722, 0.682505, 0.750315, 0.935314, 1.07327, 1.16577),
    (4.46044, 4.94958, 5.28678, 5.61425, 6.4635, 7.45665),
)
"""p1 .. p4 of eq. 11 at the luminances of the measured observers (version 2.2's calibration)."""


def neural_csf(cycles_per_degree: ArrayLike, luminance_cd_m2: ArrayLike) -> NDArray[np.float64]:
    """Return the sensitivity at frequencies and adapting luminances that broadcast; 0 at frequency 0.

    p4 / sqrt((1 + (p1 rho)^p2) / (1 - exp(-(rho / 7)^2))^p3), parameters linear in log10 luminance and held outside
    0.002 to 150 cd/m2 (Mantiuk et al. 2011, eq. 11).
    """
    rho = np.asarray(cycles_per_degree, np.float64)
    p1, p2, p3, p4 = (np.interp(np.log10(luminance_cd_m2), np.log10(FITTED_CD_M2), values) for values in FITTED)
    return p4 * np.sqrt((1 - np.exp(-((rho / 7) ** 2))) ** p3 / (1 + (p1 * rho) ** p2))

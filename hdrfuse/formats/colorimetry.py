"""Colorimetry: matrices between linear RGB, CIE 1931 XYZ and XYZ under another white."""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import UsageError
from hdrfuse.formats.image import Chromaticities

Matrix = NDArray[np.float64]
"""(3, 3) float64, applied to column vectors."""

Tristimulus = NDArray[np.float64]
"""(3,) XYZ."""

BRADFORD: Matrix = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]], np.float64
)
"""XYZ to sharpened cone responses (Lam 1985; ICC.1:2022, annex E)."""


def rgb_to_xyz(chromaticities: Chromaticities) -> Matrix:
    """Return the matrix (3, 3) from linear RGB to CIE 1931 XYZ, white at Y = 1 (SMPTE RP 177-1993, 3.3).

    Raises UsageError for primaries on one line or a white point without luminance.
    """
    xy = np.asarray(chromaticities, np.float64).reshape(4, 2)
    if not np.isfinite(xy).all() or (np.abs(xy[:, 1]) < 1e-6).any():
        raise UsageError(f"chromaticities {chromaticities} are no xy pairs of red, green, blue and white")
    xyz = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(-1)) / xy[:, 1]])
    primaries, white = xyz[:, :3], xyz[:, 3]
    if abs(np.linalg.det(primaries * xy[:3, 1])) < 1e-6:
        raise UsageError(f"chromaticities {chromaticities} put red, green and blue on one line")
    return primaries * np.linalg.solve(primaries, white)


def xy_to_xyz(x: float, y: float) -> Tristimulus:
    """Return the XYZ of a chromaticity at Y = 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y], np.float64)


def xyz_to_xy(xyz: Tristimulus) -> Tristimulus:
    """Return the chromaticity (2,) of XYZ."""
    return xyz[:2] / xyz.sum()


def adaptation(source_white: Tristimulus, target_white: Tristimulus) -> Matrix:
    """Return the matrix (3, 3) from XYZ under one white XYZ to XYZ under another (Bradford; ICC.1:2022, annex E)."""
    source, target = BRADFORD @ source_white, BRADFORD @ target_white
    return np.linalg.inv(BRADFORD) @ np.diag(target / source) @ BRADFORD

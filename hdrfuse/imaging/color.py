"""Colour: primaries, white points, the sRGB transfer function, luminance."""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import UsageError
from hdrfuse.formats.image import REC709, Chromaticities

Float = NDArray[np.float32]
"""float32, any shape; colours in the last axis where there are any."""

Matrix = NDArray[np.float64]
"""(3, 3) float64, applied to column vectors."""

BRADFORD: Matrix = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]], np.float64
)
"""XYZ to sharpened cone responses (Lam 1985, as used by ICC profiles)."""

GAMMA = 2.2
"""Display encoding of the network's frames and of brackets whose truth is known (LF-Diff, eq. 2)."""


MU = 5000.0
"""Compression of the mu-law (Kalantari & Ramamoorthi 2017, eq. 5)."""


def mu_law(radiance: Float, white: float = 1.0) -> Float:
    """Compress radiance of any shape, 0 and more, to log(1 + mu x / white) / log(1 + mu), float32."""
    return np.asarray(np.log1p(radiance * np.float32(MU / white)) / np.float32(np.log1p(MU)), np.float32)


def srgb_encode(linear: NDArray[np.floating]) -> Float:
    """Encode linear light as display-encoded sRGB (IEC 61966-2-1), any shape, float32.

    Values below 0 stay on the straight part and values above 1 on the power, so nothing is clipped here.
    """
    x = np.asarray(linear, np.float32)
    power = np.maximum(x, np.float32(0.0031308)) ** np.float32(1 / 2.4)
    return np.where(x <= 0.0031308, np.float32(12.92) * x, np.float32(1.055) * power - np.float32(0.055))


def srgb_decode(encoded: NDArray[np.floating]) -> Float:
    """Decode display-encoded sRGB to linear light (IEC 61966-2-1), any shape; inverts srgb_encode."""
    y = np.asarray(encoded, np.float32)
    power = ((np.maximum(y, np.float32(0.04045)) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(y <= 0.04045, y / np.float32(12.92), power)


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


def luminance_weights(chromaticities: Chromaticities = REC709) -> NDArray[np.float64]:
    """Return what red, green and blue add to relative luminance Y, (3,), of sum 1 (SMPTE RP 177-1993)."""
    return rgb_to_xyz(chromaticities)[1]


def luminance(radiance: NDArray[np.floating], chromaticities: Chromaticities = REC709) -> Float:
    """Return relative luminance Y (H, W) of linear RGB (H, W, 3), in the unit of the radiance."""
    return np.asarray(radiance, np.float32) @ luminance_weights(chromaticities).astype(np.float32)


def adaptation(source_white: tuple[float, float], target_white: tuple[float, float]) -> Matrix:
    """Return the matrix (3, 3) from XYZ under one white xy to XYZ under another (Bradford; ICC.1, E)."""
    cones = [BRADFORD @ np.array([x / y, 1.0, (1 - x - y) / y], np.float64) for x, y in (source_white, target_white)]
    return np.linalg.inv(BRADFORD) @ np.diag(cones[1] / cones[0]) @ BRADFORD


def primaries_matrix(source: Chromaticities, target: Chromaticities) -> Matrix:
    """Return the matrix (3, 3) from linear RGB of one set of primaries to another, white to white."""
    adapted = adaptation(source[6:], target[6:]) @ rgb_to_xyz(source)
    return np.asarray(np.linalg.solve(rgb_to_xyz(target), adapted), np.float64)


def convert_primaries(radiance: NDArray[np.floating], source: Chromaticities, target: Chromaticities) -> Float:
    """Convert linear RGB (H, W, 3) between primaries -> float32; what is out of gamut is negative."""
    linear = np.asarray(radiance, np.float32)
    if source == target:
        return linear
    return linear @ primaries_matrix(source, target).T.astype(np.float32)


def to_rec709(radiance: NDArray[np.floating], chromaticities: Chromaticities) -> Float:
    """Convert linear RGB (H, W, 3) to the primaries of sRGB and BT.709 under D65; may be negative."""
    return convert_primaries(radiance, chromaticities, REC709)

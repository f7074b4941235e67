"""Colour of pixels: the sRGB and mu-law curves, luminance, primaries converted."""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.colorimetry import Matrix, adaptation, xy_to_xyz
from hdrfuse.formats.colorimetry import rgb_to_xyz as rgb_to_xyz  # offered here too
from hdrfuse.formats.image import REC709, Chromaticities

Float = NDArray[np.float32]
"""float32, any shape; colours in the last axis where there are any."""

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


def luminance_weights(chromaticities: Chromaticities = REC709) -> NDArray[np.float64]:
    """Return what red, green and blue add to relative luminance Y, (3,), of sum 1 (SMPTE RP 177-1993)."""
    return rgb_to_xyz(chromaticities)[1]


def luminance(radiance: NDArray[np.floating], chromaticities: Chromaticities = REC709) -> Float:
    """Return relative luminance Y (H, W) of linear RGB (H, W, 3), in the unit of the radiance."""
    return np.asarray(radiance, np.float32) @ luminance_weights(chromaticities).astype(np.float32)


def primaries_matrix(source: Chromaticities, target: Chromaticities) -> Matrix:
    """Return the matrix (3, 3) from linear RGB of one set of primaries to another, white to white."""
    adapted = adaptation(xy_to_xyz(*source[6:]), xy_to_xyz(*target[6:])) @ rgb_to_xyz(source)
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

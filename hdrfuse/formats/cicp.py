"""Code points (ITU-T H.273) by which a picture names its colours: primaries, transfer, and what they mean here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.icc import DISPLAY_P3, REC2020
from hdrfuse.formats.image import REC709, Chromaticities
from hdrfuse.formats.refusal import RefusedError
from hdrfuse.text import counted

PRIMARIES = {1: REC709, 9: REC2020, 12: DISPLAY_P3}
"""H.273, table 2: BT.709, BT.2020, P3 with D65."""

DISPLAY_TRANSFERS = frozenset({1, 6, 13, 14, 15})
"""H.273, table 3: BT.709, BT.601, sRGB, BT.2020 of 10 and of 12 bits: a curve like a camera's."""

LINEAR, PQ, HLG = 8, 16, 18
REFERENCE_WHITE_CD_M2 = 203.0
"""Luminance of diffuse white in PQ (ITU-R BT.2408, table 1), which is radiance 1.0 here."""

RGB_MATRIX, FULL_RANGE = 0, 1

Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CodePoints:
    """What four code points say."""

    chromaticities: Chromaticities
    transfer: int

    @property
    def linear(self) -> bool:
        """Whether stored values, decoded where there is something to decode, are linear in light."""
        return self.transfer not in DISPLAY_TRANSFERS

    @property
    def decoded(self) -> bool:
        """Whether the curve is known exactly and no camera's, so that pixels become linear floats."""
        return self.transfer in DECODINGS


def read_code_points(stored: bytes) -> CodePoints:
    """Read primaries, transfer, matrix and range, a byte each. Raises RefusedError naming what is not read."""
    if len(stored) != 4:
        raise RefusedError(f"damaged PNG: a cICP chunk of {counted(len(stored), 'byte')}; expected 4")
    primaries, transfer, matrix, full_range = stored
    if primaries not in PRIMARIES:
        raise RefusedError(
            f"its cICP chunk names colour primaries {primaries}; expected 1 (BT.709), 9 (BT.2020) or 12 (P3)"
        )
    if transfer not in {*DISPLAY_TRANSFERS, LINEAR, *DECODINGS}:
        raise RefusedError(
            f"its cICP chunk names transfer {transfer}; expected 1, 6, 14 or 15 (BT.709), 8 (linear), 13 (sRGB),"
            " 16 (PQ) or 18 (HLG)"
        )
    if matrix != RGB_MATRIX or full_range != FULL_RANGE:
        raise RefusedError(f"its cICP chunk names matrix {matrix} and range {full_range}; expected RGB (0), full (1)")
    return CodePoints(chromaticities=PRIMARIES[primaries], transfer=transfer)


def decode(pixels: NDArray[Any], transfer: int) -> NDArray[np.float32]:
    """Turn PQ or HLG integers (H, W, 3) into linear light, float32: 203 cd/m2 in PQ, or HLG's peak, is 1.0."""
    linear = DECODINGS[transfer](np.linspace(0.0, 1.0, np.iinfo(pixels.dtype).max + 1))
    return linear.astype(np.float32)[pixels]


def _pq(encoded: Curve) -> Curve:
    """SMPTE ST 2084's EOTF (ITU-R BT.2100, table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = encoded ** (1 / m2)
    luminance_cd_m2 = 10_000.0 * (np.maximum(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1)
    return luminance_cd_m2 / REFERENCE_WHITE_CD_M2


def _hlg(encoded: Curve) -> Curve:
    """Hybrid log-gamma's inverse OETF (ITU-R BT.2100, table 5): light of the scene, not of a display."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)


DECODINGS: dict[int, Callable[[Curve], Curve]] = {PQ: _pq, HLG: _hlg}

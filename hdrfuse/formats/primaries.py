"""Primaries as files state them: whether they are any, before a colour is computed with them."""

import math
from collections.abc import Sequence

import numpy as np

from hdrfuse.formats.image import REC709, Chromaticities
from hdrfuse.formats.refusal import RefusedError

FARTHEST = 2.0
"""Largest coordinate: the widest gamuts of cameras reach 1.5 (REDWideGamutRGB's green)."""

LEAST_LUMINANCE = 1e-6
"""Smallest y, of either sign; the smallest in use is ProPhoto's blue, 1e-4."""

LEAST_AREA = 1e-3
"""Smallest area of the triangle of primaries, twice; sRGB's is 0.22."""

LEAST_SHARE = 1e-4
"""Smallest share of a primary in white, by white's place in the triangle; REDWideGamutRGB's green has 0.19."""


def stated_primaries(values: Sequence[float]) -> Chromaticities:
    """Return the xy of red, green, blue and white that a file states; all zeros state nothing: Rec. 709.

    Raises RefusedError for what no light has: not finite, without luminance, far outside of the diagram, on one
    line, or with a white that is no mixture of the three.
    """
    if not any(values):
        return REC709
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = values
    problem = _problem(values)
    if problem is not None:
        shown = " ".join(f"{value:.6g}" for value in values)
        raise RefusedError(f"its primaries are none: {problem} (xy of red, green, blue and white: {shown})")
    return red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y


def _problem(values: Sequence[float]) -> str | None:
    """What makes the primaries impossible, None if nothing does."""
    if not all(map(math.isfinite, values)):
        return "not all are finite"
    if max(map(abs, values)) > FARTHEST:
        return f"expected at most {FARTHEST:g}"
    if min(map(abs, values[1::2])) < LEAST_LUMINANCE:
        return "a y of 0 has no luminance"
    points = np.column_stack([np.reshape(values, (4, 2)), np.ones(4)]).T  # columns, homogeneous
    triangle, white = points[:, :3], points[:, 3]
    if abs(np.linalg.det(triangle)) < LEAST_AREA:
        return "red, green and blue lie on one line"
    if np.linalg.solve(triangle, white).min() < LEAST_SHARE:
        return "white lies outside of red, green and blue"
    return None

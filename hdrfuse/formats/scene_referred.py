"""Linear floats: what makes them fit to be merged, and where they clip."""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.image import Pixels
from hdrfuse.formats.refusal import RefusedError

NEARLY_ONE = 1.0 + 1e-3
"""Largest maximum that still means a file scaled to white at 1.0."""

PLATEAU_FRACTION = 1e-4
PLATEAU_SAMPLES = 64
"""A frame clips at its maximum if so many samples share it exactly; continuous light does not."""


def checked(pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> Pixels:
    """Return float32 pixels with negatives set to 0, in place.

    Raises RefusedError on NaN or infinity, which transparent pixels, not `covered` (H, W), may hold: they become 0.
    """
    if covered is not None:
        pixels[~covered & ~np.isfinite(pixels).all(axis=2)] = 0.0
    lowest, highest = float(pixels.min()), float(pixels.max())
    if not np.isfinite(lowest) or not np.isfinite(highest):
        bad = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
        raise RefusedError(f"{bad:,} of {pixels.size:,} values are NaN or infinite; expected finite radiance")
    return pixels if lowest >= 0.0 else np.maximum(pixels, 0.0, out=pixels)


def clipping_white(pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> float:
    """Return the value at which the frame clips where it is covered: 1.0, its plateau, or inf if it clips nowhere."""
    if covered is not None:
        pixels = pixels[covered]
    return 1.0 if pixels.max() <= NEARLY_ONE else plateau(pixels)


def plateau(pixels: Pixels) -> float:
    """Return the largest value if many samples share it, else inf."""
    highest = pixels.max()
    on_plateau = int(np.count_nonzero(pixels == highest))
    return float(highest) if on_plateau >= max(PLATEAU_SAMPLES, PLATEAU_FRACTION * pixels.size) else float("inf")

"""Tone curves of picture styles: linear light to display values, steeper in the middle than sRGB, rolled off at white.

Each family differs from what calibration fits, and those of the test split from those of training.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.splits import Split
from hdrfuse.imaging.color import srgb_encode

Array = NDArray[np.float32]
Curve = Callable[[Array], Array]
"""Linear light in [0, 1], any shape, to display values in [0, 1], rising, 0 to 0 and 1 to 1."""

KNOTS = 4096
"""Curves are tabulated at the square root of so many values: fine near black."""


def smoothstep(strength: float) -> Curve:
    """sRGB, then more contrast about the middle by a smooth step in a share `strength`."""

    def curve(linear: Array) -> Array:
        encoded = srgb_encode(linear)
        return encoded + np.float32(strength) * (encoded * encoded * (3 - 2 * encoded) - encoded)

    return curve


def filmic(toe: float, shoulder: float) -> Curve:
    """A rational film curve (Hable 2010) on light, then sRGB's gamma."""

    def rational(x: Array) -> Array:
        top = x * (0.22 * x + 0.03 * toe) + 0.002 * toe
        return np.asarray(top / (x * (0.22 * x + 0.3) + 0.06 * toe) - 0.0333, np.float32)

    def curve(linear: Array) -> Array:
        least, most = rational(np.array([0.0, shoulder], np.float32))
        return srgb_encode(np.clip((rational(linear * np.float32(shoulder)) - least) / (most - least), 0, 1))

    return curve


def log_sigmoid(contrast: float, middle_stops: float) -> Curve:
    """A logistic curve over stops about a middle grey, rescaled to reach 0 and 1."""

    def raw(linear: Array) -> Array:
        stops = np.log2(np.maximum(linear, np.float32(2.0**-14))) - np.float32(middle_stops)
        return np.asarray(1 / (1 + np.exp(-np.float32(contrast) * stops)), np.float32)

    def curve(linear: Array) -> Array:
        least, most = raw(np.array([0.0, 1.0], np.float32))
        return np.asarray((raw(linear) - least) / (most - least), np.float32)

    return curve


def naka_rushton(power: float, half: float) -> Curve:
    """A receptor's response (Naka & Rushton 1966): x^n / (x^n + s^n), rescaled to reach 1."""

    def curve(linear: Array) -> Array:
        x = np.maximum(linear, 0) ** np.float32(power)
        return np.asarray(x / (x + np.float32(half**power)) * np.float32(1 + half**power), np.float32)

    return curve


def arctangent(gamma: float, steepness: float) -> Curve:
    """A power, then an arctangent about its middle: straight shadows and a long shoulder."""

    def curve(linear: Array) -> Array:
        encoded = np.maximum(linear, 0) ** np.float32(1 / gamma)
        ends = np.arctan(np.float32(steepness) * (np.array([0.0, 1.0], np.float32) - np.float32(0.42)))
        bent = np.arctan(np.float32(steepness) * (encoded - np.float32(0.42)))
        return np.asarray((bent - ends[0]) / (ends[1] - ends[0]), np.float32)

    return curve


def two_powers(shadows: float, highlights: float) -> Curve:
    """A power that changes from shadows to highlights, as a spline through a camera's control points does."""

    def curve(linear: Array) -> Array:
        x = np.clip(linear, 0, 1)
        share = np.sqrt(x)
        return np.asarray((1 - share) * x ** np.float32(shadows) + share * x ** np.float32(highlights), np.float32)

    return curve


def random_curve(rng: np.random.Generator, split: Split) -> Curve:
    """Draw a curve of the split's families."""
    draws: dict[Split, list[Callable[[], Curve]]] = {
        "train": [
            lambda: smoothstep(float(rng.uniform(0.15, 0.6))),
            lambda: filmic(float(rng.uniform(0.6, 1.4)), float(rng.uniform(2.0, 6.0))),
            lambda: log_sigmoid(float(rng.uniform(0.75, 1.1)), float(rng.uniform(-3.0, -2.2))),
        ],
        "validation": [
            lambda: two_powers(float(rng.uniform(0.52, 0.62)), float(rng.uniform(0.3, 0.4))),
            lambda: log_sigmoid(float(rng.uniform(0.9, 1.0)), float(rng.uniform(-2.9, -2.5))),
        ],
        "test": [
            lambda: naka_rushton(float(rng.uniform(0.75, 0.95)), float(rng.uniform(0.18, 0.35))),
            lambda: arctangent(float(rng.uniform(1.7, 2.1)), float(rng.uniform(2.0, 3.5))),
            lambda: two_powers(float(rng.uniform(0.55, 0.7)), float(rng.uniform(0.25, 0.38))),
        ],
    }
    families = draws[split]
    return tabulated(families[rng.integers(len(families))]())


def tabulated(curve: Curve) -> Curve:
    """The curve by a table, the same time for every family."""
    at = np.linspace(0, 1, KNOTS, dtype=np.float32)
    table = np.maximum.accumulate(np.clip(curve(at * at), 0, 1)).astype(np.float32)

    def look_up(linear: Array) -> Array:
        place = np.sqrt(np.clip(linear, 0, 1)) * np.float32(KNOTS - 1)
        low = np.minimum(place.astype(np.int32), KNOTS - 2)
        return np.asarray(table[low] + (place - low) * (table[low + 1] - table[low]), np.float32)

    return look_up

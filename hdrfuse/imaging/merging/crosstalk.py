"""Crosstalk: what a curve a channel cannot explain, because cameras mix channels before they encode them.

Colour matrices, saturation and gamut mapping make the response of one channel depend on the others: a red wall may
disagree by a fifth between two frames whose greys agree within a hundredth. Motion touches some places of a colour,
crosstalk touches all of them alike, so that a robust fit over the frame tells them apart.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.radiometry import Plane


@dataclass(frozen=True, kw_only=True)
class CrosstalkSettings:
    """The robust fit of what cameras mix of their channels.

    What names no source was not measured yet: `hdrfuse bench --what settings --setting crosstalk` measures it.
    """

    samples: int = 6_000
    """Pixels that are fitted; performance only: thirty terms need a few hundred."""
    largest_stops: float = 0.5
    """Corrections are bounded by this; beyond it the curve itself is wrong."""
    chroma_stops: float = 2.5
    """Stops between red or blue and green up to which colours are told apart: squares of more would rule the fit."""
    ridge: float = 30.0
    """Added to the normal equations' diagonal: as much as thirty pixels say that there is no crosstalk."""


CROSSTALK = CrosstalkSettings()


@dataclass(frozen=True, kw_only=True, eq=False)
class Crosstalk:
    """How many stops too bright each channel of a frame looks, as a polynomial of the frame's own colour."""

    coefficients: NDArray[np.float64]
    """(terms, 3)."""

    def gain(self, exposure: Plane) -> Plane:
        """Factor (h, w, 3) that undoes the crosstalk of an exposure (h, w, 3)."""
        stops = self.coefficients.T.astype(np.float32) @ _terms(exposure.reshape(-1, 3))
        np.clip(stops, -CROSSTALK.largest_stops, CROSSTALK.largest_stops, out=stops)
        gains = np.exp2(np.negative(stops, out=stops), out=stops)
        return np.asarray(cv2.merge(list(gains.reshape(3, *exposure.shape[:2]))))


def fit_crosstalk(exposure: Plane, ratio: Plane, usable: NDArray[np.bool_]) -> Crosstalk | None:
    """Fit the ratio (h, w, 3) of a frame to another where both can be trusted (h, w); None if too few can."""
    where = np.flatnonzero(usable)
    if len(where) < 500:
        return None
    chosen = where[np.linspace(0, len(where) - 1, min(CROSSTALK.samples, len(where))).astype(np.intp)]
    terms = _terms(exposure.reshape(-1, 3)[chosen]).T.astype(np.float64)
    target = np.log2(np.maximum(ratio.reshape(-1, 3)[chosen], 1e-6)).astype(np.float64)
    ridge = CROSSTALK.ridge * np.eye(terms.shape[1])
    weights = np.ones(target.shape)
    coefficients = np.zeros((terms.shape[1], 3))
    for _ in range(8):
        for c in range(3):
            weighted = terms * weights[:, c : c + 1]
            coefficients[:, c] = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ target[:, c])
        error = np.abs(target - terms @ coefficients)
        scale = np.maximum(1.4826 * np.median(error, axis=0), 0.02)
        weights = np.maximum(1.0 - (error / (4.0 * scale)) ** 2, 0.0) ** 2
    return Crosstalk(coefficients=coefficients)


def _terms(exposure: Plane) -> Plane:
    """(10, n) polynomial of tone and chroma, both bounded, of exposures (n, 3)."""
    log = np.log2(np.clip(exposure.T, 2.0**-9, 1.0)).astype(np.float32)
    tone = log[1] / np.float32(4.0) + np.float32(1.0)
    red, blue = (np.clip(log[c] - log[1], -CROSSTALK.chroma_stops, CROSSTALK.chroma_stops) for c in (0, 2))
    one = np.ones_like(tone)
    return np.stack([one, tone, tone**2, red, blue, red**2, blue**2, red * blue, tone * red, tone * blue])

"""How far neighbouring frames of real brackets disagree in stops, before and after calibration.

The measure stands apart from what it judges: it matches whole histograms of the frames as they are, where
calibration looks at registered pixels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.bracket import Bracket
from hdrfuse.imaging.color import srgb_decode
from hdrfuse.pipeline import Merged

SHARES = np.arange(0.02, 0.981, 0.005)
"""Cumulative shares at which the frames' histograms are matched."""

DARKER_ENCODED, BRIGHTER_ENCODED = (0.03, 0.95), (0.06, 0.96)
"""Encoded values, exclusive, that count: neither black nor clipped."""

Decode = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
"""Encoded values (n,) of a channel -> linear exposure (n,)."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Median absolute error of the neighbours' exposure ratio in one stack, in stops."""

    stack: str
    frames: int
    curve: str
    srgb_ev: float | None
    """Frames taken as sRGB, exposures as the camera states them."""
    calibrated_ev: float | None
    """Under the calibrated curve, exposures as the camera states them."""
    with_gains_ev: float | None
    """Under the calibrated curve and its per-frame gains, as the merge takes them."""


def stack_disagreement(bracket: Bracket, merged: Merged) -> Disagreement:
    """Measure what the calibration of a merge leaves in its bracket of display-encoded files."""
    assert merged.curve is not None
    curve = merged.curve
    gains = [frame.gain_ev for frame in merged.report.frames]
    grid = np.linspace(0.0, 1.0, curve.table.shape[1])

    def calibrated(encoded: NDArray[np.float64], channel: int) -> NDArray[np.float64]:
        return np.interp(encoded, grid, curve.table[channel])

    steps = [bright.ev - dark.ev for dark, bright in pairwise(bracket.frames)]
    gained = [step + bright - dark for step, (dark, bright) in zip(steps, pairwise(gains), strict=True)]
    pixels = [frame.pixels for frame in bracket.frames]
    return Disagreement(
        stack=bracket.name,
        frames=len(bracket.frames),
        curve=curve.name,
        srgb_ev=median_disagreement(pixels, steps, srgb_to_linear),
        calibrated_ev=median_disagreement(pixels, steps, calibrated),
        with_gains_ev=median_disagreement(pixels, gained, calibrated),
    )


def srgb_to_linear(encoded: NDArray[np.float64], _channel: int) -> NDArray[np.float64]:
    """Decode as sRGB, whatever the channel; shares of white in and out."""
    return srgb_decode(encoded).astype(np.float64)


def median_disagreement(pixels: Sequence[NDArray[Any]], steps_ev: Sequence[float], decode: Decode) -> float | None:
    """Median over neighbours, channels and shares of |log2 ratio of exposures - step|, in stops.

    `pixels` are integer frames (H, W, 3), darkest first. None where no neighbours have tones in common.
    """
    errors = [
        np.abs(np.log2(decode(bright, channel) / decode(dark, channel)) - step_ev)
        for (darker, brighter), step_ev in zip(pairwise(pixels), steps_ev, strict=True)
        for channel, dark, bright in matched_tones(darker, brighter)
    ]
    everything = np.concatenate(errors)
    return round(float(np.median(everything)), 3) if everything.size else None


def matched_tones(
    darker: NDArray[Any], brighter: NDArray[Any]
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """Go through channels -> channel and the encoded values (n,) of both frames at equal cumulative shares."""
    for channel in range(3):
        dark, bright = (tones_at_shares(frame[..., channel]) for frame in (darker, brighter))
        usable = (DARKER_ENCODED[0] < dark) & (dark < DARKER_ENCODED[1])
        usable &= (BRIGHTER_ENCODED[0] < bright) & (bright < BRIGHTER_ENCODED[1])
        yield channel, dark[usable], bright[usable]


def tones_at_shares(codes: NDArray[Any]) -> NDArray[np.float64]:
    """Encoded value, white = 1, at each of SHARES, from the whole histogram; inside a code by interpolation."""
    levels = int(np.iinfo(codes.dtype).max) + 1
    cumulative = np.cumsum(np.bincount(codes.ravel(), minlength=levels)) / codes.size
    edges = (np.arange(levels + 1) - 0.5) / (levels - 1)
    return np.interp(SHARES, np.concatenate([[0.0], cumulative]), edges)

"""Pairs of values that two frames give the same light, and how well a curve explains them.

Grossberg & Nayar 2003 give the pairs without registration (matched histograms); after registration they are the
same places of both frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.calibration.response import ResponseCurve
from hdrfuse.imaging.radiometry import channel_max
from hdrfuse.imaging.robust import robust_sigma
from hdrfuse.setting_limits import Range, Settings

Array = NDArray[np.float64]
Samples = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class TonePairSettings(Settings):
    """Which values of two frames are compared.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion, of collages as a camera model writes them, by `hdrfuse bench --what settings --setting
    tone_pairs --seeds 1 --size 192x128 --images DIR --movers DIR --camera`.
    """

    darker_range: Range = (0.03, 0.95)
    """Encoded values of the darker frame that a pair may have: neither black nor clipped.

    Half / twice: +0.01 / +0.33.
    """
    brighter_range: Range = (0.06, 0.96)
    """The same of the brighter one. Half / twice: -0.66 / +0.54."""
    tone_bins: int = 16
    """Tones that a curve is judged over, all alike. Half / twice: -0.14 / +0.01."""
    moving_tones: float = 0.2
    """Share of the tones that may belong to moving things. Half / twice: 0 / 0."""
    explained_ev: float = 0.05
    """Disagreement of two frames up to which a curve explains what they show. Half / twice: 0 / 0."""
    least_in_tone: float = 0.3
    """Share of the mean number of pairs a tone that one must have to be judged. Half / twice: 0 / 0."""
    most_in_tone: int = 50
    """Pairs from which tones count alike. Half / twice: 0 / 0."""
    floor_margins: tuple[float, float] = (1.2, 1.1)
    """How far above the darker frame's noise its tones must lie, and the brighter frame's above those there.

    Tones that the floor cuts in two would keep only the pairs whose noise points upwards. Half / twice: -0.11 / -1.83.
    """
    flat: float = 0.03
    """Step between averaged pixels up to which a place is flat: an edge averages clipped and unclipped values.

    Half / twice: -0.13 / +0.12.
    """


TONE_PAIRS = TonePairSettings()


VARIANCE_OF_MEDIAN = 1.57
"""Variance of the median of n normal numbers, in 1 / n: pi / 2."""

QUANTILES = np.linspace(0.02, 0.98, 97)
"""Shares of the pixels at which two histograms are matched."""


@dataclass(frozen=True, kw_only=True)
class TonePairs:
    """Encoded values that two neighbouring frames give the same light."""

    darker: int
    brighter: int
    step_ev: float
    """Nominal exposure difference of the two frames, in stops."""
    channel: NDArray[np.intp]
    """(n,) 0 red, 1 green, 2 blue."""
    dark: Array
    """(n,) value in the darker frame, as a share of white."""
    bright: Array
    """(n,) value in the brighter frame."""


def match_histograms(
    samples: Sequence[Samples],
    evs: Sequence[float],
    floors: Sequence[float] | None = None,
    whites: Sequence[float] | None = None,
) -> list[TonePairs]:
    """Pairs of equal cumulative share between exposure neighbours.

    `samples` are (h, w, 3) encoded values as a share of white, darkest frame first; below its floor a frame is
    noise, whose mean an encoded value does not keep, and near its white, 1.0 unless given, it is clipped.
    """
    floors, whites = floors or [0.0] * len(samples), whites or [1.0] * len(samples)
    channel = np.repeat(np.arange(3), len(QUANTILES))
    tones = [np.concatenate([np.quantile(dither(frame[..., c]), QUANTILES) for c in range(3)]) for frame in samples]
    return [_pairs(index, evs, floors, whites, channel, x, y) for index, (x, y) in enumerate(pairwise(tones))]


def match_registered_pixels(
    samples: Sequence[Samples],
    valid: Sequence[NDArray[np.bool_]],
    evs: Sequence[float],
    floors: Sequence[float],
    *,
    whites: Sequence[float] | None = None,
    limit: int = 1500,
) -> list[TonePairs]:
    """Pairs of the same place in registered frames, where both are smooth; at most `limit` a pair and channel.

    `samples` are (h, w, 3) encoded shares of white, `valid` says where each frame has data. Tones are sampled
    evenly, so that a large dark wall does not outvote the rest.
    """
    whites = whites or [1.0] * len(samples)
    rng = np.random.default_rng(0)
    rough = [_roughness(frame) for frame in samples]
    matches = []
    for index, (dark, bright) in enumerate(pairwise(samples)):
        parts = []
        for c in range(3):
            x, y = dark[..., c], bright[..., c]
            usable = valid[index] & valid[index + 1] & _in_range(x, y, whites[index], whites[index + 1])
            usable &= (rough[index] < TONE_PAIRS.flat) & (rough[index + 1] < TONE_PAIRS.flat)
            where = np.flatnonzero(usable)
            tone = np.minimum((y.ravel()[where] * TONE_PAIRS.tone_bins).astype(np.intp), TONE_PAIRS.tone_bins - 1)
            share = 1.0 / np.maximum(np.bincount(tone, minlength=TONE_PAIRS.tone_bins), 1)[tone]
            quota = limit / TONE_PAIRS.tone_bins
            where = where[rng.random(len(where)) < share * quota]
            parts.append((np.full(len(where), c), x.ravel()[where], y.ravel()[where]))
        channel, x_all, y_all = (np.concatenate(column) for column in zip(*parts, strict=True))
        matches.append(_pairs(index, evs, floors, whites, channel, x_all.astype(np.float64), y_all.astype(np.float64)))
    return matches


def residuals(curve: ResponseCurve, pairs: TonePairs, gains_ev: Array) -> Array:
    """(n,) how many stops too bright the brighter frame looks under a curve."""
    grid = np.linspace(0.0, 1.0, curve.table.shape[1])
    log_ratio = np.empty(len(pairs.dark))
    for c in range(3):
        of_channel = pairs.channel == c
        dark = np.interp(pairs.dark[of_channel], grid, curve.table[c])
        bright = np.interp(pairs.bright[of_channel], grid, curve.table[c])
        log_ratio[of_channel] = np.log2(np.maximum(bright, 1e-9)) - np.log2(np.maximum(dark, 1e-9))
    return log_ratio - (pairs.step_ev + gains_ev[pairs.brighter] - gains_ev[pairs.darker])


def median_error(curve: ResponseCurve, matches: Sequence[TonePairs], gains_ev: Array) -> float:
    """Median absolute residual over all pairs, in stops; NaN where there are none."""
    everything = [np.abs(residuals(curve, pairs, gains_ev)) for pairs in matches if len(pairs.dark)]
    return float(np.median(np.concatenate(everything))) if everything else float("nan")


def tone_error(curve: ResponseCurve, matches: Sequence[TonePairs], gains_ev: Array) -> float:
    """Root mean square, over tones, channels and pairs, of the median residual: the curve's smooth error.

    The worst tones, as many as TONE_PAIRS.moving_tones, are left out: there most pairs may show things that moved.
    """
    squares, weights = [0.0], [1e-12]
    for pairs in matches:
        error = residuals(curve, pairs, gains_ev)
        tone = (pairs.bright * TONE_PAIRS.tone_bins).astype(np.intp) + TONE_PAIRS.tone_bins * pairs.channel
        enough = max(4.0, TONE_PAIRS.least_in_tone * len(error) / max(len(np.unique(tone)), 1))
        for value in np.unique(tone):
            inside = error[tone == value]
            if len(inside) >= enough:
                spread = float(robust_sigma(inside))
                noise = VARIANCE_OF_MEDIAN * spread**2 / len(inside)
                squares.append(max(float(np.median(inside)) ** 2 - noise, 0.0))
                weights.append(min(len(inside), TONE_PAIRS.most_in_tone))
    kept = np.argsort(squares)[: max(1, int(np.ceil(len(squares) * (1.0 - TONE_PAIRS.moving_tones))))]
    return float(np.sqrt(np.average(np.asarray(squares)[kept], weights=np.asarray(weights)[kept])))


def explained_share(curve: ResponseCurve, matches: Sequence[TonePairs], gains_ev: Array) -> float:
    """Share of the pairs, 0 to 1, that a curve leaves within what is explained: large where most things stood still.

    Unlike an average it does not care what the others say, however many they are.
    """
    shares = [
        np.mean(np.abs(residuals(curve, pairs, gains_ev)) < TONE_PAIRS.explained_ev)
        for pairs in matches
        if len(pairs.dark)
    ]
    return float(np.mean(shares)) if shares else 0.0


def _pairs(
    index: int, evs: Sequence[float], floors: Sequence[float], whites: Sequence[float],
    channel: NDArray[np.intp], x: Array, y: Array,
) -> TonePairs:  # fmt: skip
    floor = max(floors[index], TONE_PAIRS.darker_range[0])
    usable = _in_range(x, y, whites[index], whites[index + 1]) & (x > floor) & (y > floors[index + 1])
    darker, brighter = TONE_PAIRS.floor_margins
    border = y[usable & (x < darker * floor)]
    usable &= y > brighter * (float(np.median(border)) if len(border) else 0.0)
    return TonePairs(
        darker=index,
        brighter=index + 1,
        step_ev=evs[index + 1] - evs[index],
        channel=channel[usable],
        dark=x[usable],
        bright=y[usable],
    )


def _in_range(
    x: NDArray[np.floating], y: NDArray[np.floating], dark_white: float, bright_white: float
) -> NDArray[np.bool_]:
    return (
        (x > TONE_PAIRS.darker_range[0])
        & (x < TONE_PAIRS.darker_range[1] * dark_white)
        & (y > TONE_PAIRS.brighter_range[0])
        & (y < TONE_PAIRS.brighter_range[1] * bright_white)
    )


def dither(values: Samples) -> Array:
    """(n,) values of any shape, 8-bit codes spread over their width, so that quantiles are not stuck to them."""
    rng = np.random.default_rng(1)
    flat = values.ravel().astype(np.float64)
    return flat + rng.uniform(-0.5 / 255.0, 0.5 / 255.0, size=flat.shape)


def _roughness(frame: Samples) -> Samples:
    """(h, w) largest step to a neighbour in any channel."""
    padded = np.pad(frame, ((1, 1), (1, 1), (0, 0)), mode="edge")
    centre = padded[1:-1, 1:-1]
    steps = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.max([channel_max(np.abs(step - centre)) for step in steps], axis=0)

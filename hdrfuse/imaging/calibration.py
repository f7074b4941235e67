"""Calibration: the response curve that a bracket's own frames imply.

Where two frames see the same light, their exposures differ by a known number of stops; the curve is right when
linearised pixel values differ by as much. Grossberg & Nayar 2003 give the pairs without registration (matched
histograms); after registration the pairs are the same places of both frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.color import srgb_decode
from hdrfuse.imaging.radiometry import brightest
from hdrfuse.imaging.response import KNOWN_CURVES, ResponseCurve, parametric

Array = NDArray[np.float64]
Samples = NDArray[np.float32]

DARKER_RANGE = (0.03, 0.95)
BRIGHTER_RANGE = (0.06, 0.96)
"""Encoded values of the darker and the brighter frame that a pair may have: neither black nor clipped."""

QUANTILES = np.linspace(0.02, 0.98, 97)
"""Shares of the pixels at which two histograms are matched."""

MAX_GAIN_EV = 1.0 / 6.0
"""EXIF rounds exposure times (1/60 is 1/64); a frame's exposure may be off by this much, not by more."""

KNOWN_TOLERANCE_EV = 0.03
"""A known curve that leaves less error than this, over all brightnesses, is taken exactly as it is."""

KNOWN_BEATS_FIT_EV = 0.015
"""A fit has to explain the bracket better than a known curve by this much to be preferred."""

PRIOR_SIGMA = np.array([0.35, 1.5, 1.5])
"""How far p, a and b of cameras' curves usually are from sRGB's 1, 0 and 0."""

GAIN_SIGMA_EV = 0.03
FIRM = 1e4
"""Weight of a condition, in standard deviations a stop, that the fit may not break."""
NEEDLESS_GAIN_EV = 0.015
"""Error that gains must take off a known curve, whose exposures are usually exact as well."""

FREE_CHANNELS_GAIN_EV = 0.02
"""Channels get curves of their own where that takes at least this much off the error."""

TONE_BINS = 16
MOVING_TONES = 0.2
"""Share of the tones that may belong to moving things."""

FLAT = 0.03
"""Step between averaged pixels up to which a place counts as flat: an edge averages clipped and unclipped values."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
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


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A response curve with what it leaves unexplained."""

    curve: ResponseCurve
    gains_ev: tuple[float, ...]
    """What is added to each frame's nominal EV, within a sixth of a stop."""
    residual_ev: float
    """Median absolute disagreement of neighbouring frames, in stops."""
    srgb_residual_ev: float
    """The same under the sRGB curve, for comparison."""
    warnings: tuple[str, ...] = ()


def match_histograms(
    samples: Sequence[Samples], evs: Sequence[float], floors: Sequence[float] | None = None
) -> list[Pairs]:
    """Pairs of equal cumulative share between exposure neighbours.

    `samples` are (h, w, 3) encoded values as a share of white, darkest frame first; below its floor a frame is
    noise, whose mean an encoded value does not keep.
    """
    floors = floors or [0.0] * len(samples)
    channel = np.repeat(np.arange(3), len(QUANTILES))
    tones = [np.concatenate([np.quantile(_dithered(frame[..., c]), QUANTILES) for c in range(3)]) for frame in samples]
    return [_pairs(index, evs, floors, channel, x, y) for index, (x, y) in enumerate(pairwise(tones))]


def match_places(
    samples: Sequence[Samples],
    valid: Sequence[NDArray[np.bool_]],
    evs: Sequence[float],
    floors: Sequence[float],
    *,
    limit: int = 1500,
) -> list[Pairs]:
    """Pairs of the same place in registered frames, where both are smooth; at most `limit` a pair and channel.

    `samples` are (h, w, 3) encoded shares of white, `valid` says where each frame has data. Tones are sampled
    evenly, so that a large dark wall does not outvote the rest.
    """
    rng = np.random.default_rng(0)
    rough = [_roughness(frame) for frame in samples]
    found = []
    for index, (dark, bright) in enumerate(pairwise(samples)):
        parts = []
        for c in range(3):
            x, y = dark[..., c], bright[..., c]
            usable = valid[index] & valid[index + 1] & _in_range(x, y)
            usable &= (rough[index] < FLAT) & (rough[index + 1] < FLAT)
            where = np.flatnonzero(usable)
            tone = np.minimum((y.ravel()[where] * TONE_BINS).astype(np.intp), TONE_BINS - 1)
            share = 1.0 / np.maximum(np.bincount(tone, minlength=TONE_BINS), 1)[tone]
            quota = limit / TONE_BINS
            where = where[rng.random(len(where)) < share * quota]
            parts.append((np.full(len(where), c), x.ravel()[where], y.ravel()[where]))
        channel, x_all, y_all = (np.concatenate(column) for column in zip(*parts, strict=True))
        found.append(_pairs(index, evs, floors, channel, x_all.astype(np.float64), y_all.astype(np.float64)))
    return found


def calibrate(matches: Sequence[Pairs], frames: int, reference: int) -> Calibration:
    """Choose the curve that explains the pairs: a known one exactly where it does, else a robust fit."""
    known = {name: make() for name, make in KNOWN_CURVES.items()}
    no_gain = np.zeros(frames)
    srgb_error = median_error(known["srgb"], matches, no_gain)
    if sum(len(pairs.dark) for pairs in matches) < 30:
        warning = "too little is well exposed in two frames to calibrate the response: sRGB is assumed"
        return Calibration(
            curve=known["srgb"], gains_ev=tuple(no_gain), residual_ev=srgb_error, srgb_residual_ev=srgb_error,
            warnings=(warning,),
        )  # fmt: skip
    fitted, fitted_gains = _fit(matches, frames, reference)
    fit_error = tone_error(fitted, matches, fitted_gains)
    choices = []
    for name, curve in known.items():
        for gains in (no_gain, _gains_under(curve, matches, frames, reference)):
            error = tone_error(curve, matches, gains)
            if error < KNOWN_TOLERANCE_EV and error < fit_error + KNOWN_BEATS_FIT_EV:
                choices.append((error + (NEEDLESS_GAIN_EV if gains.any() else 0.0), name, curve, gains))
    if choices:
        _, _, curve, gains = min(choices, key=lambda choice: choice[:2])
    elif fit_error < tone_error(known["srgb"], matches, no_gain) - KNOWN_BEATS_FIT_EV:
        curve, gains = fitted, fitted_gains
    else:
        curve, gains = known["srgb"], no_gain
    return Calibration(
        curve=curve,
        gains_ev=tuple(float(gain) for gain in gains),
        residual_ev=median_error(curve, matches, gains),
        srgb_residual_ev=srgb_error,
    )


def gains_for(curve: ResponseCurve, matches: Sequence[Pairs], frames: int, reference: int) -> Array:
    """Per-frame gains in stops under a given curve; zero where they are not significant."""
    return _gains_under(curve, matches, frames, reference)


def residuals(curve: ResponseCurve, pairs: Pairs, gains_ev: Array) -> Array:
    """(n,) how many stops too bright the brighter frame looks under a curve."""
    grid = np.linspace(0.0, 1.0, curve.table.shape[1])
    log_ratio = np.empty(len(pairs.dark))
    for c in range(3):
        of_channel = pairs.channel == c
        dark = np.interp(pairs.dark[of_channel], grid, curve.table[c])
        bright = np.interp(pairs.bright[of_channel], grid, curve.table[c])
        log_ratio[of_channel] = np.log2(np.maximum(bright, 1e-9)) - np.log2(np.maximum(dark, 1e-9))
    return log_ratio - (pairs.step_ev + gains_ev[pairs.brighter] - gains_ev[pairs.darker])


def median_error(curve: ResponseCurve, matches: Sequence[Pairs], gains_ev: Array) -> float:
    """Median absolute residual over all pairs, in stops; NaN where there are none."""
    everything = [np.abs(residuals(curve, pairs, gains_ev)) for pairs in matches if len(pairs.dark)]
    return float(np.median(np.concatenate(everything))) if everything else float("nan")


def tone_error(curve: ResponseCurve, matches: Sequence[Pairs], gains_ev: Array) -> float:
    """Root mean square, over tones, channels and pairs, of the median residual: the curve's smooth error.

    The worst tones, as many as MOVING_TONES, are left out: there most pairs may show things that moved.
    """
    squares, weights = [0.0], [1e-12]
    for pairs in matches:
        error = residuals(curve, pairs, gains_ev)
        tone = (pairs.bright * TONE_BINS).astype(np.intp) + TONE_BINS * pairs.channel
        enough = max(4.0, 0.3 * len(error) / max(len(np.unique(tone)), 1))
        for value in np.unique(tone):
            inside = error[tone == value]
            if len(inside) >= enough:
                spread = 1.4826 * float(np.median(np.abs(inside - np.median(inside))))
                noise = 1.57 * spread**2 / len(inside)
                squares.append(max(float(np.median(inside)) ** 2 - noise, 0.0))
                weights.append(min(len(inside), 50))
    kept = np.argsort(squares)[: max(1, int(np.ceil(len(squares) * (1.0 - MOVING_TONES))))]
    return float(np.sqrt(np.average(np.asarray(squares)[kept], weights=np.asarray(weights)[kept])))


def estimate_ev_step(dark: Samples, bright: Samples, *, linear: bool) -> float:
    """Exposure difference in stops of two frames, from matched histograms under a typical camera's curve."""
    typical = parametric("typical", np.array([[0.68, 0.0, 0.0]] * 3))
    curve = KNOWN_CURVES["linear"]() if linear else typical
    (pairs,) = match_histograms([dark, bright], [0.0, 0.0])
    return median_error(curve, [pairs], np.zeros(2)) if len(pairs.dark) else 0.0


def _pairs(
    index: int, evs: Sequence[float], floors: Sequence[float], channel: NDArray[np.intp], x: Array, y: Array
) -> Pairs:
    floor = max(floors[index], DARKER_RANGE[0])
    usable = _in_range(x, y) & (x > floor) & (y > floors[index + 1])
    # Tones that the darker frame's floor cuts in two would keep only the pairs whose noise points upwards.
    border = y[usable & (x < 1.2 * floor)]
    usable &= y > 1.1 * (float(np.median(border)) if len(border) else 0.0)
    return Pairs(
        darker=index,
        brighter=index + 1,
        step_ev=evs[index + 1] - evs[index],
        channel=channel[usable],
        dark=x[usable],
        bright=y[usable],
    )


def _in_range(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.bool_]:
    return (x > DARKER_RANGE[0]) & (x < DARKER_RANGE[1]) & (y > BRIGHTER_RANGE[0]) & (y < BRIGHTER_RANGE[1])


def _dithered(values: Samples) -> Array:
    """Spread 8-bit codes over their width, so that quantiles are not stuck to them."""
    rng = np.random.default_rng(1)
    flat = values.ravel().astype(np.float64)
    return flat + rng.uniform(-0.5 / 255.0, 0.5 / 255.0, size=flat.shape)


def _roughness(frame: Samples) -> Samples:
    """(h, w) largest step to a neighbour in any channel."""
    padded = np.pad(frame, ((1, 1), (1, 1), (0, 0)), mode="edge")
    centre = padded[1:-1, 1:-1]
    steps = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.max([brightest(np.abs(step - centre)) for step in steps], axis=0)


def _gains_under(curve: ResponseCurve, matches: Sequence[Pairs], frames: int, reference: int) -> Array:
    """Gains that centre each pair's residuals, chained outwards from the reference, shrunk and bounded."""
    step = np.zeros(frames)
    for pairs in matches:
        if len(pairs.dark) >= 30:
            error = residuals(curve, pairs, np.zeros(frames))
            step[pairs.brighter] = float(np.median(error))
    gains = np.cumsum(step)
    gains = gains - gains[reference]
    gains = np.where(np.abs(gains) < 0.01, 0.0, gains)
    return np.clip(gains, -MAX_GAIN_EV, MAX_GAIN_EV)


def _fit(matches: Sequence[Pairs], frames: int, reference: int) -> tuple[ResponseCurve, Array]:
    """Fit one curve for all channels, and one a channel where that clearly explains more."""
    shared_shape, shared_gains = _fit_channels(matches, frames, reference, channels=(0, 1, 2))
    shared = parametric("fitted", np.stack([shared_shape] * 3))
    shapes = []
    for c in range(3):
        shape, _ = _fit_channels(matches, frames, reference, channels=(c,), prior=shared_shape, gains=shared_gains)
        shapes.append(shape)
    single = parametric("fitted per channel", np.stack(shapes))
    if median_error(single, matches, shared_gains) < (
        median_error(shared, matches, shared_gains) - FREE_CHANNELS_GAIN_EV
    ):
        return single, shared_gains
    return shared, shared_gains


def _nominal_evs(matches: Sequence[Pairs], frames: int, reference: int) -> Array:
    """(frames,) EVs relative to the reference's."""
    steps = np.zeros(frames)
    for pairs in matches:
        steps[pairs.brighter] = pairs.step_ev
    evs = np.cumsum(steps)
    return evs - evs[reference]


def _fit_channels(
    matches: Sequence[Pairs], frames: int, reference: int, *, channels: tuple[int, ...],
    prior: Array | None = None, gains: Array | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Robust regularised least squares for (p, a, b) and the gains; Cauchy's loss by reweighting."""
    centre = np.array([1.0, 0.0, 0.0]) if prior is None else prior
    rows, targets, weights = [], [], []
    for pairs in matches:
        chosen = np.isin(pairs.channel, channels)
        x, y = pairs.dark[chosen], pairs.bright[chosen]
        if not len(x):
            continue
        gain_columns = np.zeros((len(x), frames))
        if gains is None:
            gain_columns[:, pairs.brighter], gain_columns[:, pairs.darker] = -1.0, 1.0
        known_gain = 0.0 if gains is None else gains[pairs.brighter] - gains[pairs.darker]
        log_ratio = np.log2(srgb_decode(y).astype(np.float64)) - np.log2(srgb_decode(x).astype(np.float64))
        rows.append(np.column_stack([log_ratio, y - x, y**2 - x**2, gain_columns]))
        targets.append(np.full(len(x), pairs.step_ev + known_gain))
        weights.append(np.full(len(x), 1.0 / len(x)))
    free_gains = np.zeros(frames) if gains is None else gains
    if not rows:
        return centre, free_gains
    a, b, w = np.concatenate(rows), np.concatenate(targets), np.concatenate(weights)
    scale_ev, pseudo_count = 0.05, 60.0  # a pair's samples share their errors: count them as this many
    prior_rows = np.diag(np.concatenate([1.0 / PRIOR_SIGMA, np.full(frames, 1.0 / GAIN_SIGMA_EV)]))
    prior_rows[3 + reference, 3 + reference] = FIRM
    # Gains in proportion to the EVs only stretch the curve: what they would explain is the curve's.
    stretch = FIRM * _nominal_evs(matches, frames, reference)
    prior_rows = np.vstack([prior_rows, np.concatenate([np.zeros(3), stretch])])
    prior_target = prior_rows @ np.concatenate([centre, np.zeros(frames)])
    robust = np.ones(len(b))
    solution = np.zeros(3 + frames)
    for width_ev in np.geomspace(0.5, scale_ev, 30):  # from hardly robust to hard on what moved
        weighted = a * (w * pseudo_count * robust / scale_ev**2)[:, None]
        normal = weighted.T @ a + prior_rows.T @ prior_rows
        solution = np.linalg.solve(normal, weighted.T @ b + prior_rows.T @ prior_target)
        robust = 1.0 / (1.0 + ((a @ solution - b) / width_ev) ** 2)
    if gains is None:
        free_gains = np.clip(solution[3:], -MAX_GAIN_EV, MAX_GAIN_EV)
    return solution[:3], free_gains

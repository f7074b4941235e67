"""Calibration: the response curve that a bracket's own frames imply.

Where two frames see the same light, their exposures differ by a known number of stops; the curve is right when
linearised pixel values differ by as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.calibration.black import ABOVE_BLACK, raised_black
from hdrfuse.imaging.calibration.correspondences import (
    TONE_PAIRS,
    TonePairs,
    explained_share,
    median_error,
    residuals,
    tone_error,
)
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, ResponseCurve, least_slope, parametric, shape_terms
from hdrfuse.setting_limits import NotNegative, Settings

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FitSettings(Settings):
    """When a known curve is preferred to a fit, and what a fit may be.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion, of collages as a camera model writes them, by `hdrfuse bench --what settings --setting fit
    --seeds 1 --size 192x128 --images DIR --movers DIR --camera`. Where nothing changes, the same curve was chosen.
    """

    largest_gain_ev: float = 1.0 / 6.0
    """EXIF rounds exposure times (1/60 is 1/64); a frame's exposure may be off by this much, not by more.

    Half / twice: 0 / 0.
    """
    known_tolerance_ev: float = 0.03
    """A known curve that leaves less error than this, over all brightnesses, is taken exactly as it is.

    Half / twice: 0 / 0.
    """
    known_beats_fit_ev: NotNegative = 0.015
    """A fit has to explain the bracket better than a known curve by this much to be preferred. Half / twice: 0 / 0."""
    prior_sigma: tuple[float, float, float, float] = (0.35, 1.5, 1.5, 2.0)
    """How far a curve's shares of `shape_terms` usually are from sRGB's 1, 0, 0 and 0. Half / twice: +0.35 / -0.10."""
    gain_sigma_ev: float = 0.03
    """How far exposures usually are from what is stated. Half / twice: +0.02 / -0.01."""
    residual_scale_ev: float = 0.05
    """Width of Cauchy's loss in the end: residuals beyond are of what moved. Half / twice: -0.06 / +0.11."""
    widest_ev: float = 0.5
    """Its width in the beginning,

    Half / twice: +0.03 / -0.01.
    """
    rounds: int = 30
    """and the steps in between. Half / twice: -0.04 / +0.05."""
    pairs_count_as: float = 60.0
    """How many independent pairs those of two frames count as: they share their errors. Half / twice: +0.15 / -0.08."""
    least_pairs: int = 30
    """Fewer say nothing of a curve or a gain. Half / twice: 0 / 0."""
    least_gain_ev: NotNegative = 0.01
    """Gains of less are none.

    Derived: under half a code of 8 bits at middle grey, where a code is 2.2 log2(129 / 128) = 0.025 EV. Half / twice: 0
    / 0.
    """
    firm: float = 1e4
    """Weight of a condition, in standard deviations a stop, that the fit may not break.

    Derived: a ten-thousandth of a stop then costs a standard deviation. Half / twice: 0 / 0.
    """
    needless_gain_ev: NotNegative = 0.015
    """Error that gains must take off a known curve, whose exposures are usually exact as well. Half / twice: 0 / 0."""
    known_explains_more: NotNegative = 0.03
    """Share of the pairs that a known curve may explain less than a fit and still be preferred. Half / twice: 0 / 0."""
    free_channels_gain_ev: NotNegative = 0.02
    """Channels get curves of their own where that takes at least this much off the error. Half / twice: 0 / 0."""
    least_slope: NotNegative = 0.5
    """Stops of light to a doubling of the code that a curve has everywhere; a channel that fits with less is no curve.

    Where one channel clips on the sensor, a colour matrix gives part of it to the others: under a red lamp green's
    frames agree with nothing that depends on green alone. Of 27 made brackets of two camera models all chosen curves
    have 0.6 or more but that of such a lamp, 0.36, under which 97 % of it was called moved. A sky under red and blue
    lamps, by a camera unlike theirs, fits with -0.4 to 0.2 in all channels: 93 % moved, 0 % since that is no curve.
    """
    no_black_ev: float = 0.015
    """Error of a known curve from which a raised black is looked for.

    On made brackets of raised blacks it is 0.1 to 0.5. Half / twice: 0 / 0.
    """
    black_explains_more: NotNegative = 0.05
    """Share of the pairs that a raised black has to explain beyond what a fit does.

    Cameras' own curves leave no known curve within its tolerance above any black. Half / twice: 0 / 0.
    """


FIT = FitSettings()

SRGB_SHAPE = np.array([1.0, 0.0, 0.0, 0.0])
"""Shares of `shape_terms` that sRGB's curve is."""


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


def calibrate(
    matches: Sequence[TonePairs], frames: int, reference: int, *, earlier: Calibration | None = None
) -> Calibration:
    """Choose the curve that explains the pairs: a known one exactly where it does, else a robust fit.

    Where large things moved, no curve explains all; the one that explains most pairs is taken then, `earlier`
    (found from other pairs) being one of the candidates.
    """
    known = {name: make() for name, make in KNOWN_CURVES.items()}
    no_gain = np.zeros(frames)
    srgb_error = median_error(known["srgb"], matches, no_gain)
    if sum(len(pairs.dark) for pairs in matches) < FIT.least_pairs:
        warning = "too little is well exposed in two frames to calibrate the response: sRGB is assumed"
        return Calibration(
            curve=known["srgb"], gains_ev=(0.0,) * frames, residual_ev=srgb_error, srgb_residual_ev=srgb_error,
            warnings=(warning,),
        )  # fmt: skip
    first = earlier is None
    if earlier is not None and earlier.curve.name.endswith(ABOVE_BLACK):  # a hand-held bracket's histograms may look so
        residual_ev = median_error(earlier.curve, matches, no_gain)
        if residual_ev < min(median_error(make(), matches, no_gain) for make in KNOWN_CURVES.values()):
            return replace(earlier, residual_ev=residual_ev)
        earlier = None
    fits = [_fit(matches, frames, reference, shoulder=shoulder, first=first) for shoulder in (False, True)]
    fitted, fitted_gains = max(fits, key=lambda each: _credit(matches, *each))
    fit_error = tone_error(fitted, matches, fitted_gains)
    choices: list[tuple[float, str, ResponseCurve, Array]] = []
    if first and (raised := _above_black(matches, no_gain, explained_share(fitted, matches, fitted_gains))):
        choices.append((0.0, raised.name, raised, no_gain))
    for name, curve in known.items():
        for gains in (no_gain, gains_for(curve, matches, frames, reference)):
            error = tone_error(curve, matches, gains)
            if error < FIT.known_tolerance_ev and error < fit_error + FIT.known_beats_fit_ev:
                choices.append((error + (FIT.needless_gain_ev if gains.any() else 0.0), name, curve, gains))
    if choices:
        _, _, curve, gains = min(choices, key=lambda choice: choice[:2])
    else:
        candidates: list[tuple[ResponseCurve, Array]] = [(fitted, fitted_gains)]
        candidates += [(other, no_gain) for other in known.values()]
        candidates += [(other, gains_for(other, matches, frames, reference)) for other in known.values()]
        if earlier is not None:
            candidates.append((earlier.curve, np.asarray(earlier.gains_ev)))
        curve, gains = max(candidates, key=lambda candidate: _credit(matches, *candidate))
    return Calibration(
        curve=curve,
        gains_ev=tuple(float(gain) for gain in gains),
        residual_ev=median_error(curve, matches, gains),
        srgb_residual_ev=srgb_error,
    )


def _above_black(matches: Sequence[TonePairs], no_gain: Array, explained_by_fit: float) -> ResponseCurve | None:
    """A known curve above a raised black, where that explains the pairs and neither it alone nor a fit does."""
    candidates = []
    for make in KNOWN_CURVES.values():
        plain = make()
        if tone_error(plain, matches, no_gain) < FIT.no_black_ev:
            return None
        if (curve := raised_black(plain, matches)) is not None:
            candidates.append((tone_error(curve, matches, no_gain), curve))
    error, curve = min(candidates, key=lambda each: each[0], default=(np.inf, None))
    if curve is None or error > FIT.known_tolerance_ev:
        return None
    return curve if explained_share(curve, matches, no_gain) > explained_by_fit + FIT.black_explains_more else None


def gains_for(curve: ResponseCurve, matches: Sequence[TonePairs], frames: int, reference: int) -> Array:
    """Gains in stops that centre each pair's residuals under a given curve, chained outwards from the reference.

    Zero where they are not significant, and bounded.
    """
    step = np.zeros(frames)
    for pairs in matches:
        if len(pairs.dark) >= FIT.least_pairs:
            error = residuals(curve, pairs, np.zeros(frames))
            step[pairs.brighter] = _centre(error)
    gains = np.cumsum(step)
    gains = gains - gains[reference]
    gains = np.where(np.abs(gains) < FIT.least_gain_ev, 0.0, gains)
    return np.clip(gains, -FIT.largest_gain_ev, FIT.largest_gain_ev)


def _credit(matches: Sequence[TonePairs], curve: ResponseCurve, gains: Array) -> tuple[float, float]:
    """How much of the pairs a curve explains, to a hundredth; among equals the smaller error counts.

    A median error of a stop is worth all of them: a curve that explains a few more while it misses the rest is none.
    """
    bonus = FIT.known_explains_more if curve.name in KNOWN_CURVES else 0.0
    credit = explained_share(curve, matches, gains) + bonus - median_error(curve, matches, gains)
    return round(credit, 2), -tone_error(curve, matches, gains)


def _centre(error: Array) -> float:
    """Median error in stops; zero where most of what agrees at all agrees with the nominal exposures."""
    median = float(np.median(error))
    nominal, shifted = (np.mean(np.abs(error - centre) < TONE_PAIRS.explained_ev) for centre in (0.0, median))
    return 0.0 if nominal > shifted else median


def _fit(
    matches: Sequence[TonePairs], frames: int, reference: int, *, shoulder: bool, first: bool
) -> tuple[ResponseCurve, Array]:
    """Fit one curve for all channels, and one a channel where that clearly explains more.

    Its `shoulder` is free or sRGB's: a free one may follow what moved in front of bright skies. Where no channel fits
    as a curve, as under lamps of several colours, a later fit is sRGB's throughout; a `first` one shows the misfit.
    """
    channels: tuple[int, ...] = (0, 1, 2)
    shared_shape, shared_gains, shapes = _fit_shapes(matches, frames, reference, channels, shoulder=shoulder)
    curves = tuple(c for c in channels if least_slope(shapes[c]) >= FIT.least_slope)
    if not curves and not first:
        return parametric("fitted", np.stack([SRGB_SHAPE] * 3)), np.zeros(frames)
    if 0 < len(curves) < len(channels):
        shared_shape, shared_gains, shapes = _fit_shapes(matches, frames, reference, curves, shoulder=shoulder)
    shared = parametric("fitted", np.stack([shared_shape] * 3))
    single = parametric("fitted per channel", np.stack([shapes.get(c, shared_shape) for c in channels]))
    if median_error(single, matches, shared_gains) < (
        median_error(shared, matches, shared_gains) - FIT.free_channels_gain_ev
    ):
        return single, shared_gains
    return shared, shared_gains


def _fit_shapes(
    matches: Sequence[TonePairs], frames: int, reference: int, channels: tuple[int, ...], *, shoulder: bool
) -> tuple[Array, Array, dict[int, Array]]:
    """Shares of `shape_terms` and gains that channels have in common, and each channel's own shares."""
    shared, gains = _fit_channels(matches, frames, reference, channels=channels, shoulder=shoulder)
    own = {
        c: _fit_channels(matches, frames, reference, channels=(c,), shoulder=shoulder, prior=shared, gains=gains)[0]
        for c in channels
    }
    return shared, gains, own


def _nominal_evs(matches: Sequence[TonePairs], frames: int, reference: int) -> Array:
    """(frames,) EVs relative to the reference's."""
    steps = np.zeros(frames)
    for pairs in matches:
        steps[pairs.brighter] = pairs.step_ev
    evs = np.cumsum(steps)
    return evs - evs[reference]


def _fit_channels(
    matches: Sequence[TonePairs], frames: int, reference: int, *, channels: tuple[int, ...], shoulder: bool,
    prior: Array | None = None, gains: Array | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Robust regularised least squares for the shares of `shape_terms` and the gains; Cauchy's loss by reweighting."""
    centre = SRGB_SHAPE if prior is None else prior
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
        rows.append(np.column_stack([shape_terms(y) - shape_terms(x), gain_columns]))
        targets.append(np.full(len(x), pairs.step_ev + known_gain))
        weights.append(np.full(len(x), 1.0 / len(x)))
    free_gains = np.zeros(frames) if gains is None else gains
    if not rows:
        return centre, free_gains
    a, b, w = np.concatenate(rows), np.concatenate(targets), np.concatenate(weights)
    scale_ev, shapes = FIT.residual_scale_ev, len(centre)
    firmness = 1.0 / np.array(FIT.prior_sigma)
    firmness[-1] = firmness[-1] if shoulder else FIT.firm
    prior_rows = np.diag(np.concatenate([firmness, np.full(frames, 1.0 / FIT.gain_sigma_ev)]))
    prior_rows[shapes + reference, shapes + reference] = FIT.firm
    # Gains in proportion to the EVs only stretch the curve: what they would explain is the curve's.
    stretch = FIT.firm * _nominal_evs(matches, frames, reference)
    prior_rows = np.vstack([prior_rows, np.concatenate([np.zeros(shapes), stretch])])
    prior_target = prior_rows @ np.concatenate([centre, np.zeros(frames)])
    robust = np.ones(len(b))
    solution = np.zeros(shapes + frames)
    for width_ev in np.geomspace(FIT.widest_ev, scale_ev, FIT.rounds):  # from hardly robust to hard on what moved
        weighted = a * (w * FIT.pairs_count_as * robust / scale_ev**2)[:, None]
        normal = weighted.T @ a + prior_rows.T @ prior_rows
        solution = np.linalg.solve(normal, weighted.T @ b + prior_rows.T @ prior_target)
        robust = 1.0 / (1.0 + ((a @ solution - b) / width_ev) ** 2)
    if gains is None:
        free_gains = np.clip(solution[shapes:], -FIT.largest_gain_ev, FIT.largest_gain_ev)
    return solution[:shapes], free_gains

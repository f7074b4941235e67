"""Estimate: exposures of pictures of which nothing states any, and how far they may be off.

Matched tones tell the shares of the steps and the curve up to a common exponent (Grossberg & Nayar 2003): twice the
stops under a curve are as many under its square root. The exponent is taken under which the curve is as cameras' are.
Tones are matched by histograms, which motion hardly changes: frames need not be registered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.exposure import ESTIMATE, HOW_TO_GIVE, INTERVAL_SHARE, Exposure, Uncertainty
from hdrfuse.errors import ExposureError
from hdrfuse.imaging.calibration.correspondences import Samples, TonePairs, residuals
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, ResponseCurve
from hdrfuse.imaging.calibration.spacing import SPACING, Spacing
from hdrfuse.imaging.color import srgb_decode
from hdrfuse.imaging.robust import robust_sigma
from hdrfuse.text import listed

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EstimateSettings:
    """What is known of cameras before a picture is seen.

    Curves are log2 f^-1(v) = p log2 sRGB^-1(v) + a (v - 1) + b (v^2 - 1), as calibration fits them. Those of cameras
    were measured on brackets of the camera model, two steps of 2 EV, whose exposures are known: 200 of its training
    split and 120 of its validation split, the same ones for all numbers here that name no other source.
    """

    shape_mean: tuple[float, float, float] = (1.0, -5.1, 4.0)
    """Mean of p, a and b."""
    shape_sigma: tuple[float, float, float] = (0.6, 4.5, 3.2)
    """Twice their standard deviations, where pictures do not show all of the curve; little depends on them."""
    unit: tuple[float, float, float] = (1.02, 0.19, 0.26)
    """Weights under which the sum of p, a and b varies least among cameras, their median sum being 1."""
    sums: tuple[float, float] = (0.86, 1.54)
    """That sum in 90 % of them, step by step, 5 % to either side; local tone mapping makes the large ones."""
    powers: tuple[float, float] = (0.71, 1.43)
    """The same for pure powers, if 2.2 is 1: they are 1 / 1.4 to 1 / 0.7 (SPACING.exact_powers)."""
    step_sigma_ev: float = 0.06
    """Standard deviation of a step beside the common exponent: lamps flicker by as much.

    Eleven real stacks' steps differ from the stated ones by 0.02 to 0.14 in most (median 0.07), EXIF's rounding too.
    """
    known_step_sigma_ev: float = 0.01
    """The same under a known curve at least: 8-bit codes and what shutters differ by."""
    step_spread: float = 1.5
    """Standard deviation of a step, in those of what its tones show: they err alike.

    Linear pictures held by hand, moved by 0, 2 and 9 % between two frames: 100, 92 and 92 % of 48 steps in their
    intervals, with errors of 0.001, 0.03 and 0.14 EV (root mean square).
    """
    least_tones: int = 10
    """Matched ones that a step needs; with 13 to 27 it is off by no more than others."""
    brightest: float = 0.02
    """Share of the pixels that is matched where too few of all tones are: what matched histograms leave out above.

    In two real stacks the darkest frames show little else than lamps or sun: 0 to 2 tones in common in five of their
    steps are 62 to 226 of the brightest, and the steps are right to 0.2 EV.
    """
    least_span_ev: float = 0.2
    """Brackets that are narrower by the pictures are equally exposed: metering differs by as much."""
    many_tones: int = 100
    """From so many on each step has the same weight."""
    tones_worth: float = 60.0
    """Independent ones among them, as in calibration's fit."""
    widths_ev: tuple[float, float] = (0.5, 0.05)
    """Of Cauchy's loss: from hardly robust to hard on what moved, as in calibration's fit."""
    rounds: int = 30
    """Of reweighting."""
    most_change: float = 1.5
    """Factor by which one round changes the span."""


ESTIMATION = EstimateSettings()

MOST_LISTED = 9
"""Frames that a message lists."""


@dataclass(frozen=True, kw_only=True)
class EstimatedSteps:
    """Stops between neighbouring pictures, darkest first."""

    steps_ev: Array
    """(n - 1,)."""
    variances: Array
    """(n - 1,) in EV squared, beside the exponent."""
    factors: tuple[float, float]
    """What the true steps may be of these, all alike: least and most."""


def estimate_exposures(
    names: Sequence[str], pictures: Sequence[Samples], *, linear: bool, curve: ResponseCurve | None
) -> list[Exposure]:
    """Exposure of each picture (h, w, 3), shares of white, given darkest first; the middle one is 0 EV.

    `curve` is the pictures' response where that is known. Raises ExposureError where two neighbours have too few tones
    in common, and where all are equally bright.
    """
    spacing = _match_tones(pictures, linear=linear)
    for (dark, bright), pairs in zip(pairwise(names), spacing.matches, strict=True):
        if len(pairs.dark) < ESTIMATION.least_tones:
            raise ExposureError(
                f"{dark} and {bright} have too few tones in common for an estimate of their exposures "
                f"({len(pairs.dark)}; {ESTIMATION.least_tones} are needed): leave one out, or {HOW_TO_GIVE}"
            )
    known = KNOWN_CURVES["linear"]() if linear else curve
    # Any curve shows whether they differ at all; one that is fitted to noise alone shows anything.
    _refuse_equal(names, spacing.steps(known or KNOWN_CURVES["srgb"]()))
    steps = _known_steps(spacing.matches, known) if known is not None else _unknown_steps(spacing)
    evs = _refuse_equal(names, steps.steps_ev)
    variances = np.concatenate([[0.0], np.cumsum(steps.variances)])
    return [
        Exposure(
            ev=float(ev - evs[len(evs) // 2]),
            source=ESTIMATE,
            uncertainty=Uncertainty(factors=steps.factors, variance=float(variance)),
        )
        for ev, variance in zip(evs, variances, strict=True)
    ]


def _refuse_equal(names: Sequence[str], steps_ev: Array) -> Array:
    """EVs of frames (n,) that lie (n - 1,) stops apart, the darkest 0. Raises ExposureError for equal exposures."""
    evs = np.concatenate([[0.0], np.cumsum(np.maximum(np.nan_to_num(steps_ev, nan=np.inf), 0.0))])
    if evs[-1] < ESTIMATION.least_span_ev:
        raise ExposureError(
            f"{names[0]} to {names[-1]}: all {len(names)} frames are equally exposed by the pictures "
            f"({evs[-1]:.2f} EV apart); a bracket needs different exposures"
        )
    return evs


def _match_tones(pictures: Sequence[Samples], *, linear: bool) -> Spacing:
    """Tones of all pixels; of the brightest alone where others are too dark: lamps by night."""
    spacing = Spacing.of(pictures, linear=linear)
    matches = list(spacing.matches)
    for index, pairs in enumerate(matches):
        if len(pairs.dark) < ESTIMATION.least_tones:
            bright = Spacing.of([_brightest(picture) for picture in pictures[index : index + 2]], linear=linear)
            matches[index] = replace(bright.matches[0], darker=index, brighter=index + 1)
    return replace(spacing, matches=tuple(matches))


def _brightest(picture: Samples) -> Samples:
    """(m, 1, 3) the largest values of each channel of a picture (h, w, 3)."""
    values = np.sort(picture.reshape(-1, 3), axis=0)
    return values[-max(1, round(ESTIMATION.brightest * len(values))) :, None]


def estimates_in_words(names: Sequence[str], exposures: Sequence[Exposure], reference: int) -> str:
    """What is estimated of the frames, in one line, the reference being 0 EV."""
    each = [
        f"{name} {exposure.ev:+.1f} ({interval[0]:+.1f} to {interval[1]:+.1f})"
        for name, exposure in zip(names, exposures, strict=True)
        if exposure is not exposures[reference] and (interval := exposure.interval_ev(exposures[reference]))
    ]
    return (
        f"exposures are estimated from the pictures, in EV with {INTERVAL_SHARE:.0%} intervals: "
        f"{listed(each, MOST_LISTED)}; only differences are known: {names[reference]}, the reference, is called 0"
    )


def _unknown_steps(spacing: Spacing) -> EstimatedSteps:
    """Steps under a curve that files are made with where one explains the pictures exactly, else under a camera's."""
    share = SPACING.exact_step if len(spacing.matches) == 1 else SPACING.exact_steps
    left, name = min((_share_left(spacing.matches, KNOWN_CURVES[name]()), name) for name in ("gamma", "srgb"))
    if left > share or min(len(pairs.dark) for pairs in spacing.matches) < SPACING.exact_tones:
        return _camera_steps(spacing.matches)
    steps = _known_steps(spacing.matches, KNOWN_CURVES[name]())
    return replace(steps, factors=ESTIMATION.powers) if name == "gamma" else steps


def _share_left(matches: Sequence[TonePairs], curve: ResponseCurve) -> float:
    """Root mean square over tones of what a curve leaves, as a share of the largest step."""
    spacing = Spacing(matches=tuple(matches), pixels=SPACING.least_pixels, linear=False)
    largest = float(np.nanmax(np.abs(spacing.steps(curve)), initial=0.0))
    return spacing.error(curve) / max(largest, 1e-6)


def _known_steps(matches: Sequence[TonePairs], curve: ResponseCurve) -> EstimatedSteps:
    """Median of what the tones show under a curve, and its standard error by their spread."""
    errors = [residuals(curve, pairs, np.zeros(len(matches) + 1)) for pairs in matches]
    spread = np.array([robust_sigma(error) for error in errors])
    return EstimatedSteps(
        steps_ev=np.array([np.median(error) for error in errors]),
        variances=(ESTIMATION.step_spread * spread) ** 2 + ESTIMATION.known_step_sigma_ev**2,
        factors=(1.0, 1.0),
    )


def _camera_steps(matches: Sequence[TonePairs]) -> EstimatedSteps:
    """Steps under the curve that explains them and is as cameras' are.

    Unknown are p, a, b over the whole span, and each step's share of it. The span is what makes the weighted sum of
    p, a and b 1; it counts in their prior, so both are found in turn.
    """
    rows = [_curve_rows(pairs) for pairs in matches]
    shares = np.repeat(np.eye(len(matches)), [len(row) for row in rows], axis=0)
    ends = np.cumsum([len(row) for row in rows])[:-1]
    stacked, target = np.concatenate(rows), shares[:, -1]
    system = np.hstack([stacked, shares[:, -1:] - shares[:, :-1]])  # the last share is what the others leave of 1
    weight = np.concatenate([np.full(len(row), 1.0 / max(len(row), ESTIMATION.many_tones)) for row in rows])
    unit, unknowns = np.array(ESTIMATION.unit), system.shape[1]
    mean = np.concatenate([ESTIMATION.shape_mean, np.zeros(unknowns - 3)])
    precision = np.diag(np.concatenate([1.0 / np.square(ESTIMATION.shape_sigma), np.zeros(unknowns - 3)]))
    span = SPACING.typical_power * max(sum(float(np.median(row[:, 0])) for row in rows), ESTIMATION.least_span_ev)
    robust = np.ones(len(system))
    finest = ESTIMATION.widths_ev[1]
    solution: Array = np.zeros(unknowns)
    covariance: Array = np.zeros((unknowns, unknowns))
    for width_ev in np.geomspace(*ESTIMATION.widths_ev, ESTIMATION.rounds):
        weighted = system * (weight * ESTIMATION.tones_worth * robust * (span / finest) ** 2)[:, None]
        covariance = np.asarray(np.linalg.inv(weighted.T @ system + precision * span**2), np.float64)
        solution = covariance @ (weighted.T @ target + precision @ mean * span)
        robust = 1.0 / (1.0 + (span * (system @ solution - target) / width_ev) ** 2)
        wanted = 1.0 / max(float(solution[:3] @ unit), 1e-3)
        span = float(np.clip(wanted, span / ESTIMATION.most_change, span * ESTIMATION.most_change))
    found = np.append(solution[3:], 1.0 - solution[3:].sum())
    to_shares = np.vstack([np.eye(len(matches) - 1), -np.ones(len(matches) - 1)])
    fit_variances = np.einsum("ij,jk,ik->i", to_shares, covariance[3:, 3:], to_shares) * span**2
    spread = np.array([robust_sigma(error) for error in np.split(span * (system @ solution - target), ends)])
    variances = fit_variances + spread**2 + ESTIMATION.step_sigma_ev**2
    return EstimatedSteps(steps_ev=found * span, variances=variances, factors=ESTIMATION.sums)


def _curve_rows(pairs: TonePairs) -> Array:
    """(n, 3) how much each of p, a and b makes of the stops between the values of a pair.

    log2 f^-1(v) = p log2 sRGB^-1(v) + a v + b v^2; what bends near white is no part of the spacing.
    """
    dark, bright = (np.log2(srgb_decode(value).astype(np.float64)) for value in (pairs.dark, pairs.bright))
    return np.column_stack([bright - dark, pairs.bright - pairs.dark, pairs.bright**2 - pairs.dark**2])

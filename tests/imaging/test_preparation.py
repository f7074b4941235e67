"""Frames as they were taken: what a curve leaves open at both ends."""

from dataclasses import replace

import numpy as np
import pytest

from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.calibration.fit import Calibration
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, ResponseCurve, tabulate
from hdrfuse.imaging.preparation import PREPARATION, calibrate_frames, recalibrate_frames, tolerances
from hdrfuse.imaging.registration.register import Registration

CODES = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def ends(curve: ResponseCurve) -> tuple[float, float]:
    """Toe and shoulder of a bracket's frames under a curve."""
    bracket = bracket_of_arrays([CODES, CODES], (-2, 0), binding=True)
    found = calibrate_frames(
        bracket, Calibration(curve=curve, gains_ev=(0.0, 0.0), residual_ev=0.0, srgb_residual_ev=0.0)
    )
    (toe,), (shoulder,) = {frame.toe for frame in found}, {frame.shoulder for frame in found}
    return toe, shoulder


def test_a_known_curve_leaves_nothing_open():
    assert ends(KNOWN_CURVES["srgb"]()) == (0.0, 1.0)


def test_a_fitted_curve_is_a_guess_below_what_was_compared_and_above_what_compression_leaves_of_white():
    steps = np.linspace(0, 1, 256)
    toe, shoulder = ends(tabulate("fitted", np.stack([steps**2, steps**2, steps**3])))
    assert toe == pytest.approx((2 * 0.06**2 + 0.06**3) / 3, rel=0.02)
    assert shoulder == pytest.approx((250 / 255) ** 3, rel=1e-3)


def test_a_curve_that_rises_at_its_end_alone_does_not_make_everything_white():
    steps = np.linspace(0, 1, 256)
    assert ends(tabulate("loaded", np.stack([np.where(steps < 1, 0, 1.0)] * 3)))[1] == PREPARATION.least_shoulder


def registration(model: str, warning: str | None = None) -> Registration:
    return Registration(matrix=np.eye(3), model=model, inliers=0, residual_px=0.0, shift_px=0.0, warning=warning)


@pytest.mark.parametrize(("other", "placed"), [("identity", True), ("translation", False)])
def test_where_an_unregistered_frame_lies_is_known_on_a_tripod_alone(other, placed):
    bracket = bracket_of_arrays([CODES] * 3, (-2, 0, 2), binding=True)
    calibration = Calibration(curve=KNOWN_CURVES["srgb"](), gains_ev=(0.0,) * 3, residual_ev=0.0, srgb_residual_ev=0.0)
    found = tolerances(
        bracket, calibration, [registration(other), registration("identity"), registration("identity", "no texture")]
    )
    assert [each.placed for each in found] == [True, True, placed]


def test_resampled_frames_take_toe_and_shoulder_of_the_final_curve():
    steps = np.linspace(0, 1, 256)
    bracket = bracket_of_arrays([CODES, CODES], (-2, 0), binding=True)
    first, final = (
        Calibration(curve=curve, gains_ev=(0.0, 0.0), residual_ev=0.0, srgb_residual_ev=0.0)
        for curve in (KNOWN_CURVES["srgb"](), tabulate("fitted", np.stack([steps**2] * 3)))
    )
    resampled = [replace(frame, pixels=frame.pixels.copy()) for frame in calibrate_frames(bracket, first)]
    expected = calibrate_frames(bracket, final)
    found = recalibrate_frames(resampled, bracket, final)
    for name in ("toe", "shoulder", "exact", "ev"):
        assert [getattr(frame, name) for frame in found] == [getattr(frame, name) for frame in expected]
    assert all(frame.pixels is old.pixels for frame, old in zip(found, resampled, strict=True))

from functools import cache

import numpy as np
import pytest
from daily import daily

from hdrfuse.data.procedural import ENCODINGS, ProceduralBracket, procedural_bracket
from hdrfuse.errors import BracketError
from hdrfuse.imaging.bracket import Bracket, bracket_of_arrays
from hdrfuse.imaging.calibration.correspondences import (
    TonePairs,
    match_histograms,
    match_registered_pixels,
    median_error,
)
from hdrfuse.imaging.calibration.debevec import debevec1997
from hdrfuse.imaging.calibration.fit import FIT, Calibration, calibrate, gains_for
from hdrfuse.imaging.calibration.response import KNOWN_CURVES

EVS = (-2.0, 0.0, 2.0)


@cache
def scene(seed: int, motion: str = "static") -> ProceduralBracket:
    return procedural_bracket(seed, motion=motion, size=(640, 480), encoding="linear")


def photographed(
    seed: int, encoding: str, *, motion: str = "static", bits: int = 8, evs: tuple[float, ...] = EVS
) -> Bracket:
    """Frames of a scene as a camera with a curve writes them; `evs` are what it claims."""
    white = 2**bits - 1
    encoded = [ENCODINGS[encoding](frame.astype(np.float32) / 65535) for frame in scene(seed, motion).frames]
    return bracket_of_arrays([np.rint(each * white).astype(f"uint{bits}") for each in encoded], evs, binding=True)


def histograms(bracket: Bracket) -> list[TonePairs]:
    return match_histograms([frame.encoded_samples() for frame in bracket.frames], bracket.relative_evs)


def calibrated(bracket: Bracket) -> Calibration:
    return calibrate(histograms(bracket), len(bracket.frames), bracket.reference)


def wrong_by(stops: float, index: int) -> tuple[float, ...]:
    return tuple(ev + stops * (index == at) for at, ev in enumerate(EVS))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("encoding", ["gamma", "srgb", "linear"])
@pytest.mark.parametrize("motion", daily(1, ["moving", "static"]))
@pytest.mark.parametrize("seed", daily(1, [0, 1]))
def test_a_known_curve_is_recognised_exactly(seed, motion, encoding, bits):
    found = calibrated(photographed(seed, encoding, motion=motion, bits=bits))
    assert found.curve.name == encoding
    assert found.gains_ev == (0.0, 0.0, 0.0)
    assert found.residual_ev < 0.03
    assert found.warnings == ()


@pytest.mark.parametrize("motion", ["static", "moving"])
@pytest.mark.parametrize("seed", daily(1, [0, 1]))
def test_a_cameras_curve_is_fitted_where_srgb_fails(seed, motion):
    found = calibrated(photographed(seed, "contrast", motion=motion))
    assert found.curve.name.startswith("fitted")
    assert found.residual_ev < 0.06
    assert found.srgb_residual_ev > 0.2


def pairs_of_a_camera(step_ev: float, darker: int) -> TonePairs:
    """Red and blue by a contrast curve; green, of which a colour matrix took most, as red clips on the sensor."""
    light = np.geomspace(0.02, 0.24, 200, dtype=np.float32)
    dark, bright = (np.asarray(ENCODINGS["contrast"](each), np.float64) for each in (light, light * 2**step_ev))
    rises = np.linspace(0, 1, 200)
    green = (0.031 + 0.04 * rises**2, 0.267 + 0.66 * rises)
    return TonePairs(
        darker=darker, brighter=darker + 1, step_ev=step_ev, channel=np.repeat([0, 1, 2], 200),
        dark=np.concatenate([dark, green[0], dark]), bright=np.concatenate([bright, green[1], bright]),
    )  # fmt: skip


def test_a_channel_that_no_curve_explains_gets_that_of_the_others():
    curve = calibrate([pairs_of_a_camera(2.0, 0), pairs_of_a_camera(2.0, 1)], 3, 1).curve
    dark, middle = curve(np.repeat([[8 / 255], [64 / 255]], 3, axis=1))
    assert (dark < 0.03).all()  # by green's own pairs 0.13
    assert middle == pytest.approx([middle[0]] * 3, rel=0.1)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_fitted_curve_is_the_cameras_in_the_mid_tones(seed):
    exposure = np.geomspace(0.03, 0.6, 20, dtype=np.float32)
    encoded = ENCODINGS["contrast"](exposure)[:, None].repeat(3, axis=1).astype(np.float64)
    error = np.log2(calibrated(photographed(seed, "contrast")).curve(encoded)) - np.log2(exposure)[:, None]
    assert np.ptp(error) < 0.25  # stops; a factor is only relative radiance


@pytest.mark.parametrize("stops", daily(2, [-0.1, 0.05, -0.05, 0.1]))
@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize("encoding", daily(1, ["srgb", "gamma"]))
def test_a_wrong_exposure_is_found_under_a_known_curve(encoding, index, stops):
    found = calibrated(photographed(1, encoding, motion="moving", evs=wrong_by(stops, index)))
    assert found.curve.name == encoding
    expected = [-stops if at == index else 0.0 for at in range(3)]
    assert found.gains_ev == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("encoding", ["gamma", "contrast"])
@pytest.mark.parametrize("stops", [-0.6, 0.6])
def test_gains_stay_within_a_sixth_of_a_stop(stops, encoding):
    bracket = photographed(0, encoding, evs=wrong_by(stops, 2))
    gains = calibrated(bracket).gains_ev
    assert max(map(abs, gains)) > 0.1
    assert max(map(abs, gains)) <= FIT.largest_gain_ev == 1 / 6
    assert gains[1] == pytest.approx(0, abs=1e-4)
    assert np.abs(gains_for(KNOWN_CURVES["gamma"](), histograms(bracket), 3, 1)).max() <= 1 / 6


@pytest.mark.parametrize("level", [0.0, 0.01, 1.0])
def test_frames_without_tones_in_common_are_taken_as_srgb_with_a_warning(level):
    flat = np.full((64, 64, 3), round(level * 255), np.uint8)
    found = calibrated(bracket_of_arrays([flat] * 3, EVS))
    assert found.curve.name == "srgb"
    assert found.gains_ev == (0.0, 0.0, 0.0)
    assert len(found.warnings) == 1
    assert "sRGB is assumed" in found.warnings[0]


def test_the_same_bracket_is_calibrated_to_the_same_bytes():
    first, second = (calibrated(photographed(0, "contrast")) for _ in range(2))
    assert first.curve.table.tobytes() == second.curve.table.tobytes()
    assert first.gains_ev == second.gains_ev


@pytest.mark.parametrize("motion", ["static", "moving"])
def test_matched_tones_differ_by_the_exposure_step(motion):
    matches = histograms(photographed(0, "gamma", motion=motion))
    assert [(pairs.darker, pairs.brighter, pairs.step_ev) for pairs in matches] == [(0, 1, 2.0), (1, 2, 2.0)]
    for pairs in matches:
        error = 2.2 * np.log2(pairs.bright / pairs.dark) - 2
        assert len(error) > 60
        assert abs(np.median(error)) < 0.03


def test_places_are_matched_where_both_frames_have_data_and_no_edge():
    bright = np.full((40, 60, 3), 0.6, np.float32)
    bright[:, 30:] = 0.3
    dark = bright / 2
    valid = np.ones((40, 60), np.bool_)
    valid[:, :30] = False
    (pairs,) = match_registered_pixels([dark, bright], [np.ones_like(valid), valid], (0.0, 1.0), (0.0, 0.0))
    assert len(pairs.dark) > 200
    assert set(pairs.bright) == {np.float32(0.3)}
    (everywhere,) = match_registered_pixels([dark, bright], [np.ones_like(valid)] * 2, (0.0, 1.0), (0.0, 0.0))
    assert set(everywhere.bright) == {np.float32(0.3), np.float32(0.6)}
    busy = np.where(np.indices((40, 60)).sum(axis=0) % 2, np.float32(0.6), np.float32(0.3))[..., None].repeat(3, 2)
    (none,) = match_registered_pixels([busy / 2, busy], [np.ones_like(valid)] * 2, (0.0, 1.0), (0.0, 0.0))
    assert len(none.dark) == 0


def test_values_below_a_frames_noise_are_not_matched():
    bracket = photographed(0, "gamma")
    samples = [frame.encoded_samples() for frame in bracket.frames]
    pairs = match_histograms(samples, EVS, [0.2, 0.3, 0.4])
    assert all(len(each.dark) for each in pairs)
    assert min(pairs[0].dark) > 0.2
    assert min(pairs[0].bright) > 0.3
    assert min(pairs[1].bright) > 0.4


@pytest.mark.parametrize("motion", ["static", "moving"])
@pytest.mark.parametrize("seed", [0, 1])
def test_debevec_and_maliks_curve_is_gamma_within_a_tenth_of_a_stop_in_the_mid_tones(seed, motion):
    bracket = photographed(seed, "gamma", motion=motion)
    curve = debevec1997(histograms(bracket))
    encoded = np.linspace(0.2, 0.8, 25)[:, None].repeat(3, axis=1)
    assert np.abs(np.log2(curve(encoded)) - 2.2 * np.log2(encoded)).max() < 0.1
    assert median_error(curve, histograms(bracket), np.zeros(3)) < 0.05


def test_debevec_and_malik_refuse_frames_without_tones_in_common():
    black = bracket_of_arrays([np.zeros((64, 64, 3), np.uint8)] * 3, EVS)
    with pytest.raises(BracketError, match="too little is well exposed"):
        debevec1997(histograms(black))

"""Exposures that nothing states: measured in the pictures, with what is not known of them."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
from daily import daily
from PIL import Image

import hdrfuse
from hdrfuse.brackets.exposure import ESTIMATE
from hdrfuse.brackets.scene import find_scene
from hdrfuse.data.camera_model.tone_curves import arctangent, naka_rushton
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.errors import ExposureError
from hdrfuse.imaging.bracket import Bracket, bracket_of_arrays, read_bracket

EVS = (-2.0, 0.0, 2.0)
CURVES = {
    "gamma 2.2": lambda light: light ** np.float32(1 / 2.2),
    "gamma 1.8": lambda light: light ** np.float32(1 / 1.8),
    "a receptor's": naka_rushton(0.85, 0.25),
    "an arctangent": arctangent(1.9, 2.8),
}


@cache
def light(evs: tuple[float, ...] = EVS, motion: str = "static") -> list[np.ndarray]:
    """Linear light of the frames, darkest first, 1.0 = white."""
    made = procedural_bracket(3, motion=motion, size=(320, 240), evs=evs, encoding="linear")
    return [frame.astype(np.float32) / 65535 for frame in made.frames]


def encoded(name: str, frame: np.ndarray) -> np.ndarray:
    return np.rint(CURVES[name](frame) * 255).astype(np.uint8)


def span_of(bracket: Bracket) -> tuple[float, tuple[float, float]]:
    """Stops from the darkest to the brightest frame, with their interval."""
    return bracket.frames[-1].ev - bracket.frames[0].ev, bracket.frames[-1].stated.interval_ev(bracket.frames[0].stated)


@pytest.mark.parametrize("motion", daily(1, ["handheld-moving", "static"]))
@pytest.mark.parametrize("evs", daily(2, [(EVS,), ((0.0, 2.0),), ((-2.0, -1.5, 0.0, 1.0, 2.0),)]))
@pytest.mark.parametrize("curve", CURVES)
def test_intervals_hold_what_the_exposures_were(curve, evs, motion):
    bracket = bracket_of_arrays([encoded(curve, frame) for frame in light(evs, motion)], ESTIMATE)
    zero = evs[bracket.reference]
    for true, (least, most) in zip(evs, bracket.ev_intervals, strict=True):
        assert least <= true - zero <= most
    span, (least, most) = span_of(bracket)
    assert 0.35 < (most - least) / span < 1.0  # the exponent is never known


def test_a_gamma_bracket_of_files_has_its_exposures(tmp_path):
    for name, frame in zip("abc", light(), strict=True):
        Image.fromarray(encoded("gamma 2.2", frame)).save(tmp_path / f"{name}.png")
    bracket = read_bracket(find_scene([tmp_path]), exposures=ESTIMATE)
    assert [frame.ev for frame in bracket.frames] == pytest.approx(EVS, abs=0.1)
    assert {frame.ev_source for frame in bracket.frames} == {ESTIMATE}
    assert bracket.ev_intervals[1] == (0.0, 0.0)


def test_frames_in_any_order_are_put_in_the_pictures_order():
    frames = [encoded("a receptor's", frame) for frame in light()]
    rising = bracket_of_arrays(frames, ESTIMATE)
    mixed = bracket_of_arrays([frames[2], frames[0], frames[1]], ESTIMATE)
    assert [frame.name for frame in mixed.frames] == ["frame 1", "frame 2", "frame 0"]
    assert [frame.ev for frame in mixed.frames] == [frame.ev for frame in rising.frames]


def write_linear(folder: Path) -> None:
    for name, frame in zip("cab", light(), strict=True):
        tifffile.imwrite(folder / f"{name}.tif", frame, photometric="rgb")


def test_linear_files_leave_little_unknown(tmp_path):
    write_linear(tmp_path)
    bracket = read_bracket(find_scene([tmp_path]), exposures=ESTIMATE)
    assert [frame.name for frame in bracket.frames] == ["c.tif", "a.tif", "b.tif"]
    assert [frame.ev for frame in bracket.frames] == pytest.approx(EVS, abs=0.02)
    span, (least, most) = span_of(bracket)
    assert least <= 4.0 <= most
    assert (most - least) / span < 0.05


def test_a_known_response_leaves_little_unknown():
    frames = [encoded("gamma 2.2", frame) for frame in light()]
    span, (least, most) = span_of(bracket_of_arrays(frames, ESTIMATE, response="gamma"))
    assert span == pytest.approx(4.0, abs=0.03)
    assert (most - least) / span < 0.05


def test_the_darkest_frame_as_reference_is_0_and_the_others_lie_above():
    frames = [encoded("a receptor's", frame) for frame in light()]
    bracket = bracket_of_arrays(frames, ESTIMATE, reference=0)
    assert bracket.frames[0].ev == 0.0
    for (_, below), (above, _) in pairwise(bracket.ev_intervals):
        assert below < above


def test_one_line_says_what_is_estimated_and_that_the_scale_is_conventional():
    frames = [encoded("an arctangent", frame) for frame in light()]
    (warning,) = bracket_of_arrays(frames, ESTIMATE).warnings
    assert "estimated from the pictures" in warning
    assert "90% intervals: frame 0 -" in warning
    assert "frame 1, the reference, is called 0" in warning
    assert "\n" not in warning


def test_equal_frames_are_refused():
    frame = encoded("a receptor's", light()[1])
    with pytest.raises(ExposureError, match="frame 0 to frame 2: all 3 frames are equally exposed by the pictures"):
        bracket_of_arrays([frame] * 3, ESTIMATE)


@pytest.mark.parametrize("seed", [0, 2, 5])
@pytest.mark.parametrize("tones", [(0.1, 0.6), (0.3, 0.31)])
@pytest.mark.parametrize("count", [2, 3])
def test_frames_that_differ_by_noise_alone_are_equal(seed, tones, count):
    seen = np.full((240, 320, 3), 1.0)
    seen[120:] = np.linspace(*tones, 320)[None, :, None]  # below a white sky
    rngs = [np.random.default_rng(10 * seed + index) for index in range(count)]
    frames = [np.rint(255 * np.clip(seen + rng.normal(0, 0.004, seen.shape), 0, 1)).astype(np.uint8) for rng in rngs]
    with pytest.raises(ExposureError, match=f"all {count} frames are equally exposed by the pictures"):
        bracket_of_arrays(frames, ESTIMATE)


def test_frames_without_tones_in_common_are_refused_by_name():
    dark, bright = (encoded("a receptor's", frame) for frame in (light()[0] / 64, light()[2] / 2 + 0.5))
    with pytest.raises(ExposureError, match="frame 1 and frame 0 have too few tones in common"):
        bracket_of_arrays([bright, dark], ESTIMATE)


def test_frames_that_show_lamps_alone_are_compared_by_these():
    rng = np.random.default_rng(1)
    radiance = np.exp2(rng.uniform(-12, -7, (240, 320, 3))).astype(np.float32)
    radiance[:40, :30] = np.exp2(rng.uniform(-4, 0, (40, 30, 1)))  # 1.6 %
    frames = [encoded("gamma 2.2", np.minimum(radiance * 2.0**ev, 1)) for ev in (0, 1, 3, 5)]
    bracket = bracket_of_arrays(frames, ESTIMATE, reference=0, response="gamma")
    assert [frame.ev for frame in bracket.frames] == pytest.approx((0, 1, 3, 5), abs=0.1)


def test_the_report_and_its_json_have_the_intervals(tmp_path):
    write_linear(tmp_path)
    report = hdrfuse.merge(tmp_path, "estimate", method="classical").report
    intervals = [frame.ev_interval for frame in report.frames]
    assert [frame["ev_interval"] for frame in report.as_json()["inputs"]] == [list(each) for each in intervals]
    for true, (least, most) in zip(EVS, intervals, strict=True):
        assert least <= true <= most

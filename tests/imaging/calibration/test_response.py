import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.errors import BadInputError, ImageError, OutputError, UsageError
from hdrfuse.imaging.calibration.response import (
    FILE_FORMAT,
    KNOWN_CURVES,
    MOST_BYTES,
    ResponseCurve,
    load_response,
    parametric,
    tabulate,
)
from hdrfuse.imaging.color import srgb_decode


def iec_61966_2_1(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


CLOSED_FORMS = {"srgb": iec_61966_2_1, "gamma": lambda encoded: encoded**2.2, "linear": lambda encoded: encoded}

CAMERA = np.array([[0.7, 0.4, 0.2, 0.5], [0.7, 0.3, 0.2, 0.5], [0.65, 0.4, 0.1, 0.5]])
CURVES = {
    **KNOWN_CURVES,
    "camera": lambda: parametric(
        "camera", np.array([[0.7, 0.4, 0.2, 0.5], [0.7, 0.3, 0.2, 0.5], [0.65, 0.4, 0.1, 0.5]])
    ),
}


def rises_from_black_to_white(curve: ResponseCurve) -> bool:
    ends = (curve.table[:, 0] == 0).all() and np.allclose(curve.table[:, -1], 1.0)
    return bool(ends and np.isfinite(curve.table).all() and (np.diff(curve.table, axis=1) >= 0).all())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", KNOWN_CURVES)
def test_a_known_curve_is_its_closed_form_at_every_code(name, dtype):
    white = np.iinfo(dtype).max
    lookup = KNOWN_CURVES[name]().lookup(np.dtype(dtype))
    assert lookup.dtype == np.float32
    expected = CLOSED_FORMS[name](np.arange(white + 1) / white)
    np.testing.assert_allclose(lookup, [expected] * 3, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_rises_from_black_to_white(name):
    assert rises_from_black_to_white(CURVES[name]())


@given(values=st.lists(st.floats(-0.5, 1.5), min_size=3, max_size=3), name=st.sampled_from(sorted(CLOSED_FORMS)))
@settings(max_examples=50, deadline=None)
def test_a_known_curve_is_its_closed_form_between_codes_and_clips_outside(values, name):
    found = KNOWN_CURVES[name]()(np.array(values))
    np.testing.assert_allclose(found, CLOSED_FORMS[name](np.clip(values, 0, 1)), rtol=1e-4, atol=1e-8)


def test_codes_and_shares_of_white_mean_the_same_exposure():
    curve = CURVES["camera"]()
    codes = np.array([[0, 17, 255], [128, 1, 200]])
    expected = np.stack([curve.lookup(np.dtype(np.uint8))[c, codes[:, c]] for c in range(3)], axis=1)
    np.testing.assert_allclose(curve(codes / 255), expected, rtol=1e-5)


@given(shape=st.lists(st.tuples(st.floats(-3, 6), *[st.floats(-20, 20)] * 3), min_size=3, max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_parametric_curve_rises_to_white_for_any_parameters(shape):
    assert rises_from_black_to_white(parametric("any", np.array(shape)))


def test_neutral_parameters_are_srgb():
    curve = parametric("neutral", np.array([[1.0, 0.0, 0.0, 0.0]] * 3))
    np.testing.assert_allclose(curve.table, KNOWN_CURVES["srgb"]().table, rtol=1e-6)


def test_parameters_are_a_power_a_slope_a_bend_and_a_shoulder_in_stops():
    encoded = 0.6
    curve = parametric("camera", np.array([[0.7, 0.4, 0.2, 0.0], [0.8, 0.0, 0.0, 2.0], [1.0, 0.5, 0.0, 0.0]]))
    stops = np.log2(srgb_decode(np.array(encoded)))
    linear, square = encoded - 1, encoded**2 - 1
    expected = [0.7 * stops + 0.4 * linear + 0.2 * square, 0.8 * stops + 2.0 * (encoded**10 - 1), stops + 0.5 * linear]
    np.testing.assert_allclose(np.log2(curve(np.full((1, 3), encoded))[0]), expected, atol=1e-4)


@given(samples=st.lists(st.floats(-1, 2), min_size=2, max_size=40))
@settings(max_examples=40, deadline=None)
def test_a_tabulated_curve_never_falls_whatever_the_samples(samples):
    curve = tabulate("any", np.array([samples] * 3))
    assert (np.diff(curve.table, axis=1) >= 0).all()
    assert (curve.table[:, 0] == 0).all()
    assert curve.table.max() <= 1.0


@pytest.mark.parametrize("name", CURVES)
def test_a_saved_curve_is_read_back(name, tmp_path):
    curve = CURVES[name]()
    curve.save(tmp_path / "camera.json")
    back = load_response(tmp_path / "camera.json")
    assert back.name == curve.name
    np.testing.assert_allclose(back.table, curve.table, atol=1e-4)
    bright = curve.table[:, 2000:]  # a hundredth of a stop
    np.testing.assert_allclose(back.table[:, 2000:], bright, rtol=0.007)


def test_a_saved_curve_is_not_overwritten_unasked(tmp_path):
    curve = KNOWN_CURVES["srgb"]()
    path = tmp_path / "camera.json"
    curve.save(path)
    with pytest.raises(OutputError, match=r"camera\.json"):
        KNOWN_CURVES["linear"]().save(path)
    assert load_response(path).name == "srgb"
    KNOWN_CURVES["linear"]().save(path, overwrite=True)
    assert load_response(path).name == "linear"
    assert [each.name for each in tmp_path.iterdir()] == ["camera.json"]


RISING = [0.0, 0.5, 1.0]


def document(**changes: object) -> str:
    return json.dumps({"format": FILE_FORMAT, "version": 1, "name": "camera", "samples": [RISING] * 3} | changes)


DAMAGED = {
    "empty": b"",
    "cut short": document().encode()[:-9],
    "not text": bytes(range(256)),
    "another JSON": b'{"exposures": [1, 2]}',
    "a list": b"[1, 2, 3]",
    "a number": b"7",
    "another format": document(format="camera profile").encode(),
    "two channels": document(samples=[RISING] * 2).encode(),
    "one sample": document(samples=[[1.0]] * 3).encode(),
    "channels of different lengths": document(samples=[RISING, RISING, [0.0, 1.0]]).encode(),
    "words": document(samples=[["dark", "bright"]] * 3).encode(),
    "nothing": document(samples=None).encode(),
    "falling": document(samples=[[0.0, 0.6, 0.5, 1.0]] * 3).encode(),
    "black throughout": document(samples=[[0.0, 0.0]] * 3).encode(),
    "flat": document(samples=[[0.5, 0.5]] * 3).encode(),
    "nested deep": b"[" * 200_000,
    "nested deep in the samples": b'{"format": "x", "samples": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "beyond all measure": document(samples=[[-1e308, 1e308]] * 3).encode(),
    "white beyond all measure": document(samples=[[0.0, 1e300]] * 3).encode(),
    "white next to nothing": document(samples=[[0.0, 1e-300]] * 3).encode(),
    "an integer of ten thousand digits": b'{"format": "x", "samples": ' + b"9" * 10_000 + b"}",
    "larger than any curve": b" " * (MOST_BYTES + 1),
    "not finite": document(samples=[[0.0, float("nan"), 1.0]] * 3).encode(),
}


def test_the_document_that_the_damaged_ones_are_made_from_is_a_curve(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(document())
    np.testing.assert_allclose(load_response(path).table, KNOWN_CURVES["linear"]().table, atol=1e-12)


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_or_foreign_curve_file_is_refused_in_one_line_that_names_it(content, tmp_path):
    path = tmp_path / "camera.json"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"camera\.json") as error:
        load_response(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", KNOWN_CURVES)
def test_a_curve_that_only_calls_itself_a_known_one_is_none(name, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(document(name=name, samples=[(np.linspace(0, 1, 50) ** 3).tolist()] * 3))
    assert load_response(path).name == f"{name} of camera.json"


@pytest.mark.parametrize("name", [7, None, ["srgb"], "x" * 10_000])
def test_a_name_that_is_none_gives_way_to_the_files(name, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(document(name=name))
    assert load_response(path).name == "camera"


def test_a_missing_curve_file_is_refused_with_the_words_that_need_none(tmp_path):
    with pytest.raises(UsageError, match="no such file") as error:
        load_response(tmp_path / "none.json")
    assert "\n" not in str(error.value)
    assert all(name in str(error.value) for name in KNOWN_CURVES)


def test_a_folder_is_no_curve_file(tmp_path: Path):
    with pytest.raises(BadInputError, match=tmp_path.name):
        load_response(tmp_path)

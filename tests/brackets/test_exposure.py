import math
from pathlib import Path

import numpy as np
import pytest
from cost import costs_at_most

from hdrfuse.brackets.exposure import infer_exposures, parse_evs, parse_exposures, read_exposure_file
from hdrfuse.errors import ExposureError
from hdrfuse.formats import Capture, ImageHeader


def headers(*captures: Capture, names=None) -> list[ImageHeader]:
    names = names or [f"shot{index}.jpg" for index in range(len(captures))]
    return [
        ImageHeader(
            path=Path("beach") / name, width=8, height=8, channels=3, dtype="uint8", linear=False, capture=capture
        )
        for name, capture in zip(names, captures, strict=True)
    ]


def timed(*times_s: float, **rest) -> list[Capture]:
    return [Capture(exposure_time_s=time_s, **rest) for time_s in times_s]


def evs(found) -> list[float]:
    return [exposure.ev for exposure in found]


def test_given_exposures_override_everything(tmp_path):
    (tmp_path / "exposure.txt").write_text("5\n6\n7\n")
    found, warnings = infer_exposures(headers(*timed(1, 4, 16)), given=[-2, 0, 2], folder=tmp_path)
    assert evs(found) == [-2, 0, 2]
    assert {exposure.source for exposure in found} == {"given"}
    assert warnings == []


def test_an_exposure_file_comes_before_exif(tmp_path):
    (tmp_path / "exposure.txt").write_text("-3\n\n 0 \n+3.5\n")
    found, _ = infer_exposures(headers(*timed(1, 2, 4)), folder=tmp_path)
    assert evs(found) == [-3, 0, 3.5]
    assert found[0].source == "exposure.txt"


@pytest.mark.parametrize(
    ("captures", "names", "source"),
    [
        (timed(1 / 64, 1 / 16, 1 / 4), None, "EXIF"),
        ([Capture(exposure_bias_ev=ev) for ev in (-2, 0, 2)], None, "EXIF bias"),
        ([Capture()] * 3, ["a_-2EV.jpg", "a_0EV.jpg", "a_+2EV.jpg"], "file name"),
    ],
)
def test_exposures_that_the_files_contradict_are_taken_with_a_warning_of_both(tmp_path, captures, names, source):
    found, (warning,) = infer_exposures(headers(*captures, names=names), given=[-3, 0, 3])
    assert evs(found) == [-3, 0, 3]
    assert warning == f"--exposures -3,0,3: {source} states -2,0,2; --exposures goes before {source} and is taken"
    (tmp_path / "exposure.txt").write_text("-1\n0\n1\n")
    found, (warning,) = infer_exposures(headers(*captures, names=names), folder=tmp_path)
    assert evs(found) == [-1, 0, 1]
    assert warning == f"exposure.txt -1,0,1: {source} states -2,0,2; exposure.txt goes before {source} and is taken"


@pytest.mark.parametrize("times_s", [(1 / 125, 1 / 30, 1 / 8), (1 / 8, 1 / 30, 1 / 125), (1 / 60, 1 / 60, 1 / 60)])
def test_rounded_reversed_and_equal_times_contradict_no_exposures(times_s):
    assert infer_exposures(headers(*timed(*times_s)), given=[-2, 0, 2])[1] == []


def test_exif_counts_time_aperture_and_iso():
    captures = [
        Capture(exposure_time_s=1 / 100, f_number=8.0, iso=100),
        Capture(exposure_time_s=1 / 100, f_number=4.0, iso=100),
        Capture(exposure_time_s=1 / 100, f_number=4.0, iso=800),
        Capture(exposure_time_s=1 / 25, f_number=4.0, iso=800),
    ]
    found, warnings = infer_exposures(headers(*captures))
    np.testing.assert_allclose(np.diff(evs(found)), [2, 3, 2])
    assert {exposure.source for exposure in found} == {"EXIF"}
    assert warnings == []


def test_ev_is_log2_of_time_times_iso_100_by_aperture_squared():
    found, _ = infer_exposures(headers(*timed(1 / 60, 1 / 15, f_number=8.0, iso=200)))
    assert found[0].ev == pytest.approx(math.log2(1 / 60 * 2 / 64))


def test_iso_that_all_frames_lack_is_constant():
    found, warnings = infer_exposures(headers(*timed(1 / 60, 1 / 15)))
    np.testing.assert_allclose(np.diff(evs(found)), 2)
    assert warnings == []


def test_iso_that_one_frame_lacks_is_constant_with_a_warning_where_it_changes():
    captures = [*timed(1 / 60, iso=100), *timed(1 / 30, iso=400), *timed(1 / 15)]
    found, warnings = infer_exposures(headers(*captures))
    np.testing.assert_allclose(np.diff(evs(found)), 1)
    (warning,) = warnings
    assert "ISO" in warning


def test_bias_counts_only_where_times_are_missing():
    biased = [Capture(exposure_bias_ev=bias) for bias in (-2.0, 0.0, 2.0)]
    found, _ = infer_exposures(headers(*biased))
    assert evs(found) == [-2, 0, 2]
    assert found[0].source == "EXIF bias"
    captures = [Capture(exposure_time_s=time_s, exposure_bias_ev=0.0) for time_s in (1 / 60, 1 / 15)]
    assert infer_exposures(headers(*captures))[0][0].source == "EXIF"


def test_names_count_where_nothing_else_is_stated():
    found, _ = infer_exposures(headers(*[Capture()] * 3, names=["a_-2EV.jpg", "a_0EV.jpg", "a_+2EV.jpg"]))
    assert evs(found) == [-2, 0, 2]
    assert found[0].source == "file name"


def test_names_count_where_exif_states_one_exposure_for_all():
    found, warnings = infer_exposures(headers(*timed(1 / 20, 1 / 20), names=["a_-1EV.jpg", "a_+1EV.jpg"]))
    assert evs(found) == [-1, 1]
    assert "same exposure" in warnings[0]


def test_biases_count_where_exif_states_one_exposure_for_all():
    placeholders = [
        Capture(exposure_time_s=1 / 60, f_number=2.8, iso=100, exposure_bias_ev=bias) for bias in (0.0, -2.0, 2.0)
    ]
    found, (warning,) = infer_exposures(headers(*placeholders))
    assert evs(found) == [0, -2, 2]
    assert {exposure.source for exposure in found} == {"EXIF bias"}
    assert "same exposure for every frame: each EXIF bias is taken" in warning


def test_biases_that_are_one_as_well_leave_it_to_the_names():
    copies = [Capture(exposure_time_s=1 / 60, exposure_bias_ev=0.3)] * 2
    found, (warning,) = infer_exposures(headers(*copies, names=["a_-1EV.jpg", "a_+1EV.jpg"]))
    assert evs(found) == [-1, 1]
    assert "each file name is taken" in warning


def test_times_that_differ_come_before_biases():
    captures = [Capture(exposure_time_s=time_s, exposure_bias_ev=bias) for time_s, bias in ((1, -2), (2, 0), (4, 2))]
    found, warnings = infer_exposures(headers(*captures))
    np.testing.assert_allclose(np.diff(evs(found)), 1)
    assert warnings == []


def test_missing_exposures_name_the_files_that_lack_them():
    with pytest.raises(ExposureError, match=r"beach: no exposure time in shot1\.jpg: give them with --exposures"):
        infer_exposures(headers(*timed(1), Capture(), *timed(2)))


def test_missing_and_equal_exposures_may_be_estimated():
    for captures in ([Capture()] * 2, timed(1, 1)):
        with pytest.raises(ExposureError, match="or have them estimated from the pictures with --exposures estimate"):
            infer_exposures(headers(*captures))
    assert parse_exposures("estimate") == "estimate"
    assert parse_exposures("-2,0") == [-2, 0]


def test_a_long_list_of_files_is_cut_short():
    with pytest.raises(ExposureError, match=r"shot3\.jpg and 5 more"):
        infer_exposures(headers(*[Capture()] * 9))


@pytest.mark.parametrize(
    "captures", [timed(1 / 20, 1 / 20), [Capture(exposure_time_s=1, iso=1), Capture(exposure_time_s=1, iso=1)]]
)
def test_equal_exposures_are_refused_with_the_files(captures):
    with pytest.raises(ExposureError, match=r"shot0\.jpg.*all 2 exposures are equal"):
        infer_exposures(headers(*captures))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("-2\nx\n2\n", "line 2: 'x' is not an EV"),
        ("-2\n\n\nx\n", "line 4"),
        ("nan\n0\n2\n", "line 1"),
        ("0\n1\n1e9\n", "line 3"),
        ("0\n1\n", "2 EVs for 3 images"),
        ("0\n1\n2\n3\n", "4 EVs for 3 images"),
    ],
)
def test_a_wrong_exposure_file_is_named_with_its_line(tmp_path, text, match):
    path = tmp_path / "exposure.txt"
    path.write_text(text)
    with pytest.raises(ExposureError, match=match) as caught:
        read_exposure_file(path, expected=3)
    assert str(path) in str(caught.value)


def test_an_exposure_file_is_read_up_to_a_bound(tmp_path):
    path = tmp_path / "exposure.txt"
    with path.open("wb") as stream:
        stream.write(b"-2\n0\n2\n")
        stream.truncate(400_000_000)  # sparse
    with costs_at_most(1.0), pytest.raises(ExposureError, match="expected a small text file, one EV a line") as caught:
        read_exposure_file(path, expected=3)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"\0\0\0", b"-2\0\n0\n", b"\xff\xfe-\x002\x00", b"1e999\n0\n", b"\xe2\x88\x922\n0\n"]
)
def test_what_is_no_text_of_evs_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "exposure.txt").write_bytes(content)
    with pytest.raises(ExposureError, match=r"exposure\.txt") as caught:
        read_exposure_file(tmp_path / "exposure.txt", expected=2)
    assert "\n" not in str(caught.value)


def test_an_exposure_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "exposure.txt").write_bytes(b"\xef\xbb\xbf-1\r\n1\r\n")
    assert read_exposure_file(tmp_path / "exposure.txt", expected=2) == [-1, 1]


def test_evs_of_the_command_line():
    assert parse_evs("-2,0, 2.5") == [-2, 0, 2.5]
    for wrong in ("", "1,,2", "a", "nan", "1;2", "99"):
        with pytest.raises(ExposureError, match="--exposures"):
            parse_evs(wrong)

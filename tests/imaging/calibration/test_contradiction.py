"""Stated exposures that the pictures refute: put in order, estimated or refused, never taken."""

import numpy as np
import pytest
from daily import daily

from hdrfuse.brackets.exposure import Exposure
from hdrfuse.errors import ExposureError
from hdrfuse.imaging.calibration.contradiction import StatedFrame, reconcile_exposures
from hdrfuse.imaging.color import srgb_encode

LIGHT = np.exp2(np.random.default_rng(0).uniform(-6, 0, (64, 64, 3)))


def pictures(true_evs, stated, source: str = "exposure.txt") -> list[StatedFrame]:
    return [
        StatedFrame(
            name=f"{index}.jpg",
            exposure=Exposure(ev=float(ev), source=source),
            samples=(np.rint(srgb_encode(np.clip(LIGHT * 2.0 ** (true - 1), 0, 1)) * 255) / 255).astype(np.float32),
            linear=False,
        )
        for index, (true, ev) in enumerate(zip(true_evs, stated, strict=True))
    ]


def settled(true_evs, stated, source: str = "exposure.txt") -> tuple[list[float], set[str], list[str]]:
    exposures, warnings = reconcile_exposures(pictures(true_evs, stated, source))
    return [exposure.ev for exposure in exposures], {exposure.source for exposure in exposures}, warnings


@pytest.mark.parametrize("source", ["exposure.txt", "EXIF", "EXIF bias", "file name", "given"])
def test_what_the_pictures_do_not_contradict_is_taken_without_a_word(source):
    assert settled((2, 0, -2), (2, 0, -2), source) == ([2, 0, -2], {source}, [])


@pytest.mark.parametrize("source", ["exposure.txt", "EXIF", "file name", "given"])
@pytest.mark.parametrize(
    ("true_evs", "stated"),
    [((2, 0, -2), (-2, 0, 2)), ((0, 2, -2), (-2, 0, 2)), ((1, -2), (-2, 1)), ((-1, -2, 0, 1), (-2, -1, 0, 1))],
)
def test_another_order_of_the_same_numbers_is_taken_with_a_warning(true_evs, stated, source):
    evs, sources, (warning,) = settled(true_evs, stated, source)
    assert evs == list(true_evs)
    assert sources == {source}
    assert "another order" in warning
    assert f"0.jpg {true_evs[0]:+.2f}, 1.jpg {true_evs[1]:+.2f}" in warning


@pytest.mark.parametrize("source", ["exposure.txt", "EXIF", "EXIF bias", "file name"])
@pytest.mark.parametrize(
    ("true_evs", "stated"),
    daily(2, [
        ((-0.3, 0, 0.3), (-2, 0, 2)), ((-1, 0, 1), (0, 0, 2)), ((-2, 0, 2), (-4, 0, 4)), ((1, 0, -1), (-3, 0, 3)),
        ((-2, -1, 0, 0, 1), (-2, -1, 0, 1, 2)),
    ]),
)  # fmt: skip
def test_another_size_is_estimated_with_a_warning_where_a_file_states_it(true_evs, stated, source):
    evs, sources, (warning,) = settled(true_evs, stated, source)
    assert evs == pytest.approx(true_evs, abs=0.06)
    assert sources == {"pixels"}
    assert "estimated from the pixels" in warning
    assert f"({source})" in warning


def test_another_size_is_refused_where_the_user_gave_it_naming_frames_found_and_expected():
    with pytest.raises(ExposureError) as error:
        reconcile_exposures(pictures((2, 0, -2), (4, 0, -4), "given"))
    message = str(error.value)
    assert "0.jpg is 4.00 EV above 1.jpg by its exposure (given), by the pictures +2.00 EV" in message
    assert "about 2.0,0.0,-2.0 were expected" in message
    assert "\n" not in message


def test_equally_bright_frames_are_refused_where_nothing_can_be_estimated():
    with pytest.raises(ExposureError, match="equally bright: give them with --exposures"):
        reconcile_exposures(pictures((0, 0, 0), (-2, 0, 2)))


def test_binding_exposures_are_kept_with_a_warning():
    exposures, (warning,) = reconcile_exposures(pictures((-1, 0, 1), (-3, 0, 3)), binding=True)
    assert [exposure.ev for exposure in exposures] == [-3, 0, 3]
    assert "are kept" in warning


def test_black_frames_keep_the_steps_that_are_stated_for_them():
    evs, sources, _ = settled((-15, -12, -1, 0, 1), (-12, -9, -3, 0, 3))
    assert sources == {"pixels"}
    assert np.diff(evs)[2:] == pytest.approx([1, 1], abs=0.05)
    assert np.diff(evs)[0] == 3

"""The camera model: each step by itself, and what a whole camera writes."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from hdrfuse.data.camera_model.camera import random_camera, read, rolled_off, with_exif
from hdrfuse.data.camera_model.color_matrices import XYZ_TO_SENSOR, sensor_matrix
from hdrfuse.data.camera_model.exposure_times import NOMINAL_S, nominal_time_s
from hdrfuse.data.camera_model.picture_style import PictureStyle
from hdrfuse.data.camera_model.sensor import BayerSensor, demosaic, mosaic, random_bayer_sensor
from hdrfuse.data.camera_model.tone_curves import random_curve
from hdrfuse.data.splits import Split
from hdrfuse.formats import read_image

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def grey(level: float, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    return np.full((*size, 3), level, np.float32)


def smooth_scene() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0.05, 0.6, (6, 9, 3)).astype(np.float32)
    return cv2.resize(coarse, (144, 96), interpolation=cv2.INTER_CUBIC).clip(0.02, 0.7)


def sensor(**changes: object) -> BayerSensor:
    drawn = random_bayer_sensor(np.random.default_rng(0), "test")
    return replace(drawn, **{"light": (1.0, 1.0, 1.0), "glare": 0.0, "iso": 100, "bits": 14, **changes})


def test_no_matrix_serves_two_splits():
    matrices = [matrix for cameras in XYZ_TO_SENSOR.values() for matrix in cameras.values()]
    assert len(set(matrices)) == len(matrices) == 13


@pytest.mark.parametrize(
    ("split", "camera"), [(split, camera) for split, cameras in XYZ_TO_SENSOR.items() for camera in cameras]
)
def test_a_sensor_sees_white_less_in_red_and_blue_than_in_green(split, camera):
    white = sensor_matrix(camera, split).sum(axis=1)
    assert white[1] == pytest.approx(1.0)
    assert 0.3 < white[0] < 0.9
    assert 0.3 < white[2] < 0.95


def test_what_was_not_clipped_comes_back_through_mosaic_and_matrix():
    scene = smooth_scene()
    camera = replace(
        random_camera(np.random.default_rng(3), "test"),
        sensor=sensor(full_well_e=1e9, read_noise_e=0.1), style=PictureStyle(), curve=lambda linear: linear,
        white_balance_drift=0.0, highlight_stops=0.0,
    )  # fmt: skip
    raw = camera.sensor.expose(np.random.default_rng(0), scene)
    picture = camera.develop(raw, camera.balance(np.random.default_rng(0)))
    assert np.abs(picture / 255 - scene)[4:-4, 4:-4].mean() < 0.006


def test_each_channel_clips_at_its_own_white():
    raw = sensor(light=(1.6, 1.0, 0.5)).expose(np.random.default_rng(0), grey(1.3))
    red, green, blue = raw[0::2, 0::2], raw[0::2, 1::2], raw[1::2, 1::2]
    assert (green == 1.0).mean() > 0.99
    assert red.max() <= 1.0
    assert (blue < 1.0).all()


@pytest.mark.parametrize(("iso", "full_well_e"), [(100, 40_000.0), (1600, 40_000.0)])
def test_shot_noise_is_that_of_the_electrons(iso, full_well_e):
    raw = sensor(iso=iso, full_well_e=full_well_e, read_noise_e=2.0).expose(
        np.random.default_rng(0), grey(0.4, (512, 512))
    )
    green = raw[0::2, 1::2]
    electrons = full_well_e * 100 / iso
    expected = np.sqrt(0.4 / electrons + (2.0 / electrons) ** 2)
    assert green.std() == pytest.approx(expected, rel=0.05)


def test_demosaicing_correlates_noise_and_keeps_colours_in_place():
    rng = np.random.default_rng(0)
    flat = demosaic(mosaic(grey(0.3, (256, 256)) + rng.normal(0, 0.02, (256, 256, 3)).astype(np.float32)))
    red = flat[..., 0] - flat[..., 0].mean()
    assert (red[:, 1:] * red[:, :-1]).mean() / red.var() > 0.2
    tinted = demosaic(mosaic(np.broadcast_to(np.array([0.6, 0.3, 0.1], np.float32), (64, 64, 3)).copy()))
    np.testing.assert_allclose(tinted[8:-8, 8:-8].mean(axis=(0, 1)), (0.6, 0.3, 0.1), atol=1e-3)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", range(8))
def test_curves_rise_from_black_to_white_and_are_neither_srgb_nor_a_power(split, seed):
    curve = random_curve(np.random.default_rng(seed), split)
    linear = np.linspace(0, 1, 500, dtype=np.float32)
    values = curve(linear)
    assert values[0] == pytest.approx(0.0, abs=2e-3)
    assert values[-1] == pytest.approx(1.0, abs=2e-3)
    assert (np.diff(values) >= 0).all()
    used = (linear > 0.01) & (linear < 0.9)
    slopes = np.gradient(np.log(np.maximum(values[used], 1e-6)), np.log(linear[used]))
    assert slopes.max() - slopes.min() > 0.1  # a power has one slope


def test_roll_off_is_straight_in_the_middle_and_meets_white_at_its_top():
    linear = np.linspace(0, 1.5, 400, dtype=np.float32)
    values = rolled_off(linear, 1.5)
    np.testing.assert_allclose(values[linear <= 0.5], linear[linear <= 0.5])
    assert values[-1] == pytest.approx(1.0)
    assert (np.diff(values) > 0).all()
    assert np.diff(values, 2).max() < 1e-5


def test_a_neutral_style_changes_nothing():
    scene = smooth_scene()
    style = PictureStyle()
    np.testing.assert_allclose(style.after_the_curve(scene * style.local_gain(scene)), scene, atol=2e-3)


def test_local_tone_mapping_lifts_shadows_more_than_lights():
    scene = np.concatenate([grey(0.01), grey(0.5)], axis=1)
    gains = PictureStyle(compression=0.4).local_gain(scene)[32, [20, 170], 0]
    assert gains[0] > 2.0 > 1.0 > gains[1]


def test_black_is_cut_off_and_colours_are_saturated():
    style = PictureStyle(black_cut=0.02, saturation=1.2)
    assert style.after_the_curve(grey(0.015)).max() == 0.0
    tinted = style.after_the_curve(np.broadcast_to(np.array([0.5, 0.4, 0.4], np.float32), (16, 16, 3)).copy())
    assert tinted[8, 8, 0] - tinted[8, 8, 1] == pytest.approx(0.12 / 0.98, abs=0.01)


@pytest.mark.parametrize(
    ("thirds", "named"), [(-18, Fraction(1, 60)), (-12, Fraction(1, 15)), (-24, Fraction(1, 250)), (15, Fraction(30))]
)
def test_times_are_named_as_dials_name_them(thirds, named):
    assert nominal_time_s(thirds) == named


def test_no_nominal_time_is_more_than_a_sixth_of_a_stop_from_the_shutters():
    exact = [2.0 ** (third / 3) for third in range(-39, 16)]
    assert len(NOMINAL_S) == len(exact)
    assert max(abs(np.log2(float(named) / time_s)) for named, time_s in zip(NOMINAL_S, exact, strict=True)) < 1 / 6


@pytest.mark.parametrize("seed", range(4))
def test_a_file_is_read_as_it_was_written_with_its_exposure(tmp_path, seed):
    camera = random_camera(np.random.default_rng(seed), "train")
    file = camera.photograph(np.random.default_rng(0), smooth_scene())
    path = tmp_path / "frame.jpg"
    path.write_bytes(with_exif(file, -24, iso=200))
    image = read_image(path)
    assert image.header.capture.exposure_time_s == pytest.approx(1 / 250)
    assert image.header.capture.iso == 200
    np.testing.assert_array_equal(image.pixels, read(file))


def test_equal_seeds_give_equal_files_and_splits_differ():
    files = [
        random_camera(np.random.default_rng(1), split).photograph(np.random.default_rng(2), smooth_scene())
        for split in ("train", "train", "test")
    ]
    assert files[0] == files[1] != files[2]

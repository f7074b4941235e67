import cv2
import numpy as np
import pytest

from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.imaging.color import luminance
from hdrfuse.imaging.display import tonemapping
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS

pytestmark = pytest.mark.parametrize("tonemap", TONEMAPPERS.values(), ids=TONEMAPPERS.keys())


@pytest.fixture(scope="module")
def scene():
    return 4 * procedural_bracket(3, motion="static", size=(320, 240)).truth


def blurred(picture):
    return cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 3)


def test_a_picture_is_8_bit_of_the_same_size_and_the_radiance_is_untouched(tonemap, scene):
    before = scene.copy()
    picture = tonemap(scene)
    assert picture.dtype == np.uint8
    assert picture.shape == scene.shape
    assert np.array_equal(scene, before)


def test_a_scene_of_ordinary_range_is_neither_dark_nor_washed_out_and_keeps_its_highlights(tonemap, scene):
    levels = luminance(tonemap(scene).astype(np.float32))
    assert 50 < np.median(levels) < 190
    assert np.quantile(levels, 0.99) > 200
    assert (levels > 254).mean() < 0.02
    sky = luminance(scene) > 1.2
    assert levels[sky].std() > 3


@pytest.mark.parametrize("scale", [1e-6, 0.03, 2.0**8])
def test_the_unit_of_the_radiance_does_not_matter(tonemap, scene, scale):
    difference = tonemap(scene).astype(int) - tonemap(scene * np.float32(scale))
    assert np.abs(difference).max() <= 1


def test_a_sun_of_a_few_pixels_changes_nothing_elsewhere(tonemap, scene):
    sun = scene.copy()
    sun[100:103, 100:103] = 1e6
    away = np.ones(scene.shape[:2], bool)
    away[60:143, 60:143] = False
    difference = np.abs(tonemap(sun).astype(int) - tonemap(scene))[away]
    assert np.median(difference) <= 3
    assert (tonemap(sun)[100:103, 100:103] == 255).all()


def test_brighter_is_never_shown_darker_over_a_smooth_ramp(tonemap):
    ramp = np.geomspace(1e-3, 8, 512, dtype=np.float32)
    levels = tonemap(np.repeat(np.tile(ramp, (64, 1))[..., None], 3, -1))[32, :, 1].astype(int)
    assert (np.diff(levels) >= -1).all()
    assert levels[-1] - levels[0] > 100


@pytest.mark.parametrize("level", [0.0, 1e-20, 0.3, 1e20])
def test_a_uniform_picture_stays_uniform(tonemap, level):
    picture = tonemap(np.full((20, 30, 3), level, np.float32))
    assert (picture == picture[0, 0]).all()
    assert (picture == 0).all() == (level == 0)


def test_black_stays_black_beside_light(tonemap, scene):
    half = scene.copy()
    half[:, :100] = 0
    assert (tonemap(half)[:, :100] == 0).all()


def test_what_is_no_number_or_negative_is_black_and_spoils_nothing_else(tonemap, scene):
    broken = scene.copy()
    broken[10, 10], broken[50, 60], broken[200, 200] = np.nan, -1.0, np.inf
    picture = tonemap(broken)
    assert (picture[10, 10] <= 2).all()
    assert (picture[50, 60] <= 2).all()
    away = np.ones(scene.shape[:2], bool)
    for y, x in ((10, 10), (50, 60), (200, 200)):
        away[max(0, y - 40) : y + 41, max(0, x - 40) : x + 41] = False
    assert np.median(np.abs(picture.astype(int) - tonemap(scene))[away]) <= 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (7, 9), (8, 8)])
def test_the_smallest_pictures_work(tonemap, shape):
    radiance = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    assert tonemap(radiance).shape == radiance.shape


def test_strips_leave_no_seams(tonemap, scene, monkeypatch):
    whole = tonemap(scene)
    monkeypatch.setattr(tonemapping, "TONEMAPPING", tonemapping.TonemappingSettings(strip_pixels=320 * 7))
    assert np.abs(tonemap(scene).astype(int) - whole).max() <= 1


def test_a_large_picture_looks_like_the_small_one(tonemap, scene):
    large = cv2.resize(scene, None, fx=7, fy=7, interpolation=cv2.INTER_LINEAR)
    shrunk = cv2.resize(tonemap(large), (320, 240), interpolation=cv2.INTER_AREA)
    assert np.abs(blurred(shrunk) - blurred(tonemap(scene))).mean() < 4


def test_a_colour_too_bright_for_the_screen_keeps_its_hue(tonemap):
    radiance = np.full((64, 64, 3), 0.05, np.float32)
    radiance[16:48, 16:48] = (4.0, 1.0, 0.25)
    red, green, blue = tonemap(radiance)[32, 32].astype(int)
    assert red > green + 10
    assert green > blue + 5
    assert blue > 20

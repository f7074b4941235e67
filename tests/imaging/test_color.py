import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.errors import UsageError
from hdrfuse.formats.image import REC709
from hdrfuse.imaging.color import (
    adaptation,
    convert_primaries,
    luminance,
    luminance_weights,
    mu_law,
    primaries_matrix,
    rgb_to_xyz,
    srgb_decode,
    srgb_encode,
    to_rec709,
)
from hdrfuse.metrics import psnr

DISPLAY_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
PROPHOTO = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.3457, 0.3585)
EVERY = [REC709, DISPLAY_P3, ADOBE_RGB, PROPHOTO]


def test_rec709_has_the_matrix_that_the_srgb_standard_prints():
    """IEC 61966-2-1, with its four decimals."""
    printed = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    np.testing.assert_allclose(rgb_to_xyz(REC709), printed, atol=6e-5)


def test_adobe_rgb_has_the_matrix_that_its_specification_prints():
    """Adobe RGB (1998) Color Image Encoding, section 4.3.5.3."""
    printed = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    np.testing.assert_allclose(rgb_to_xyz(ADOBE_RGB), printed, atol=6e-5)


def test_bradford_takes_d65_to_d50_as_icc_profiles_do():
    """The 'chad' tag of sRGB profiles, from the ICC's own sRGB characterisation."""
    printed = [
        [1.047882, 0.022919, -0.050217],
        [0.029587, 0.990479, -0.017060],
        [-0.009247, 0.015075, 0.751678],
    ]
    np.testing.assert_allclose(adaptation((0.3127, 0.3290), (0.3457, 0.3585)), printed, atol=4e-4)


@pytest.mark.parametrize("chromaticities", EVERY)
def test_white_has_luminance_1_and_its_own_chromaticity(chromaticities):
    x, y, z = rgb_to_xyz(chromaticities) @ np.ones(3)
    assert y == pytest.approx(1)
    assert (x / (x + y + z), y / (x + y + z)) == pytest.approx(chromaticities[6:])
    assert luminance_weights(chromaticities).sum() == pytest.approx(1)


@pytest.mark.parametrize("source", EVERY)
@pytest.mark.parametrize("target", EVERY)
def test_white_stays_white_and_colours_come_back_between_any_primaries(source, target):
    there, back = primaries_matrix(source, target), primaries_matrix(target, source)
    np.testing.assert_allclose(there @ np.ones(3), np.ones(3), atol=1e-9)
    np.testing.assert_allclose(back @ there, np.eye(3), atol=1e-9)


def test_a_colour_keeps_its_luminance_in_other_primaries_of_the_same_white():
    radiance = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    converted = to_rec709(radiance, DISPLAY_P3)
    assert converted.dtype == np.float32
    np.testing.assert_allclose(luminance(converted), luminance(radiance, DISPLAY_P3), rtol=1e-5)


def test_display_p3_red_is_outside_rec709():
    red = np.array([[[1, 0, 0]]], np.float32)
    converted = to_rec709(red, DISPLAY_P3)[0, 0]
    assert converted[0] > 1.2
    assert (converted[1:] < 0).all()
    np.testing.assert_allclose(convert_primaries(to_rec709(red, DISPLAY_P3), REC709, DISPLAY_P3), red, atol=1e-6)


def test_the_same_primaries_change_nothing():
    radiance = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    assert np.array_equal(to_rec709(radiance, REC709), radiance)


@pytest.mark.parametrize(
    "wrong",
    [
        (0.64, 0.33, 0.64, 0.33, 0.15, 0.06, 0.3127, 0.3290),
        (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.0),
        (0.64, 0.33, 0.30, float("nan"), 0.15, 0.06, 0.3127, 0.3290),
    ],
)
def test_chromaticities_that_span_no_colours_are_refused(wrong):
    with pytest.raises(UsageError, match="chromaticities"):
        rgb_to_xyz(wrong)


def test_srgb_meets_the_standards_points():
    encoded = srgb_encode(np.array([0, 0.0031308, 0.214041, 1]))
    np.testing.assert_allclose(encoded, [0, 0.0404500, 0.5, 1], atol=2e-6)
    assert encoded.dtype == np.float32
    assert srgb_decode(np.array([0.5])) == pytest.approx(0.214041, abs=2e-6)


@given(st.floats(0, 4, width=32))
def test_srgb_decode_undoes_srgb_encode(linear):
    assert float(srgb_decode(srgb_encode(np.array(linear)))) == pytest.approx(linear, rel=2e-6, abs=1e-7)


def test_srgb_rises_without_a_jump_where_its_pieces_meet():
    linear = np.linspace(0.003, 0.0033, 2000)
    steps = np.diff(srgb_encode(linear).astype(np.float64))
    assert (steps >= 0).all()
    assert steps.max() < 1e-5


def test_the_mu_law_is_the_metrics_one_in_float32_and_white_is_1():
    radiance = np.geomspace(1e-6, 4.0, 200, dtype=np.float32)
    found = mu_law(radiance, 4.0)
    assert found.dtype == np.float32
    assert found[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(found, psnr.mu_law(radiance.astype(np.float64) / 4.0), rtol=1e-5)

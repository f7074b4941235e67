import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.formats.image import REC709
from hdrfuse.imaging.color import (
    convert_primaries,
    luminance,
    luminance_weights,
    mu_law,
    primaries_matrix,
    srgb_decode,
    srgb_encode,
    to_rec709,
)
from hdrfuse.metrics import psnr

DISPLAY_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
PROPHOTO = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.3457, 0.3585)
EVERY = [REC709, DISPLAY_P3, ADOBE_RGB, PROPHOTO]


@pytest.mark.parametrize("chromaticities", EVERY)
def test_luminance_of_white_is_1(chromaticities):
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

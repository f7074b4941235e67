from functools import cache

import numpy as np
import pytest
from daily import daily
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.data.procedural import ProceduralBracket, procedural_bracket, sense
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel, channel_max, channel_min, estimate_noise, linearise

GAMMA = KNOWN_CURVES["gamma"]()
LEVELS = (0.01, 0.1, 0.5, 0.9)


@cache
def noiseless(seed: int) -> ProceduralBracket:
    return procedural_bracket(
        seed, motion="static", size=(640, 480), encoding="linear", photon_noise=0.0, read_noise=0.0
    )


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(("shot", "read"), [(2e-4, 1e-6), (1e-3, 1e-5), (1e-4, 1e-5)])
@pytest.mark.parametrize("seed", daily(1, [0, 2]))
def test_a_frames_noise_is_measured_within_30_percent(seed, shot, read, index):
    light = noiseless(seed).frames[index].astype(np.float32) / np.float32(65535)
    exposure = sense(np.random.default_rng(seed), light, shot, read)
    found = estimate_noise(np.rint(exposure ** (1 / 2.2) * 65535).astype(np.uint16), GAMMA, 65535.0)
    assert found.shot == pytest.approx(shot, rel=0.3)
    assert found.read == pytest.approx(read, rel=0.4)  # few blocks are dark
    for level in LEVELS:
        assert found.variance(level) == pytest.approx(shot * level + read, rel=0.3)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_noise_of_a_flat_scene_is_measured_in_every_kind_of_pixels(dtype):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.01, 0.8, 400, dtype=np.float32)[None, :, None]
    exposure = sense(rng, np.broadcast_to(ramp, (300, 400, 3)), 5e-4, 1e-5)
    if dtype == "float32":
        found = estimate_noise(exposure * 4, None, 4.0)
    else:
        found = estimate_noise(np.rint(exposure ** (1 / 2.2) * 65535).astype(dtype), GAMMA, 65535.0)
    for level in LEVELS:
        assert found.variance(level) == pytest.approx(5e-4 * level + 1e-5, rel=0.2)


@pytest.mark.parametrize("name", KNOWN_CURVES)
def test_noise_is_never_below_what_rounding_leaves(name):
    """A noiseless 8-bit frame: rounding alone spreads exposure evenly over a code's width."""
    curve = KNOWN_CURVES[name]()
    found = estimate_noise(np.full((200, 300, 3), 128, np.uint8), curve, 255.0)
    exposure = curve.lookup(np.dtype(np.uint8))[0].astype(np.float64)
    for code in (60, 128, 200):
        width = (exposure[code + 1] - exposure[code - 1]) / 2
        assert found.variance(float(exposure[code])) > 0.5 * width**2 / 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 200, 3), (200, 5, 3), (18, 18, 3)])
def test_noise_of_a_tiny_frame_is_the_floor(shape):
    found = estimate_noise(np.full(shape, 90, np.uint8), GAMMA, 255.0)
    assert found.shot > 0
    assert found.read > 0


def test_variance_grows_with_the_exposure_and_never_falls_below_read_noise():
    noise = NoiseModel(shot=0.01, read=0.002)
    np.testing.assert_allclose(noise.variance(np.array([-1, 0, 0.5], np.float32)), [0.002, 0.002, 0.007], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", KNOWN_CURVES)
def test_integers_are_linearised_by_their_curve(name, dtype):
    curve = KNOWN_CURVES[name]()
    white = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, white, (7, 9, 3), dtype=dtype, endpoint=True)
    found = linearise(pixels, curve.lookup(np.dtype(dtype)), float(white))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, curve(pixels / white), rtol=1e-5, atol=1e-9)


def test_channels_have_curves_of_their_own():
    lookup = np.stack([np.linspace(0, top, 256) for top in (1.0, 0.5, 0.25)]).astype(np.float32)
    for pixels, table in (
        (np.full((2, 2, 3), 255, np.uint8), lookup),
        (np.full((2, 2, 3), 65535, np.uint16), np.repeat(lookup, 256, axis=1)),
    ):
        np.testing.assert_allclose(linearise(pixels, table, 1.0)[0, 0], [1.0, 0.5, 0.25])


def test_floats_are_shares_of_white_and_scene_referred_floats_are_left_alone():
    pixels = np.array([[[0.5, 1.0, 6.0]]], np.float32)
    np.testing.assert_allclose(linearise(pixels, None, 2.0), pixels / 2)
    np.testing.assert_array_equal(linearise(pixels, None, float("inf")), pixels)


def exposed(pixels, **changes) -> CalibratedFrame:
    facts = {"lookup": None, "white": 1.0, "ev": 0.0, "noise": NoiseModel(shot=1e-3, read=1e-5)}
    return CalibratedFrame(pixels=pixels, **(facts | changes))


def test_a_reduced_frame_keeps_the_mean_radiance_and_divides_the_variance():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 255, (150, 270, 3), dtype=np.uint8)
    frame = exposed(codes, lookup=GAMMA.lookup(np.dtype(np.uint8)), white=255.0)
    for factor in (2, 3, 5):
        small = frame.reduced(factor)
        height, width = 150 // factor, 270 // factor
        blocks = frame.exposure().reshape(height, factor, width, factor, 3)
        np.testing.assert_allclose(small.exposure(), blocks.mean(axis=(1, 3)), atol=1e-5)
        assert small.noise.shot == pytest.approx(frame.noise.shot / factor**2)
        assert small.noise.read == pytest.approx(frame.noise.read / factor**2)
        assert small.clips
        assert small.white == 1.0


@given(factor=st.integers(2, 7), height=st.integers(14, 60), width=st.integers(14, 60))
@settings(max_examples=30, deadline=None)
def test_reducing_leaves_a_flat_frame_flat_at_any_size(factor, height, width):
    small = exposed(np.full((height, width, 3), 0.25, np.float32)).reduced(factor)
    assert small.pixels.shape == (height // factor, width // factor, 3)
    np.testing.assert_allclose(small.exposure(), 0.25, rtol=1e-5)


def test_the_noise_of_a_reduced_frame_is_what_its_pixels_show():
    rng = np.random.default_rng(1)
    frame = exposed(sense(rng, np.full((400, 400, 3), 0.4, np.float32), 1e-3, 1e-5))
    small = frame.reduced(4)
    assert small.exposure().var() == pytest.approx(small.noise.variance(0.4), rel=0.05)


def test_a_reduced_pixel_is_valid_only_where_all_its_pixels_are():
    valid = np.ones((40, 40), np.bool_)
    valid[:, :5] = False
    small = exposed(np.ones((40, 40, 3), np.float32), valid=valid).reduced(4)
    assert not small.valid[:, :2].any()
    assert small.valid[:, 2:].all()


def test_a_frame_reduced_by_one_is_itself():
    frame = exposed(np.ones((4, 4, 3), np.float32))
    assert frame.reduced(1) is frame


def test_rows_of_a_frame_are_rows_of_the_whole():
    codes = np.random.default_rng(0).integers(0, 255, (50, 20, 3), dtype=np.uint8)
    frame = exposed(codes, lookup=GAMMA.lookup(np.dtype(np.uint8)), white=255.0, valid=codes[..., 0] > 9)
    np.testing.assert_array_equal(frame.exposure(slice(7, 20)), frame.exposure()[7:20])
    np.testing.assert_array_equal(frame.validity(slice(7, 20)), frame.valid[7:20])


def test_exposures_below_the_toe_are_uncertain_by_what_they_are_short_of_it():
    frame = exposed(np.ones((4, 4, 3), np.float32), toe=0.02)
    plain = exposed(frame.pixels)
    at = np.array([0.0, 0.01, 0.02, 0.5], np.float32)
    np.testing.assert_allclose(frame.variance(at) - plain.variance(at), [4e-4, 1e-4, 0, 0], atol=1e-8)


def test_scene_referred_frames_do_not_clip_and_others_do():
    pixels = np.ones((4, 4, 3), np.float32)
    assert not exposed(pixels, white=float("inf")).clips
    assert exposed(pixels, white=2.0).clips
    assert exposed(pixels.astype(np.uint8), lookup=GAMMA.lookup(np.dtype(np.uint8)), white=255.0).clips


def test_brightest_and_darkest_are_the_extremes_of_a_pixels_channels():
    pixels = np.random.default_rng(0).random((5, 6, 3), dtype=np.float32)
    np.testing.assert_array_equal(channel_max(pixels), pixels.max(axis=2))
    np.testing.assert_array_equal(channel_min(pixels), pixels.min(axis=2))

import numpy as np
import pytest

from hdrfuse.imaging.merging.highlights import reconstruct_highlights

WHITE = 0.96
HOLE = (slice(30, 60), slice(40, 80))


def filled(light, hole=HOLE):
    """What stands in for a hole in `light` (h, w, 3) whose reference ends at WHITE, and what the reference shows."""
    seen = np.minimum(light, np.float32(WHITE))
    known = np.ones(light.shape[:2], np.float32)
    known[hole] = 0
    radiance = np.where(known[..., None] > 0, light, seen)
    return reconstruct_highlights(radiance, seen, known=known, clipped=(light > WHITE).any(axis=2), white=WHITE), seen


def ramps(*gains):
    """Light (96, 128, 3) whose channels rise together from left to right."""
    level = np.linspace(0.2, 0.6, 128, dtype=np.float32)
    return np.ascontiguousarray(np.broadcast_to(level[:, None] * np.array(gains, np.float32), (96, 128, 3)))


@pytest.mark.parametrize("gains", [(8.0, 1.0, 0.5), (1.0, 6.0, 9.0)])
def test_channels_that_clip_follow_those_that_are_measured(gains):
    light = ramps(*gains)
    light *= np.float32(2) ** np.random.default_rng(0).normal(0, 0.3, (96, 128, 1)).astype(np.float32)
    fill, _ = filled(light)
    assert np.abs(np.log2(fill[HOLE] / light[HOLE])).mean() < 0.05


def test_a_colour_is_that_of_like_light_nearby_and_not_the_mean():
    light = ramps(1.0, 1.0, 0.5)
    light[::2] *= np.array([6.0, 1.0, 1.0], np.float32)  # red lines before dimmer
    light[1::2] *= np.array([3.0, 3.5, 1.0], np.float32)  # yellow ones
    fill, _ = filled(light)
    assert np.abs(np.log2(fill[HOLE] / light[HOLE])).max() < 0.3


def test_white_becomes_what_white_is_around_it():
    light = np.full((96, 128, 3), (3.0, 4.0, 5.0), np.float32)
    fill, _ = filled(light)
    np.testing.assert_allclose(fill[HOLE], light[HOLE], rtol=0.01)


def test_what_is_soft_at_the_edge_of_the_known_teaches_nothing():
    light = np.full((96, 128, 3), 4.0, np.float32)
    seen = np.minimum(light, np.float32(WHITE))
    known = np.ones(light.shape[:2], np.float32)
    known[HOLE] = 0.5
    radiance = light.copy()
    radiance[HOLE] = 40.0  # something else
    fill = reconstruct_highlights(radiance, seen, known=known, clipped=np.ones(known.shape, bool), white=WHITE)
    np.testing.assert_allclose(fill[HOLE], 4.0, rtol=0.01)


def test_without_a_known_highlight_the_reference_stays():
    light = np.full((40, 50, 3), 2.0, np.float32)
    fill, seen = filled(light, hole=(slice(None), slice(None)))
    np.testing.assert_array_equal(fill, seen)


@pytest.mark.parametrize("shape", [(5, 7), (8, 8), (17, 33), (97, 131), (203, 299)])
def test_pictures_of_any_size(shape):
    light = np.random.default_rng(1).uniform(0.5, 4, (*shape, 3)).astype(np.float32)
    fill, _ = filled(light, hole=(slice(1, 3), slice(1, 4)))
    assert fill.shape == light.shape
    assert fill.dtype == np.float32
    assert np.isfinite(fill).all()
    assert fill.min() > 0.1
    assert fill.max() < 8


def test_what_no_known_highlight_shows_is_not_extrapolated_to():
    level = np.linspace(0, 1, 128, dtype=np.float32)
    light = np.empty((96, 128, 3), np.float32)
    light[..., 0], light[..., 1], light[..., 2] = 2 + 2 * level, 0.5, 0.6 - 0.3 * level  # the less blue the more red
    light[HOLE] = (1.2, 0.5, 0.004)
    fill, _ = filled(light)
    assert fill[HOLE].max() < 8  # where the law would have 60


def test_a_few_known_pixels_are_no_law():
    light = np.full((96, 128, 3), 4.0, np.float32)
    light[32, 48] = 50.0
    seen = np.minimum(light, np.float32(WHITE))
    known = np.ones(light.shape[:2], np.float32)
    known[HOLE] = 0
    known[32, 48] = 1
    fill = reconstruct_highlights(light, seen, known=known, clipped=np.ones(known.shape, bool), white=WHITE)
    assert fill[HOLE].max() < 4.2

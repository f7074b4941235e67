"""What the highlights around tell of those that are hidden."""

import cv2
import numpy as np
import pytest

from hdrfuse.imaging.merging.highlight_error import reconstruction_error

WHITE, SHAPE = 1.0, (120, 160)
HIDDEN = (slice(40, 80), slice(60, 100))


def told(stops):
    """The error (h, w) of a sky of 2^stops (h, w) times three, seen by a reference that it clips."""
    sky = (3.0 * np.exp2(stops))[..., None] * np.array([0.9, 1.0, 1.2])
    known = np.ones(SHAPE, np.float32)
    known[HIDDEN] = 0
    seen = np.full((*SHAPE, 3), WHITE, np.float32)
    radiance = np.where(known[..., None] > 0, sky, WHITE).astype(np.float32)
    return reconstruction_error(radiance, seen, known=known, clipped=np.ones(SHAPE, bool), white=WHITE)


def clouds(seed, size_px):
    """(h, w) of standard deviation 1."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(SHAPE), (0, 0), size_px)
    return noise / noise.std()


def test_a_smooth_sky_is_told_well():
    assert told(np.linspace(0, 1, SHAPE[1])[None, :].repeat(SHAPE[0], 0))[HIDDEN].max() < 0.03


@pytest.mark.parametrize("stops", [0.3, 0.8])
@pytest.mark.parametrize("size_px", [2.0, 5.0])
def test_clouds_are_told_as_well_as_they_change(stops, size_px):
    found = told(stops * clouds(3, size_px))[HIDDEN].mean() / np.log(2.0)
    assert 0.5 * stops < found < 1.5 * stops


def test_where_nothing_around_is_known_nothing_is_told():
    plane = np.full((*SHAPE, 3), 3.0, np.float32)
    known, nothing = np.ones(SHAPE, np.float32), np.zeros(SHAPE, bool)
    known[HIDDEN] = 0
    assert reconstruction_error(plane, plane, known=known, clipped=nothing, white=WHITE) is None
    assert reconstruction_error(plane, plane, known=0 * known, clipped=~nothing, white=WHITE) is None

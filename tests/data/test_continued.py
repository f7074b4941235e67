"""Samples whose reference has its hidden highlights continued."""

import numpy as np
import pytest

from hdrfuse.data.continued import ContinuedBrackets
from hdrfuse.data.sample import BracketSample

EXPOSURE = np.array([1.0, 4.0, 16.0], np.float32)
HIDDEN = (slice(20, 60), slice(50, 90))


def evening(size=128):
    """Radiance (H, W, 3), 1.0 = white of the shortest frame: ground below, above it a sky that the reference clips."""
    height = np.linspace(0.9, 0.0, size, dtype=np.float32)[:, None, None]
    sky = (0.45 + 0.3 * height) * np.array([1.0, 0.9, 0.8], np.float32)
    ground = np.full((size, size, 3), 0.05, np.float32)
    return np.where(np.arange(size)[:, None, None] < size * 3 // 4, sky, ground).astype(np.float32)


def bracket(*, hidden=False, shown=None):
    truth = evening()
    scenes = [truth.copy(), truth, truth]
    if hidden:
        scenes[0][HIDDEN] = 0.02  # someone who stands elsewhere in the other frames
    ldr = np.stack([np.clip(scene * t, 0, 1) ** (1 / 2.2) for scene, t in zip(scenes, EXPOSURE, strict=True)])
    return BracketSample(ldr=ldr.astype(np.float32), exposure=EXPOSURE, radiance=truth, shown=shown)


def as_shot(sample):
    return sample.ldr[1] ** 2.2 / 4


def test_nothing_changes_where_nothing_is_hidden():
    (found,) = (ContinuedBrackets([bracket()])[0],)
    np.testing.assert_allclose(found.reference, as_shot(found), atol=1e-5)


def test_a_sky_that_something_hides_is_what_it_is_around():
    sample = ContinuedBrackets([bracket(hidden=True)])[0]
    truth = sample.radiance[HIDDEN]
    error = np.abs(sample.reference[HIDDEN] / truth - 1).mean()
    assert error < 0.05 < 0.3 < np.abs(as_shot(sample)[HIDDEN] / truth - 1).mean()
    np.testing.assert_allclose(sample.reference[100:], as_shot(sample)[100:], atol=1e-5)
    np.testing.assert_array_equal(sample.ldr, bracket(hidden=True).ldr)


@pytest.mark.parametrize("ends", [True, False])
def test_a_sky_beyond_the_end_of_the_side_frames_is_hidden_too(ends):
    shown = np.ones((3, 128, 128), np.bool_)
    sample = bracket()
    sample.ldr[0, :, :12] = np.minimum(sample.ldr[1, :, :12] * (1 / 4) ** (1 / 2.2), 1)
    if ends:
        shown[0, :, :12] = False
    found = ContinuedBrackets([BracketSample(**{**vars(sample), "shown": shown})])[0].reference[:80, :10]
    assert (np.abs(found / evening()[:80, :10] - 1).mean() < 0.05) == ends

"""The plain merge: triangle weights over encoded values, and ghosts left in."""

import numpy as np
import pytest

from hdrfuse.imaging.merging.no_deghosting import merge_without_deghosting, triangle_mean, triangle_weights
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel


def test_weights_are_triangles_that_the_ends_of_the_bracket_do_not_have():
    encoded = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    dark, middle, bright = triangle_weights([np.tile(encoded**2.2, (1, 3, 1)).transpose(0, 2, 1)] * 3)
    np.testing.assert_allclose(middle[0, :, 0], [1e-6, 0.5, 1.0, 0.5, 1e-6], atol=1e-12)
    np.testing.assert_allclose(dark[0, :, 0], [1e-6, 0.5, 1.0, 1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(bright[0, :, 0], [1.0, 1.0, 1.0, 0.5, 1e-6], atol=1e-12)


def test_frames_that_agree_give_their_radiance():
    radiance = np.random.default_rng(0).uniform(0.02, 0.2, (5, 7, 3))
    gains = (1.0, 2.0, 4.0)
    np.testing.assert_allclose(triangle_mean([radiance * gain for gain in gains], gains), radiance, rtol=1e-12)


@pytest.mark.parametrize("valid", [True, False])
def test_a_ghost_stays_unless_the_frame_has_no_data_there(valid):
    light = np.full((4, 4, 3), 0.1, np.float32)
    other = light.copy()
    other[1, 1] = 0.2
    frames = [
        CalibratedFrame(
            pixels=pixels * np.float32(2.0**ev), lookup=None, white=1.0, ev=ev, noise=NoiseModel(shot=1e-5, read=1e-8),
            valid=np.full((4, 4), valid) if ev else None,
        )
        for pixels, ev in ((light, 0.0), (other, 2.0))
    ]  # fmt: skip
    found = merge_without_deghosting(frames)
    assert found[0, 0] == pytest.approx(0.1, rel=1e-5)
    assert (found[1, 1] > 0.12).all() if valid else found[1, 1] == pytest.approx(0.1, rel=1e-5)

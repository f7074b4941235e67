import cv2
import numpy as np
import pytest

from hdrfuse.imaging.merging.scatter import measure_scatter

SHAPE = (300, 400, 3)
EVERYWHERE = np.ones(SHAPE, np.bool_)


def level() -> np.ndarray:
    return np.broadcast_to(np.geomspace(0.01, 1.0, SHAPE[1], dtype=np.float32)[None, :, None], SHAPE)


def noise(soft_px: float, shot: float, read: float) -> np.ndarray:
    plane = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    if soft_px:
        plane = cv2.GaussianBlur(plane, (0, 0), soft_px)
    return plane / plane.std() * np.sqrt(shot * level() + read)


@pytest.mark.parametrize("soft_px", [0.0, 1.0, 2.0, 3.0])
def test_noise_is_measured_however_soft_it_is(soft_px):
    found = measure_scatter(noise(soft_px, 1e-3, 1e-5), level(), EVERYWHERE, spacing_px=12)
    for channel in found:
        for at in (0.02, 0.2, 0.8):
            assert channel.variance(at) == pytest.approx(1e-3 * at + 1e-5, rel=0.45)


def test_what_moved_in_a_third_of_the_places_is_not_taken_for_noise():
    difference = noise(1.0, 1e-3, 1e-5)
    texture = cv2.GaussianBlur(np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32), (0, 0), 4)
    difference[:100] += texture[:100] / texture.std() * level()[:100]
    still, moved = (
        measure_scatter(each, level(), EVERYWHERE, spacing_px=12) for each in (noise(1.0, 1e-3, 1e-5), difference)
    )
    for one, other in zip(still, moved, strict=True):
        assert other.variance(0.2) < 3 * one.variance(0.2)  # the moved places scatter 200 times as much


def test_what_is_unusable_is_not_looked_at():
    difference, usable = noise(1.0, 1e-3, 1e-5), EVERYWHERE.copy()
    usable[:, 150:250] = False
    expected = measure_scatter(difference, level(), usable, spacing_px=12)
    difference[:, 150:250] = 50.0
    assert measure_scatter(difference, level(), usable, spacing_px=12) == expected


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 20, 3), (30, 400, 3)])
def test_too_few_places_tell_nothing(shape):
    plane = np.zeros(shape, np.float32)
    assert measure_scatter(plane, plane, np.ones(shape, np.bool_), spacing_px=16) is None

import numpy as np
import pytest

from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel

NOISE = NoiseModel(shot=2e-5, read=1e-7)


def frame(light, ev, **how):
    exposure = np.clip(light * 2.0**ev, 0, 1).astype(np.float32)
    return CalibratedFrame(pixels=exposure, lookup=None, white=1.0, ev=ev, noise=NOISE, **how)


def bracket(light, evs):
    return [frame(light, ev) for ev in evs]


@pytest.fixture
def light():
    """Radiance (H, W, 3) from deep shadow up to eight times the reference's white."""
    return np.broadcast_to(np.geomspace(0.002, 8.0, 400, dtype=np.float32)[:, None, None], (400, 20, 3))


def test_three_frames_are_all_seen(light):
    triplet = Triplet.of(bracket(light, (-2.0, 0.0, 2.0)), 1)
    assert triplet.indices == (0, 1, 2)
    np.testing.assert_allclose(triplet.exposures, [1, 4, 16])
    assert triplet.white == 4.0


def test_the_darker_frame_is_the_nearest_that_shows_the_highlights(light):
    evs = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0)
    assert Triplet.of(bracket(light, evs), 4).indices[0] == 1  # 8 = 2^3 times white
    assert Triplet.of(bracket(np.minimum(light, 1.5), evs), 4).indices[0] == 3


def test_the_brighter_frame_is_the_one_that_helps_the_shadows_most(light):
    evs = (-2.0, 0.0, 1.0, 2.0, 3.0, 6.0)
    dark = np.minimum(light, 0.1)
    assert Triplet.of(bracket(dark, evs), 1).indices[2] == 4  # six stops away is further than the network knows
    assert Triplet.of(bracket(np.full_like(light, 0.4), evs), 1).indices[2] == 2  # the others are white


def test_frames_out_of_reach_are_better_than_none(light):
    assert Triplet.of(bracket(light, (-6.0, -5.0, 0.0, 5.0, 6.0)), 2).indices == (1, 2, 3)


@pytest.mark.parametrize(("reference", "indices"), [(0, (0, 0, 1)), (1, (0, 1, 1))])
def test_a_missing_side_repeats_the_reference(light, reference, indices):
    triplet = Triplet.of(bracket(light, (0.0, 2.0)), reference)
    assert triplet.indices == indices
    assert triplet.exposures[indices.index(reference)] == triplet.exposures[1]
    assert triplet.exposures.min() == 1


def test_frames_are_gamma_encoded_whatever_they_are_stored_as(light):
    linear = bracket(light, (-2.0, 0.0, 2.0))
    codes = np.linspace(0, 1, 65536, dtype=np.float32)
    stored = [
        CalibratedFrame(
            pixels=np.round(each.pixels * 65535).astype(np.uint16), lookup=np.stack([codes] * 3), white=65535.0,
            ev=each.ev, noise=NOISE,
        )
        for each in linear
    ]  # fmt: skip
    rows, columns = slice(100, 200), slice(5, 12)
    found = [Triplet.of(frames, 1).encoded(rows, columns) for frames in (linear, stored)]
    assert found[0].shape == (3, 100, 7, 3)
    np.testing.assert_allclose(found[0][1], linear[1].pixels[rows, columns] ** (1 / 2.2), atol=1e-5)
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_a_side_without_data_shows_the_reference_at_its_own_exposure(light):
    frames = bracket(light, (-2.0, 0.0, 2.0))
    valid = np.ones(light.shape[:2], np.bool_)
    valid[:, :10] = False
    odd = np.where(valid[..., None], frames[2].pixels, 0.77).astype(np.float32)
    frames[2] = CalibratedFrame(pixels=odd, lookup=None, white=1.0, ev=2.0, noise=NOISE, valid=valid)
    _, reference, long = Triplet.of(frames, 1).encoded()
    np.testing.assert_allclose(long[:, :10], np.minimum(reference[:, :10] * 4 ** (1 / 2.2), 1), atol=1e-5)
    np.testing.assert_allclose(long[:, 10:], frames[2].pixels[:, 10:] ** (1 / 2.2), atol=1e-5)

import numpy as np
import pytest

from hdrfuse.imaging.calibration.correspondences import TonePairs, explained_share, match_registered_pixels
from hdrfuse.imaging.calibration.fit import calibrate, gains_for
from hdrfuse.imaging.calibration.response import KNOWN_CURVES

EVS = (-2.0, 0.0, 2.0)


def crowded(moved: float, *, curve: str = "gamma", seed: int = 0) -> list[TonePairs]:
    """Places of three frames of which a share shows other things, one always brighter: a bright van drove through."""
    rng = np.random.default_rng(seed)
    radiance = np.exp2(rng.uniform(-5.5, -2.2, (400, 400, 1))) * np.ones(3)
    frames = []
    for ev in EVS:
        shown = radiance.copy()
        where = np.zeros((400, 400), bool)
        where[:, : int(400 * moved)] = ev < 0
        shown[where] *= np.exp2(rng.uniform(0.5, 2.0, (int(where.sum()), 1)))
        encode = {"gamma": lambda x: x ** (1 / 2.2), "srgb": lambda x: 1.055 * x ** (1 / 2.4) - 0.055}[curve]
        frames.append(encode(np.clip(shown * 2.0**ev, 4e-3, 1.0)).astype(np.float32))
    smooth = [np.repeat(np.repeat(frame, 3, 0), 3, 1) for frame in frames]
    return match_registered_pixels(smooth, [np.ones(smooth[0].shape[:2], bool)] * 3, EVS, [0.0] * 3)


@pytest.mark.parametrize("curve", ["gamma", "srgb"])
def test_a_curve_explains_the_pairs_of_what_stood_still(curve):
    assert explained_share(KNOWN_CURVES[curve](), crowded(0.0, curve=curve), np.zeros(3)) > 0.99
    other = {"gamma": "srgb", "srgb": "gamma"}[curve]
    assert explained_share(KNOWN_CURVES[other](), crowded(0.0, curve=curve), np.zeros(3)) < 0.5
    assert 0.6 < explained_share(KNOWN_CURVES[curve](), crowded(0.55, curve=curve), np.zeros(3)) < 0.8


@pytest.mark.parametrize("curve", ["gamma", "srgb"])
def test_the_curve_of_what_stood_still_wins_where_more_than_half_moved(curve):
    found = calibrate(crowded(0.55, curve=curve), 3, 1)
    assert found.curve.name == curve
    assert np.abs(found.gains_ev).max() < 0.01


def test_gains_stay_nominal_where_most_that_agrees_says_so():
    assert not gains_for(KNOWN_CURVES["gamma"](), crowded(0.55), 3, 1).any()


def test_an_earlier_calibration_is_kept_where_it_explains_more():
    earlier = calibrate(crowded(0.0), 3, 1)
    found = calibrate(crowded(0.8, seed=4), 3, 1, earlier=earlier)
    assert found.curve.name == "gamma"


def test_nothing_is_explained_without_pairs():
    assert explained_share(KNOWN_CURVES["srgb"](), [], np.zeros(3)) == 0.0

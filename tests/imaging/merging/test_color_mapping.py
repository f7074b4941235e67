import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hdrfuse.imaging.merging.color_mapping import COLOR_MAPPING, POWERS, ColorMapping, fit_color_mapping

SIZE = (80, 100)
EVERYWHERE = np.ones(SIZE, np.bool_)


def colours(seed: int) -> np.ndarray:
    """Exposure (H, W, 3) of every tone and of moderate chroma."""
    rng = np.random.default_rng(seed)
    tone = rng.uniform(-7, -1, (*SIZE, 1))
    chroma = rng.uniform(-1.5, 1.5, (*SIZE, 3))
    return np.exp2(np.minimum(tone + chroma, -0.1)).astype(np.float32)


def stops_too_bright(exposure: np.ndarray) -> np.ndarray:
    """What a camera that raises saturation adds to each channel (H, W, 3), and a little more in the highlights."""
    log = np.log2(exposure)
    chroma = log - log[..., 1:2]
    tone = 0.03 * (log[..., 1:2] + 4)
    return 0.12 * chroma - 0.08 * chroma[..., ::-1] + tone


def fitted(exposure: np.ndarray, stops: np.ndarray, usable: np.ndarray = EVERYWHERE) -> ColorMapping:
    found = fit_color_mapping(exposure, np.exp2(stops).astype(np.float32), np.zeros_like(exposure), usable)
    assert found is not None
    return found


def undone(mapping: ColorMapping, exposure: np.ndarray) -> np.ndarray:
    """Stops (H, W, 3) that a fit takes off."""
    gain, _ = mapping.at(exposure)
    assert gain.shape == exposure.shape
    assert gain.dtype == np.float32
    return -np.log2(gain)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_one_channel_does_to_another_is_undone(seed):
    exposure = colours(seed)
    noise = np.random.default_rng(seed).normal(0, 0.03, exposure.shape)
    wrong = stops_too_bright(exposure)
    error = np.abs(undone(fitted(exposure, wrong + noise), exposure) - wrong)
    assert np.abs(wrong).mean() > 0.08
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.95) < 0.04


@pytest.mark.parametrize("seed", [0, 1])
def test_things_that_moved_do_not_count(seed):
    exposure = colours(seed)
    wrong = stops_too_bright(exposure)
    moved = wrong + np.random.default_rng(seed).normal(0, 0.02, exposure.shape)
    moved[:20] += 1.0  # a quarter of the frame shows something brighter
    error = np.abs(undone(fitted(exposure, moved), exposure) - wrong)
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.95) < 0.06


def test_the_weak_channel_of_a_saturated_colour_may_be_most_of_a_stop_off():
    rng = np.random.default_rng(5)
    exposure = np.where(rng.random((*SIZE, 1)) < 0.3, [0.2, 0.13, 0.02], [0.1, 0.1, 0.1]) * rng.uniform(
        0.5, 2, (*SIZE, 1)
    )
    wall = exposure[..., :1] > 1.5 * exposure[..., 2:]
    wrong = np.where(wall, [0.0, 0.0, -0.8], 0.0) + rng.normal(0, 0.02, (*SIZE, 3))
    error = undone(fitted(exposure.astype(np.float32), wrong), exposure.astype(np.float32)) - np.where(
        wall, [0, 0, -0.8], 0
    )
    assert np.abs(error).max() < 0.1


def test_frames_that_agree_are_left_as_they_are():
    exposure = colours(2)
    noise = np.random.default_rng(2).normal(0, 0.02, exposure.shape)
    assert np.abs(undone(fitted(exposure, noise), exposure)).max() < 0.02


def test_the_doubt_is_what_colours_of_a_level_leave_besides_noise():
    rng = np.random.default_rng(3)
    exposure = np.repeat(np.exp2(rng.uniform(-8, -0.2, (*SIZE, 1))), 3, axis=2).astype(np.float32)
    spread = np.where(exposure < 2.0**-4, 0.08, 0.01)  # stops
    stops = rng.normal(0, 1, exposure.shape) * np.hypot(spread, 0.03)
    noise = np.full_like(exposure, 0.03 * np.log(2))
    mapping = fit_color_mapping(exposure, np.exp2(stops).astype(np.float32), noise, EVERYWHERE)
    assert mapping is not None
    dark, light = (mapping.at(np.full((1, 1, 3), level, np.float32))[1] for level in (2.0**-6, 2.0**-2))
    assert dark == pytest.approx(0.08 * np.log(2), rel=0.3)
    assert (light < 0.02).all()


def test_beyond_the_levels_that_were_seen_there_is_doubt():
    mapping = fitted(np.clip(colours(1), 2.0**-5, 2.0**-3), np.zeros((*SIZE, 3)))
    seen, unseen = (mapping.at(np.full((1, 1, 3), level, np.float32))[1] for level in (2.0**-4, 2.0**-8))
    assert (seen < 0.02).all()
    assert (unseen > 0.2).all()


def test_what_cannot_be_trusted_does_not_count():
    exposure = colours(3)
    wrong = stops_too_bright(exposure)
    usable = EVERYWHERE.copy()
    usable[:, 60:] = False
    nonsense = np.where(usable[..., None], wrong, -7.0)
    first, second = (fitted(exposure, each, usable) for each in (wrong, nonsense))
    np.testing.assert_array_equal(first.coefficients, second.coefficients)


@pytest.mark.parametrize(("trusted", "fits"), [(0, False), (499, False), (500, True)])
def test_fewer_than_500_trusted_pixels_give_no_fit(trusted, fits):
    exposure = colours(4)
    usable = np.arange(exposure[..., 0].size).reshape(SIZE) < trusted
    found = fit_color_mapping(exposure, np.ones_like(exposure), np.zeros_like(exposure), usable)
    assert (found is not None) == fits


@given(
    coefficients=arrays.arrays(np.float64, (len(POWERS), 3), elements=st.floats(-3, 3)),
    exposure=arrays.arrays(np.float32, (2, 3, 3), elements=st.floats(0, 2, width=32)),
)
@settings(max_examples=60, deadline=None)
def test_a_correction_is_bounded_for_any_colour_and_any_fit(coefficients, exposure):
    limits = np.array([[-3.0, 1.0], [-2.5, 2.5], [-2.5, 2.5]])
    mapping = ColorMapping(coefficients=coefficients, limits=limits, doubts=np.full((3, COLOR_MAPPING.levels), 0.05))
    gain, doubt = mapping.at(exposure)
    assert np.isfinite(gain).all()
    assert (np.abs(np.log2(gain)) <= 1.0 + 1e-5).all()
    np.testing.assert_allclose(doubt, 0.05)

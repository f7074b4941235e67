import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hdrfuse.imaging.merging.crosstalk import CROSSTALK, Crosstalk, fit_crosstalk

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


def undone(fitted: Crosstalk | None, exposure: np.ndarray) -> np.ndarray:
    """Stops (H, W, 3) that a fit takes off."""
    assert fitted is not None
    gain = fitted.gain(exposure)
    assert gain.shape == exposure.shape
    assert gain.dtype == np.float32
    return -np.log2(gain)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_one_channel_does_to_another_is_undone(seed):
    exposure = colours(seed)
    noise = np.random.default_rng(seed).normal(0, 0.03, exposure.shape)
    wrong = stops_too_bright(exposure)
    fitted = fit_crosstalk(exposure, np.exp2((wrong + noise).astype(np.float32)), EVERYWHERE)
    ordinary = np.abs(wrong) < 0.4
    error = np.abs(undone(fitted, exposure) - wrong)[ordinary]
    assert np.abs(wrong[ordinary]).mean() > 0.08
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.95) < 0.04


@pytest.mark.parametrize("seed", [0, 1])
def test_things_that_moved_do_not_count_as_crosstalk(seed):
    exposure = colours(seed)
    wrong = stops_too_bright(exposure)
    moved = wrong + np.random.default_rng(seed).normal(0, 0.02, exposure.shape)
    moved[:20] += 1.0  # a quarter of the frame shows something brighter
    fitted = fit_crosstalk(exposure, np.exp2(moved.astype(np.float32)), EVERYWHERE)
    error = np.abs(undone(fitted, exposure) - wrong)[np.abs(wrong) < 0.4]
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.95) < 0.06


def test_frames_that_agree_are_left_as_they_are():
    exposure = colours(2)
    noise = np.random.default_rng(2).normal(0, 0.02, exposure.shape).astype(np.float32)
    assert np.abs(undone(fit_crosstalk(exposure, np.exp2(noise), EVERYWHERE), exposure)).max() < 0.02


def test_what_cannot_be_trusted_does_not_count():
    exposure = colours(3)
    wrong = stops_too_bright(exposure).astype(np.float32)
    usable = EVERYWHERE.copy()
    usable[:, 60:] = False
    nonsense = np.where(usable[..., None], wrong, np.float32(-7.0))
    first, second = (fit_crosstalk(exposure, np.exp2(each), usable) for each in (wrong, nonsense))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.coefficients, second.coefficients)


@pytest.mark.parametrize(("trusted", "fits"), [(0, False), (499, False), (500, True)])
def test_fewer_than_500_trusted_pixels_give_no_fit(trusted, fits):
    exposure = colours(4)
    usable = np.arange(exposure[..., 0].size).reshape(SIZE) < trusted
    assert (fit_crosstalk(exposure, np.ones_like(exposure), usable) is not None) == fits


@given(
    coefficients=arrays.arrays(np.float64, (10, 3), elements=st.floats(-3, 3)),
    exposure=arrays.arrays(np.float32, (2, 3, 3), elements=st.floats(0, 2, width=32)),
)
@settings(max_examples=60, deadline=None)
def test_a_correction_is_at_most_half_a_stop_for_any_colour_and_any_fit(coefficients, exposure):
    gain = Crosstalk(coefficients=coefficients).gain(exposure)
    assert np.isfinite(gain).all()
    assert CROSSTALK.largest_stops == 0.5
    assert (np.abs(np.log2(gain)) <= 0.5 + 1e-5).all()

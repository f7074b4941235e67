import numpy as np
import pytest

from hdrfuse.imaging.calibration.black import BLACK, above, raised_black
from hdrfuse.imaging.calibration.correspondences import match_histograms
from hdrfuse.imaging.calibration.fit import calibrate
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, load_response
from hdrfuse.imaging.color import srgb_encode

CODES = 255.0


def samples(blacks, evs, *, contrast: float = 1.0) -> list[np.ndarray]:
    """Encoded shares of white (h, w, 3) of light over nine stops, rounded to eight bits."""
    rng = np.random.default_rng(0)
    light = np.exp2(rng.uniform(-9, 0, (120, 160, 3)))
    frames = []
    for ev in evs:
        encoded = srgb_encode(np.clip(light * 2.0**ev, 0, 1)) ** contrast
        black = np.array(blacks) / CODES
        noisy = black + encoded * (1 - black) + rng.normal(0, 1 / CODES, encoded.shape)
        frames.append((np.clip(np.rint(noisy * CODES), 0, CODES) / CODES).astype(np.float32))
    return frames


def matches(blacks, evs, **how):
    return match_histograms(samples(blacks, evs, **how), evs)


@pytest.mark.parametrize("blacks", [(3, 3, 10), (8, 6, 4), (0, 8, 0), (16, 16, 20)])
@pytest.mark.parametrize("evs", [(-2.0, 0.0, 2.0), (-2.0, -1.0, 0.0, 1.0, 2.0)])
def test_a_raised_black_is_found_within_a_code(blacks, evs):
    found = calibrate(matches(blacks, evs), len(evs), len(evs) // 2)
    assert found.curve.name == "srgb above black"
    begins = (found.curve.table <= 0).sum(axis=1) / found.curve.table.shape[1] * CODES
    np.testing.assert_allclose(begins, blacks, atol=1.0)
    assert not any(found.gains_ev)


@pytest.mark.parametrize("contrast", [1.0, 1.2, 1.5])
def test_frames_whose_black_is_0_keep_the_curve_that_they_had(contrast):
    evs = (-2.0, 0.0, 2.0)
    found = calibrate(matches((0, 0, 0), evs, contrast=contrast), 3, 1)
    assert found.curve.name.startswith("srgb" if contrast == 1 else "fitted")
    assert not found.curve.name.endswith("black")


def test_a_curve_above_black_is_0_up_to_there_and_white_at_white():
    curve = above(KNOWN_CURVES["srgb"](), np.array([0.0, 10.0, 20.0]) / CODES)
    values = curve(np.array([[0, 10, 20], [255, 255, 255]]) / CODES)
    np.testing.assert_allclose(values, [[0, 0, 0], [1, 1, 1]], atol=1e-6)
    np.testing.assert_array_equal(curve.table[0], KNOWN_CURVES["srgb"]().table[0])


def test_a_curve_above_black_can_be_saved_and_read(tmp_path):
    curve = above(KNOWN_CURVES["srgb"](), np.array([3.0, 6.0, 10.0]) / CODES)
    curve.save(tmp_path / "curve.json")
    np.testing.assert_allclose(load_response(tmp_path / "curve.json").table, curve.table, atol=1e-4)


def test_no_black_is_found_where_there_are_no_pairs_and_none_beyond_the_largest():
    srgb = KNOWN_CURVES["srgb"]()
    assert raised_black(srgb, []) is None
    far = raised_black(srgb, matches((40, 40, 40), (-2.0, 0.0, 2.0)))
    assert far is None or (far.table <= 0).mean() <= BLACK.largest + 0.01

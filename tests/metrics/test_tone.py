"""Scores after one smooth tone: what a tone explains costs nothing, what it does not does."""

import cv2
import numpy as np
import pytest

from hdrfuse.metrics.tone import align_tone, psnr_mu_after_tone, seam_stops

WHITE = 4.0


def truth() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(np.log2(0.01), np.log2(2.5), (8, 12, 3)).astype(np.float32)
    return np.exp2(cv2.resize(coarse, (360, 240), interpolation=cv2.INTER_CUBIC)).astype(np.float32)


def test_a_smooth_tone_a_channel_costs_nothing():
    light = truth()
    toned = light ** np.array([0.9, 1.1, 1.05], np.float32) * np.array([1.3, 0.8, 1.0], np.float32)
    before, after = (psnr_mu_after_tone(each, light, WHITE) for each in (toned, align_tone(toned, light)))
    assert before < 35 < 50 < after


def test_a_few_wrong_places_do_not_bend_the_tone():
    light = truth()
    spoiled = light.copy()
    spoiled[:60, :60] *= 3
    aligned = align_tone(spoiled, light)
    np.testing.assert_allclose(aligned[100:, 100:], light[100:, 100:], rtol=0.02)


@pytest.mark.parametrize("step", [0.05, 0.2])
def test_a_step_in_a_flat_place_is_a_seam_of_what_six_pixels_hold_of_its_height(step):
    light = np.full((240, 360, 3), 0.3, np.float32)
    stepped = light.copy()
    stepped[:, 180:] *= np.float32(2**step)
    assert seam_stops(stepped, light, WHITE) == pytest.approx(0.866 * step, rel=0.02)  # of a Gaussian edge of sigma 2
    assert seam_stops(light, light, WHITE) == 0.0


def test_an_edge_of_the_scene_is_no_seam():
    light = np.full((240, 360, 3), 0.1, np.float32)
    light[:, 180:] = 0.8
    blurred = cv2.GaussianBlur(light, (0, 0), 1.0)
    assert seam_stops(blurred, light, WHITE) < 0.1 < np.abs(np.log2(blurred / light)).max()

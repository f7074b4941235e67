import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.metrics import psnr_l, psnr_mu
from hdrfuse.metrics.psnr import MU, mu_law


def test_equal_pictures_score_infinity():
    picture = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    assert psnr_l(picture, picture) == math.inf
    assert psnr_mu(picture, picture.copy()) == math.inf


@settings(deadline=None)
@given(st.floats(1e-4, 0.5))
def test_a_uniform_error_scores_its_size_in_decibels(error):
    reference = np.full((4, 5, 3), 0.5)
    assert psnr_l(reference + error, reference) == pytest.approx(-20 * math.log10(error))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_image_and_reference_within_0_and_1_may_change_places(seed):
    a, b = np.random.default_rng(seed).random((2, 6, 7, 3))
    assert psnr_l(a, b) == psnr_l(b, a)
    assert psnr_mu(a, b) == psnr_mu(b, a)


def test_the_mu_law_takes_black_to_0_and_white_to_1():
    black, white = np.zeros((2, 2, 3)), np.ones((2, 2, 3))
    assert psnr_mu(black, white) == pytest.approx(0)


def test_only_the_image_is_clipped():
    white, brighter = np.ones((2, 2, 3)), np.full((2, 2, 3), 1.5)
    assert psnr_l(brighter, white) == math.inf
    assert psnr_l(white, brighter) == pytest.approx(-20 * math.log10(0.5))


def test_without_clipping_values_above_1_count():
    white, brighter = np.ones((2, 2, 3)), np.full((2, 2, 3), 1.5)
    assert psnr_l(brighter, white, clip=False) == pytest.approx(-20 * math.log10(0.5))
    step = math.log1p(1.5 * MU) / math.log1p(MU) - 1
    assert psnr_mu(brighter, white, clip=False) == pytest.approx(-20 * math.log10(step))


@pytest.mark.parametrize("clip", [True, False])
def test_values_below_minus_one_over_mu_are_dark_and_not_nan(clip):
    black = np.zeros((2, 2, 3))
    expected = math.inf if clip else 0.0  # T = -1 against 0
    assert psnr_mu(black - 0.01, black, clip=clip) == pytest.approx(expected)
    assert psnr_mu(black, black - 0.01, clip=clip) == pytest.approx(0.0)


@settings(deadline=None)
@given(st.floats(-0.99 / MU, 0))
def test_the_mu_law_is_the_papers_formula_as_far_as_it_goes(linear):
    expected = max(-1.0, math.log(1 + MU * linear) / math.log(1 + MU))
    assert float(mu_law(np.array(linear))) == pytest.approx(expected, abs=1e-9)


def test_small_errors_count_more_in_the_shadows_after_the_mu_law():
    dark, bright = np.full((2, 2, 3), 0.001), np.full((2, 2, 3), 0.8)
    in_the_dark = psnr_mu(dark + 0.001, dark)
    assert in_the_dark < psnr_mu(bright + 0.001, bright) - 20


def test_a_selection_of_pixels_will_do():
    picture = np.random.default_rng(0).random((20, 30, 3))
    chosen = picture[..., 0] > 0.5
    assert psnr_l(picture[chosen] + 1e-3, picture[chosen]) > psnr_l(picture[chosen] * 0.9, picture[chosen])

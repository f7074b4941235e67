import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from hdrfuse.metrics import pu21_psnr, pu21_ssim
from hdrfuse.metrics.pu21 import pu21_encode


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    reference = rng.random((30, 40, 3)) ** 3
    return reference * rng.normal(1, 0.05, reference.shape), reference


def test_the_curve_runs_from_0_over_256_at_a_displays_white_to_its_end():
    darkest, white, brightest = pu21_encode(np.array([0.005, 100.0, 10000.0]))
    assert darkest == pytest.approx(0, abs=0.01)
    assert white == pytest.approx(256, abs=0.5)
    assert brightest == pytest.approx(595.39, abs=0.01)


@settings(deadline=None)
@given(st.floats(-1e5, 1e5), st.floats(0, 1e5))
def test_more_light_is_never_darker(light, more):
    below, above = pu21_encode(np.array([light, light + more]))
    assert 0 <= below <= above < 600


def test_equal_pictures_score_infinity_and_1(pictures):
    picture, _ = pictures
    assert pu21_psnr(picture, picture) == math.inf
    assert pu21_ssim(picture, picture) == 1


def test_values_above_1_are_brighter_than_the_peak():
    white, brighter = np.ones((2, 2, 3)), np.full((2, 2, 3), 1.5)
    error = pu21_encode(np.array(1500.0)) - pu21_encode(np.array(1000.0))
    assert pu21_psnr(brighter, white) == pytest.approx(20 * math.log10(256 / error))
    assert pu21_psnr(brighter, white, peak_luminance_cd_m2=1e5) == math.inf  # both beyond the curve


def test_ssim_is_that_of_the_encoded_luminance(pictures):
    image, reference = (pu21_encode(1000 * picture @ [0.2126, 0.7152, 0.0722]) for picture in pictures)
    expected = structural_similarity(
        image, reference, data_range=256, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert pu21_ssim(*pictures) == pytest.approx(expected, abs=1e-12)
    grey = [(picture @ [0.2126, 0.7152, 0.0722])[..., None] for picture in pictures]
    assert pu21_ssim(*grey) == pytest.approx(expected, abs=1e-12)

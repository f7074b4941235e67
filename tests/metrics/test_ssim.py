import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from hdrfuse.errors import BadInputError
from hdrfuse.metrics import ssim_l, ssim_mu
from hdrfuse.metrics.psnr import mu_law


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    reference = np.cumsum(rng.normal(size=(33, 41, 3)), axis=0) / 20
    reference -= reference.min()
    return reference + rng.normal(0, 0.02, reference.shape), reference


def independent(image, reference):
    return structural_similarity(
        255 * image,
        255 * reference,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def test_scores_are_scikit_images(pictures):
    image, reference = pictures
    within = image.clip(0, 1)
    assert ssim_l(image, reference) == pytest.approx(independent(within, reference), abs=1e-12)
    assert ssim_mu(image, reference) == pytest.approx(independent(mu_law(within), mu_law(reference)), abs=1e-12)
    assert ssim_l(image, reference, clip=False) == pytest.approx(independent(image, reference), abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equal_pictures_score_1_and_others_less_whichever_comes_first(seed):
    a, b = np.random.default_rng(seed).random((2, 12, 13, 3))
    for score in (ssim_l, ssim_mu):
        assert score(a, a) == 1
        assert score(a, b) == pytest.approx(score(b, a), abs=1e-12)
        assert score(a, b) < 0.9


def test_pictures_smaller_than_the_window_are_refused():
    assert ssim_l(np.ones((11, 11, 3)), np.ones((11, 11, 3))) == 1
    with pytest.raises(BadInputError, match="40 x 10 pixels; SSIM needs at least 11 x 11"):
        ssim_l(np.ones((10, 40, 3)), np.ones((10, 40, 3)))
    with pytest.raises(BadInputError, match=r"\(40, 40, 4\); SSIM takes \(H, W, 3\)"):
        ssim_mu(np.ones((40, 40, 4)), np.ones((40, 40, 4)))

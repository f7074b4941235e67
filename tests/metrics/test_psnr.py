import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.errors import BadInputError
from hdrfuse.metrics import psnr_l, psnr_mu

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
PAIRS = [
    "01_identical",
    "02_noise",
    "03_blur",
    "05_bright",
    "06_tone",
    "07_oddsize_munoise",
    "10_small64",
]


@pytest.fixture
def picture():
    return np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no golden vectors in {GOLDEN}")
@pytest.mark.parametrize("pair", PAIRS)
def test_scores_are_those_of_the_papers_shared_code_in_float64(pair):
    """Made by HDR-Transformer's utils on float32 and the same in float64 with the prediction clipped."""
    results = json.loads((GOLDEN / "psnr_ssim_golden.json").read_text())["results"]
    row = next(row for row in results if row["pair"] == pair)
    prediction, truth = (np.load(GOLDEN / "inputs" / f"{pair}_{part}.npy") for part in ("test", "ref"))
    for score, name in ((psnr_l, "PSNR_L_clip_f64"), (psnr_mu, "PSNR_mu_clip_f64")):
        assert score(prediction, truth) == pytest.approx(float(row[name]), abs=1e-9)


def test_equal_pictures_score_infinity(picture):
    assert psnr_l(picture, picture) == math.inf
    assert psnr_mu(picture, picture.copy()) == math.inf


@given(st.floats(1e-4, 0.5))
def test_a_uniform_error_scores_its_size_in_decibels(error):
    truth = np.full((4, 5, 3), 0.5)
    assert psnr_l(truth + error, truth) == pytest.approx(-20 * math.log10(error))


def test_the_mu_law_takes_black_to_0_and_white_to_1():
    black, white = np.zeros((2, 2, 3)), np.ones((2, 2, 3))
    assert psnr_mu(black, white) == pytest.approx(0)


def test_only_the_prediction_is_clipped():
    white, brighter = np.ones((2, 2, 3)), np.full((2, 2, 3), 1.5)
    assert psnr_l(brighter, white) == math.inf
    assert psnr_l(white, brighter) == pytest.approx(-20 * math.log10(0.5))


def test_predictions_below_minus_one_over_mu_are_black_and_not_nan():
    black = np.zeros((2, 2, 3))
    assert psnr_mu(black - 0.01, black) == math.inf


def test_small_errors_count_more_in_the_shadows_after_the_mu_law():
    dark, bright = np.full((2, 2, 3), 0.001), np.full((2, 2, 3), 0.8)
    in_the_dark = psnr_mu(dark + 0.001, dark)
    assert in_the_dark < psnr_mu(bright + 0.001, bright) - 20


def test_pictures_of_different_shapes_are_refused_with_both(picture):
    with pytest.raises(BadInputError, match=r"\(20, 30, 3\).*\(20, 29, 3\)"):
        psnr_l(picture, picture[:, 1:])
    with pytest.raises(BadInputError, match="pixels"):
        psnr_mu(picture[:0], picture[:0])

"""What all metrics take and refuse."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from hdrfuse.errors import BadInputError
from hdrfuse.metrics import hdrvdp2, psnr_l, psnr_mu, pu21_psnr, pu21_ssim, ssim_l, ssim_mu


def hdrvdp2_quality(image, reference):
    return hdrvdp2(image, reference, pixels_per_degree=30).q


every_metric = pytest.mark.parametrize(
    "score", [psnr_l, psnr_mu, ssim_l, ssim_mu, pu21_psnr, pu21_ssim, hdrvdp2_quality]
)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    reference = rng.random((18, 23, 3))
    return (reference + rng.normal(0, 0.02, reference.shape)).clip(0, 1), reference


@every_metric
def test_tensors_and_arrays_score_the_same_in_any_layout_and_order(score, pictures):
    image, reference = pictures
    expected = pytest.approx(score(image, reference), abs=1e-12)
    assert isinstance(score(image, reference), float)
    tensors = [torch.from_numpy(picture) for picture in pictures]
    assert score(*tensors) == expected
    assert score(tensors[0].requires_grad_(), reference) == expected
    assert score(image, tensors[1]) == expected
    mirrored = [picture[:, ::-1].copy()[:, ::-1] for picture in pictures]  # negative strides
    assert score(*mirrored) == expected
    assert score(np.asfortranarray(image), reference.astype(">f8")) == expected
    locked = [picture.copy() for picture in pictures]
    for picture in locked:
        picture.flags.writeable = False
    assert score(*locked) == expected


@every_metric
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_small_floats_are_measured_in_float64(score, dtype, pictures):
    small = [picture.astype(dtype) for picture in pictures]
    assert score(*small) == score(*(picture.astype(np.float64) for picture in small))


@every_metric
def test_scoring_leaves_the_pictures_alone(score, pictures):
    before = [picture.copy() for picture in pictures]
    score(*pictures)
    score(*(torch.from_numpy(picture) for picture in pictures))
    assert all((a == b).all() for a, b in zip(before, pictures, strict=True))


@every_metric
@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_picture_and_place(score, as_tensor, value, pictures):
    for index, name in enumerate(("image", "reference")):
        given = [picture.copy() for picture in pictures]
        given[index][3, 4, 1] = value
        if as_tensor:
            given = [torch.from_numpy(picture) for picture in given]
        with pytest.raises(BadInputError, match=rf"^{name}: 1 values .* \({value}\) at \(3, 4, 1\)"):
            score(*given)


@every_metric
def test_integers_are_refused(score, pictures):
    image, reference = pictures
    with pytest.raises(BadInputError, match=r"^image holds uint8; .* floats"):
        score((255 * image).astype(np.uint8), reference)
    with pytest.raises(BadInputError, match=r"^reference holds torch.int32; .* floats"):
        score(image, torch.from_numpy(reference).int())


@every_metric
def test_what_is_no_picture_is_refused(score, pictures):
    image, reference = pictures
    with pytest.raises(BadInputError, match=r"\(18, 23, 3\).*\(18, 22, 3\)"):
        score(image, reference[:, 1:])
    with pytest.raises(BadInputError, match="pixels"):
        score(image[:0], reference[:0])
    with pytest.raises(BadInputError, match="image is a list"):
        score(image.tolist(), reference)


def test_importing_the_metrics_does_not_import_torch():
    code = "import sys, hdrfuse.metrics.hdrvdp2; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_psnr_of_arrays_does_without_torch():
    code = (
        "import sys, numpy; from hdrfuse.metrics import psnr_mu, pu21_psnr; a = numpy.ones((4, 4, 3)); "
        "psnr_mu(a, a), pu21_psnr(a, a); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

"""All metrics against the reference software."""

import golden_scores
import numpy as np
import pytest

from hdrfuse.metrics import hdrvdp2, psnr_l, psnr_mu, pu21_psnr, ssim_l, ssim_mu

not_here = pytest.mark.skipif(not golden_scores.ALL.is_dir(), reason=golden_scores.MISSING)
here_or_shared = pytest.mark.parametrize(
    "pair", [*golden_scores.COMMITTED, *(pytest.param(name, marks=not_here) for name in golden_scores.OTHERS)]
)
not_daily = [not_here, pytest.mark.slow]
here_or_slow = pytest.mark.parametrize(
    "pair", [*golden_scores.COMMITTED, *(pytest.param(name, marks=not_daily) for name in golden_scores.OTHERS)]
)


@here_or_shared
def test_psnr_and_ssim_are_those_of_the_papers_shared_code(pair):
    image, reference = golden_scores.pair(pair)
    expected = golden_scores.psnr_ssim(pair)
    assert psnr_l(image, reference) == pytest.approx(expected["PSNR_L_clip_f64"], abs=1e-9)
    assert psnr_mu(image, reference) == pytest.approx(expected["PSNR_mu_clip_f64"], abs=1e-9)
    assert pu21_psnr(image, reference) == pytest.approx(expected["PU21_PSNR_rgb_peak1000"], abs=1e-9)
    assert ssim_l(image, reference) == pytest.approx(expected["SSIM_L"], abs=1e-8)  # made from float32
    assert ssim_mu(image, reference) == pytest.approx(expected["SSIM_mu"], abs=1e-8)


@here_or_slow
def test_hdrvdp2_is_that_of_the_software_in_octave(pair):
    rows = golden_scores.hdrvdp(pair)
    assert len(rows) == 10
    for row in rows:
        found = hdrvdp2(*as_measured(pair, row), **keywords(row))
        assert found.q == pytest.approx(row["Q"], abs=1e-9), row["config"]
        assert found.p_det == pytest.approx(row["P_det"], abs=1e-9), row["config"]
        assert found.c_max == pytest.approx(row["C_max"], rel=1e-9), row["config"]
        assert found.p_map.mean() == pytest.approx(row["P_map_mean"], abs=1e-9), row["config"]


def as_measured(pair, row):
    pictures = (picture.astype(np.float64) for picture in golden_scores.pair(pair))
    if row["color_encoding"] == "luminance":
        return tuple((picture @ [0.2126, 0.7152, 0.0722])[..., None] for picture in pictures)
    return tuple(pictures)


def keywords(row):
    given = {"color_encoding": row["color_encoding"], "pixels_per_degree": row["ppd"]}
    if row["scale"] != 1:
        given["peak_luminance_cd_m2"] = row["scale"]
    names = {"rgb_display": "display", "surround_l": "surround"}
    return given | {names[name]: value for name, value in row["options"].items()}

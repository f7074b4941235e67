"""Matrices between RGB, XYZ and whites are those that the standards print."""

import numpy as np
import pytest

from hdrfuse.errors import UsageError
from hdrfuse.formats import REC709
from hdrfuse.formats.colorimetry import adaptation, rgb_to_xyz, xy_to_xyz, xyz_to_xy
from hdrfuse.formats.icc import ADOBE_RGB, PUBLISHED


def test_rec709_has_the_matrix_that_the_srgb_standard_prints():
    """IEC 61966-2-1, with its four decimals."""
    printed = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    np.testing.assert_allclose(rgb_to_xyz(REC709), printed, atol=6e-5)


def test_adobe_rgb_has_the_matrix_that_its_specification_prints():
    """Adobe RGB (1998) Color Image Encoding, section 4.3.5.3."""
    printed = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    np.testing.assert_allclose(rgb_to_xyz(ADOBE_RGB), printed, atol=6e-5)


def test_bradford_takes_d65_to_d50_as_icc_profiles_do():
    """The 'chad' tag of sRGB profiles, from the ICC's own sRGB characterisation."""
    printed = [
        [1.047882, 0.022919, -0.050217],
        [0.029587, 0.990479, -0.017060],
        [-0.009247, 0.015075, 0.751678],
    ]
    np.testing.assert_allclose(adaptation(xy_to_xyz(0.3127, 0.3290), xy_to_xyz(0.3457, 0.3585)), printed, atol=4e-4)


@pytest.mark.parametrize("space", PUBLISHED)
def test_white_has_luminance_1_and_its_own_chromaticity(space):
    white = rgb_to_xyz(space) @ np.ones(3)
    np.testing.assert_allclose(white, xy_to_xyz(*space[6:]), atol=1e-12)
    np.testing.assert_allclose(xyz_to_xy(white), space[6:], atol=1e-12)


def test_adaptation_takes_one_white_to_the_other():
    d65, d50 = np.array([0.9505, 1, 1.089]), np.array([0.9642, 1, 0.8249])
    np.testing.assert_allclose(adaptation(d65, d50) @ d65, d50, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        (0.64, 0.33, 0.64, 0.33, 0.15, 0.06, 0.3127, 0.3290),
        (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.0),
        (0.64, 0.33, 0.30, float("nan"), 0.15, 0.06, 0.3127, 0.3290),
    ],
)
def test_chromaticities_that_span_no_colours_are_refused(wrong):
    with pytest.raises(UsageError, match="chromaticities"):
        rgb_to_xyz(wrong)

"""The steps of HDR-VDP-2 against independent software or what must hold of them."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hdrfuse.metrics.hdrvdp2.csf import FITTED, FITTED_CD_M2, neural_csf
from hdrfuse.metrics.hdrvdp2.fourier import filtered, frequencies
from hdrfuse.metrics.hdrvdp2.lookup import LookupTable
from hdrfuse.metrics.hdrvdp2.optics import modulation_transfer
from hdrfuse.metrics.hdrvdp2.photoreceptors import response_tables
from hdrfuse.metrics.hdrvdp2.pyramid import convolved, correlated, decompose, fast_size, filters, recompose
from hdrfuse.metrics.hdrvdp2.resize import resized


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


@pytest.mark.parametrize("shape", [(15, 17), (40, 33)])
def test_pictures_are_filtered_as_opencv_does(shape):
    picture = noise(*shape)
    kernels = [filters()["hi0"], filters()["bands"]]
    found = correlated(torch.from_numpy(picture), kernels)
    assert len(found) == 5
    for kernel, plane in zip((k for group in kernels for k in group), found, strict=True):
        expected = cv2.filter2D(picture, -1, kernel.numpy(), borderType=cv2.BORDER_REFLECT_101)
        np.testing.assert_allclose(plane.numpy(), expected, atol=1e-12)


def test_convolution_turns_the_filters_around_and_adds_up():
    pictures, kernels = noise(4, 20, 31), filters()["bands"]
    expected = sum(
        cv2.filter2D(picture, -1, kernel.numpy()[::-1, ::-1].copy(), borderType=cv2.BORDER_REFLECT_101)
        for picture, kernel in zip(pictures, kernels, strict=True)
    )
    np.testing.assert_allclose(convolved(torch.from_numpy(pictures), [kernels]).numpy(), expected, atol=1e-12)


def test_a_pyramid_has_an_octave_a_level_and_odd_sides_are_rounded_up():
    assert [tuple(band.shape) for band in decompose(torch.zeros(125, 187))] == [
        (1, 125, 187),
        (4, 125, 187),
        (4, 63, 94),
        (4, 32, 47),
        (1, 16, 24),
    ]
    assert [tuple(band.shape) for band in decompose(torch.zeros(16, 40))] == [(1, 16, 40), (1, 16, 40)]


def test_the_bands_of_a_picture_give_it_back_away_from_the_edges():
    picture = np.zeros((160, 144))
    picture[70:90, 60:84] = noise(20, 24)
    found = recompose(decompose(torch.from_numpy(picture))).numpy()
    np.testing.assert_allclose(found, picture, atol=0.03)  # the filters are a fit


@settings(deadline=None)
@given(st.integers(1, 5000))
def test_fast_lengths_are_no_shorter_and_have_small_factors(length):
    size = fast_size(length)
    assert length <= size <= 1.2 * length
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


@settings(deadline=None)
@given(*[st.integers(24, 60)] * 4)
def test_resizing_is_pillows_bicubic_away_from_the_edges(height, width, new_height, new_width):
    picture = noise(height, width).astype(np.float32)
    found = resized(torch.from_numpy(picture.astype(np.float64)), new_height, new_width).numpy()
    expected = np.asarray(Image.fromarray(picture).resize((new_width, new_height), Image.Resampling.BICUBIC))
    inner = slice(6, -6)
    np.testing.assert_allclose(found[inner, inner], expected[inner, inner], atol=1e-5)


def test_resizing_mirrors_the_edges_and_keeps_flat_planes_flat():
    ramp = torch.arange(24, dtype=torch.float64)[None].expand(24, 24)
    mirrored = torch.cat([ramp.flip(1), ramp, ramp.flip(1)], dim=1)
    np.testing.assert_allclose(resized(ramp, 24, 12), resized(mirrored, 24, 36)[:, 12:24], atol=1e-12)
    np.testing.assert_allclose(resized(torch.full((2, 9, 11), 7.0), 20, 4), 7.0, atol=1e-5)


@settings(deadline=None)
@given(st.floats(-2, 3))
def test_a_lookup_is_numpys_interpolation(at):
    values = noise(11)
    found = LookupTable(-2.0, 3.0, torch.from_numpy(values))(torch.tensor([at], dtype=torch.float64))
    assert float(found) == pytest.approx(np.interp(at, np.linspace(-2, 3, 11), values), abs=1e-12)


def test_a_filter_of_gain_1_changes_nothing_and_gain_0_leaves_nothing():
    plane, surround = torch.from_numpy(noise(9, 14)), torch.tensor(0.3, dtype=torch.float64)
    grid = frequencies((9, 14), 30.0, plane.device)
    np.testing.assert_allclose(filtered(plane, torch.ones_like(grid), surround), plane, atol=1e-12)
    np.testing.assert_allclose(filtered(plane, torch.zeros_like(grid), surround), 0, atol=1e-12)
    assert float(grid.max()) == pytest.approx(np.hypot(15, 15))


def test_a_flat_picture_in_a_surround_of_its_own_light_stays_flat_behind_any_optics():
    grid = frequencies((200, 150), 30.0, torch.device("cpu"))
    light = torch.full((200, 150), 5.0, dtype=torch.float64)
    np.testing.assert_allclose(filtered(light, modulation_transfer(grid), light[0, 0]), 5.0, atol=1e-12)


def test_optics_let_low_frequencies_pass_and_lose_high_ones():
    gain = modulation_transfer(torch.tensor([0.0, 1, 5, 10, 30, 60], dtype=torch.float64)).numpy()
    assert gain[0] == pytest.approx(1)
    assert (np.diff(gain) < 0).all()


def test_responses_rise_with_light_and_rods_stop_where_cones_go_on():
    cone, rod = response_tables()
    assert (np.diff(cone) > 0).all()
    assert (np.diff(rod) >= 0).all()
    assert rod[-1] - rod[1400] < 0.01 * rod[-1]  # above 70 cd/m2
    assert cone[-1] - cone[1400] > 0.3 * cone[-1]


def test_sensitivity_is_the_fits_at_its_luminances_peaks_between_and_holds_outside():
    for index, luminance in enumerate(FITTED_CD_M2):
        p1, p2, p3, p4 = (values[index] for values in FITTED)
        expected = p4 / np.sqrt((1 + (p1 * 4.0) ** p2) / (1 - np.exp(-((4.0 / 7) ** 2))) ** p3)
        assert neural_csf(4.0, luminance) == pytest.approx(expected)
    curve = neural_csf(np.array([0, 0.5, 4, 40]), 20.0)
    assert curve[0] == 0
    assert curve.argmax() == 2
    assert neural_csf(4.0, 1e5) == neural_csf(4.0, 150.0)

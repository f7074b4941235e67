import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.metrics import hdrvdp2
from hdrfuse.metrics.hdrvdp2 import PRESETS, Screen


def scene(height=40, width=52, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.random((height, width, 3)), axis=1) / width


@settings(max_examples=20, deadline=None)
@given(st.integers(15, 40), st.integers(15, 40), st.sampled_from(list(PRESETS)), st.integers(0, 9))
def test_equal_pictures_of_any_size_have_quality_100_and_nothing_to_see(height, width, preset, seed):
    picture = 2 * scene(height, width, seed) - 0.5
    found = hdrvdp2(picture, picture.copy(), preset=preset)
    assert found.q == 100
    assert found.p_det == 0
    assert found.c_max == 0
    assert found.p_map.shape == (height, width)


def test_stronger_noise_is_worse_and_seen_more():
    reference, noise = scene(), np.random.default_rng(1).normal(size=(40, 52, 3))
    qualities, seen = zip(
        *(
            (found.q, found.p_det)
            for found in (hdrvdp2(reference + size * noise, reference, preset="sctnet") for size in (1e-4, 1e-3, 1e-2))
        ),
        strict=True,
    )
    assert 100 > qualities[0] > qualities[1] > qualities[2]
    assert 0 < seen[0] < seen[1] < seen[2] <= 1


def test_damage_is_seen_where_it_is():
    reference = scene(96, 128)
    image = reference.copy()
    image[20:28, 30:40] += 0.05
    p_map = hdrvdp2(image, reference, preset="calibrated").p_map
    assert p_map.dtype == np.float64
    assert p_map.min() >= 0
    assert p_map[20:28, 30:40].max() == p_map.max() > 0.9
    assert p_map[70:].max() < 0.01
    assert p_map[:, 90:].max() < 0.01


@pytest.mark.parametrize("encoding", ["sRGB-display", "rgb-bt.709", "XYZ"])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (0.0, 0.0), (0.5, 8.0), (0.0, 1e5)])
def test_negative_black_and_bright_pictures_score_a_number(encoding, low, high):
    reference = low + (high - low) * scene()
    image = reference[:, ::-1]
    found = hdrvdp2(image, reference, color_encoding=encoding, pixels_per_degree=30)
    assert np.isfinite([found.q, found.p_det, found.c_max]).all()
    assert np.isfinite(found.p_map).all()
    assert found.q <= 100


def test_a_picture_in_black_surround_differs_from_one_in_its_own_mean():
    image, reference = scene(seed=1), scene()
    dark = hdrvdp2(image, reference, preset="calibrated")
    lit = hdrvdp2(image, reference, preset="calibrated", surround=-1)
    mean = float(np.exp(np.log(1000 * scene()[..., 0]).mean()))
    alike = hdrvdp2(image, reference, preset="calibrated", surround=mean)
    assert abs(alike.q - lit.q) < 0.1 * abs(dark.q - lit.q)  # the channels' means differ a little
    with pytest.raises(BadInputError, match="reference has negative light"):
        hdrvdp2(image, reference - 0.5, preset="calibrated", surround=-1)


def test_peak_luminance_scales_linear_light():
    image, reference = scene(seed=1), scene()
    by_hand = hdrvdp2(1000 * image, 1000 * reference, color_encoding="rgb-bt.709", pixels_per_degree=30)
    assert hdrvdp2(image, reference, preset="calibrated").q == pytest.approx(by_hand.q, abs=1e-9)
    grey = [1000 * picture[..., :1] for picture in (image, reference)]
    by_hand = hdrvdp2(*grey, color_encoding="luminance", pixels_per_degree=30)
    ours = hdrvdp2(image[..., :1], reference[..., :1], preset="calibrated", color_encoding="luminance")
    assert ours.q == pytest.approx(by_hand.q, abs=1e-9)


def test_xyz_and_rgb_of_the_same_light_score_the_same():
    to_rgb = np.array(
        [[3.240708, -1.537259, -0.498570], [-0.969257, 1.875995, 0.041555], [0.055636, -0.203996, 1.057069]]
    )
    image, reference = (100 * picture for picture in (scene(seed=1), scene()))
    as_xyz = [picture @ np.linalg.inv(to_rgb).T for picture in (image, reference)]
    rgb = hdrvdp2(image, reference, color_encoding="rgb-bt.709", pixels_per_degree=30)
    assert hdrvdp2(*as_xyz, color_encoding="XYZ", pixels_per_degree=30).q == pytest.approx(rgb.q, abs=1e-6)


def test_luma_is_the_display_curve_of_one_channel():
    luma = [picture[..., :1] for picture in (scene(seed=1), scene())]
    light = [99 * picture**2.2 + 1 for picture in luma]
    by_hand = hdrvdp2(*light, color_encoding="luminance", pixels_per_degree=30)
    assert hdrvdp2(*luma, color_encoding="luma-display", pixels_per_degree=30).q == pytest.approx(by_hand.q, abs=1e-9)


def test_pixels_per_degree_are_those_of_the_screens_in_the_papers():
    assert Screen(diagonal_in=28, distance_m=0.55).pixels_per_degree(1500, 1000) == pytest.approx(25.3423652420868)
    assert Screen(diagonal_in=24, distance_m=0.5).pixels_per_degree(1500, 1000) == pytest.approx(26.7626964625543)
    assert Screen(diagonal_in=24, distance_m=0.5).pixels_per_degree(1920, 1080) == pytest.approx(32.4529519502727)
    fixed = Screen(diagonal_in=30, distance_m=0.55, resolution=(1500, 1000))
    assert fixed.pixels_per_degree(64, 64) == pytest.approx(23.7873575477259)


def test_a_score_says_under_which_conditions_it_was_measured():
    image, reference = scene(seed=1), scene()
    viewing = hdrvdp2(image, reference).viewing
    assert (viewing.preset, viewing.color_encoding, viewing.display) == ("safnet", "sRGB-display", "ccfl-lcd")
    assert viewing.pixels_per_degree == Screen(diagonal_in=28, distance_m=0.55).pixels_per_degree(52, 40)
    viewing = hdrvdp2(image, reference, preset="calibrated", pixels_per_degree=45, display="crt", surround=13).viewing
    assert (viewing.color_encoding, viewing.peak_luminance_cd_m2) == ("rgb-bt.709", 1000)
    assert (viewing.pixels_per_degree, viewing.display, viewing.surround) == (45, "crt", 13)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"preset": "imax"}, "'imax'; one of safnet, deephdrvideo, sctnet, calibrated"),
        ({"color_encoding": "srgb"}, "color encoding 'srgb'; one of sRGB-display"),
        ({"display": "oled"}, "display 'oled'; one of ccfl-lcd, led-lcd, crt"),
        ({"pixels_per_degree": 0}, "pixels_per_degree 0; a positive number"),
        ({"pixels_per_degree": float("nan")}, "pixels_per_degree nan"),
        ({"surround": -2}, "surround -2; cd/m2, or -1"),
        ({"peak_luminance_cd_m2": 1000}, "sRGB-display is not linear"),
    ],
)
def test_keywords_that_make_no_sense_are_named(given, said):
    with pytest.raises(UsageError, match=said):
        hdrvdp2(scene(), scene(), **given)


def test_channels_must_be_those_of_the_encoding():
    picture = scene()
    with pytest.raises(BadInputError, match="3 channels; color encoding luminance takes 1"):
        hdrvdp2(picture, picture, color_encoding="luminance")
    with pytest.raises(BadInputError, match="1 channels; color encoding sRGB-display takes 3"):
        hdrvdp2(picture[..., :1], picture[..., :1])


def test_pictures_smaller_than_the_pyramids_filters_are_refused():
    with pytest.raises(BadInputError, match="30 x 14 pixels; HDR-VDP-2 needs at least 15 x 15"):
        hdrvdp2(scene(14, 30), scene(14, 30))

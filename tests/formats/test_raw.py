import os
import sys

import numpy as np
import pytest
from PIL import Image

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header, read_image, read_white_balance
from hdrfuse.formats.raw import remove_hot_pixels

pytest.importorskip("rawpy", reason="the raw extra is not installed")

BLACK, WHITE = 64, 4095


def mosaic(light, white_balance=(2.0, 1.0, 1.5), exposure=1.0):
    """A noiseless RGGB mosaic of linear light (H, W, 3) in 0..1, as a sensor with these gains sees it."""
    height, width = light.shape[:2]
    raw = np.empty((height, width))
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        raw[row::2, column::2] = light[row::2, column::2, channel] / white_balance[channel]
    return np.clip(raw * exposure * (WHITE - BLACK) + BLACK, 0, WHITE).round().astype(np.uint16)


@pytest.fixture
def ramp():
    """Neutral linear light (60, 90, 3), dark on the left."""
    return np.broadcast_to(np.linspace(0.05, 0.9, 90)[None, :, None], (60, 90, 3)).copy()


def test_neutral_light_comes_out_linear_and_neutral(tmp_path, write_dng, ramp):
    image = read_image(write_dng(tmp_path / "a.dng", mosaic(ramp)))
    assert image.pixels.dtype == np.uint16
    assert image.header.linear
    assert image.white == 65535
    inner = image.pixels[8:-8, 8:-8] / 65535
    np.testing.assert_allclose(inner, ramp[8:-8, 8:-8], atol=0.01)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are not bytes there")
def test_a_path_that_is_no_utf_8_is_read(tmp_path, write_dng, ramp):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    path = write_dng(tmp_path / "a.dng", mosaic(ramp)).rename(folder / os.fsdecode(b"\xe9.dng"))
    expected = read_image(write_dng(tmp_path / "b.dng", mosaic(ramp)))
    np.testing.assert_array_equal(read_image(path).pixels, expected.pixels)
    assert read_white_balance(path) == read_white_balance(tmp_path / "b.dng")


def test_the_header_needs_no_pixels_and_agrees(tmp_path, write_dng, ramp):
    path = write_dng(tmp_path / "a.dng", mosaic(ramp))
    header = read_header(path)
    assert header == read_image(path).header
    assert (header.width, header.height, header.channels, header.dtype) == (90, 60, 3, "uint16")
    capture = header.capture
    assert (capture.exposure_time_s, capture.f_number, capture.iso) == (0.02, 2.8, 200)
    assert capture.camera == "Test Camera"


@pytest.mark.parametrize("stops", [-3, -2, -1])
def test_frames_of_a_bracket_are_on_one_scale_whatever_is_in_them(tmp_path, write_dng, ramp, stops):
    bright = write_dng(tmp_path / "a.dng", mosaic(ramp))
    dark = write_dng(
        tmp_path / "b.dng", mosaic(ramp, exposure=2.0**stops), white_balance=(1.2, 1.0, 2.5)
    )  # its own white balance is another
    shared = read_white_balance(bright)
    first = read_image(bright, white_balance=shared).pixels[8:-8, 30:-8].astype(float)
    second = read_image(dark, white_balance=shared).pixels[8:-8, 30:-8].astype(float)
    np.testing.assert_allclose(second / first, 2.0**stops, rtol=0.02)


def test_clipped_light_is_white_in_every_channel(tmp_path, write_dng, ramp):
    overexposed = read_image(write_dng(tmp_path / "a.dng", mosaic(ramp, exposure=8.0)))
    assert (overexposed.pixels[8:-8, 40:-8] == 65535).all()


def test_the_white_balance_is_the_camera_s(tmp_path, write_dng, ramp):
    path = write_dng(tmp_path / "a.dng", mosaic(ramp), white_balance=(1.8, 1.0, 2.2))
    assert read_white_balance(path) == pytest.approx((1.8, 1.0, 2.2, 1.0), rel=1e-3)


def test_a_white_balance_is_asked_of_raw_files_only(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="is a PNG; a white balance is read from a camera RAW file"):
        read_white_balance(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_is_applied_exactly_once(tmp_path, write_dng, ramp, orientation):
    ramp *= np.linspace(0.3, 1, 60)[:, None, None]
    upright = read_image(write_dng(tmp_path / "a.dng", mosaic(ramp))).pixels
    turned = read_image(write_dng(tmp_path / "b.dng", mosaic(ramp), orientation=orientation))
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    np.testing.assert_array_equal(turned.pixels, np.rot90(upright, turns))
    assert (turned.header.height, turned.header.width) == turned.pixels.shape[:2]


def test_a_linear_dng_is_read(tmp_path, write_dng, ramp):
    raw = (ramp / (2.0, 1.0, 1.5) * (WHITE - BLACK) + BLACK).round().astype(np.uint16)
    image = read_image(write_dng(tmp_path / "a.dng", raw))
    np.testing.assert_allclose(image.pixels / 65535, ramp, atol=0.02)  # LibRaw leaves the black in the scale


def test_a_hot_pixel_is_removed_and_a_point_of_light_is_not(tmp_path, write_dng, ramp):
    clean = mosaic(ramp * 0.1)
    hot = clean.copy()
    hot[20, 30] = hot[31, 45] = hot[0, 0] = WHITE
    cleaned = read_image(write_dng(tmp_path / "a.dng", hot)).pixels.astype(int)
    expected = read_image(write_dng(tmp_path / "b.dng", clean)).pixels.astype(int)
    assert np.abs(cleaned - expected).max() < 400
    star = ramp * 0.1
    y, x = np.mgrid[0:60, 0:90]
    star += 0.8 * np.exp(-((y - 30) ** 2 + (x - 40) ** 2) / (2 * 0.9**2))[..., None]
    raw = mosaic(star)
    colors = np.array([[0, 1], [3, 2]], np.uint8)[np.arange(60)[:, None] % 2, np.arange(90) % 2]
    assert remove_hot_pixels(raw, colors, BLACK, WHITE) == 0


def test_noise_is_not_taken_for_hot_pixels(ramp):
    rng = np.random.default_rng(5)
    electrons = rng.poisson(mosaic(ramp * 0.02) / 4.0) + rng.normal(0, 2, ramp.shape[:2])
    raw = np.clip(electrons * 4, 0, WHITE).astype(np.uint16)
    colors = np.array([[0, 1], [3, 2]], np.uint8)[np.arange(60)[:, None] % 2, np.arange(90) % 2]
    assert remove_hot_pixels(raw, colors, BLACK, WHITE) == 0


@pytest.mark.parametrize("kept", [10, 100, 500, 5000, -1])
def test_a_truncated_raw_file_is_refused_without_noise(tmp_path, write_dng, ramp, kept, capfd):
    path = write_dng(tmp_path / "a.dng", mosaic(ramp))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert capfd.readouterr() == ("", "")


def test_text_named_dng_is_refused(tmp_path):
    path = tmp_path / "a.dng"
    path.write_text("nothing that a camera wrote\n" * 100)
    with pytest.raises(ImageError, match="no RAW file that LibRaw reads"):
        read_image(path)


def test_a_plain_tiff_named_dng_is_refused(tmp_path, picture):
    path = tmp_path / "a.dng"
    Image.fromarray(picture).save(path, "TIFF")
    with pytest.raises(ImageError, match="no RAW file that LibRaw reads"):
        read_image(path)

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header, read_image
from hdrfuse.formats.icc import ADOBE_RGB, DISPLAY_P3, linear_profile


def jpeg(pixels, mode="RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", **{"quality": 95, "subsampling": 0} | options)
    return buffer.getvalue()


def test_a_jpeg_has_the_pixels_that_pillow_reads(tmp_path, picture):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture))
    image = read_image(path)
    assert image.pixels.dtype == np.uint8
    assert image.white == 255
    np.testing.assert_array_equal(image.pixels, np.asarray(Image.open(path)))
    assert image.header == read_header(path)
    assert (image.header.width, image.header.height, image.header.channels) == (71, 49, 3)


def test_a_progressive_jpeg_is_read(tmp_path, picture):
    path = tmp_path / "a.jpeg"
    path.write_bytes(jpeg(picture, progressive=True))
    np.testing.assert_array_equal(read_image(path).pixels, np.asarray(Image.open(path)))


def test_a_grey_jpeg_says_one_channel_and_has_three_equal_ones(tmp_path, picture):
    path = tmp_path / "a.JPG"
    path.write_bytes(jpeg(picture, "L"))
    image = read_image(path)
    assert image.header.channels == 1
    np.testing.assert_array_equal(image.pixels, np.repeat(np.asarray(Image.open(path))[..., None], 3, axis=2))


def test_a_cmyk_jpeg_without_profile_becomes_rgb(tmp_path, picture):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, "CMYK", quality=100))
    difference = read_image(path).pixels.astype(int) - picture
    assert np.abs(difference).max() <= 6


def test_a_cmyk_jpeg_goes_through_its_profile(tmp_path, picture, monkeypatch):
    asked = []
    convert = ImageCms.profileToProfile

    def noting(image, source, target, **options):
        asked.append(ImageCms.getProfileDescription(source))
        return convert(image.convert("RGB"), target, target, **options)

    monkeypatch.setattr(ImageCms, "profileToProfile", noting)
    fake = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    fake[16:20] = b"CMYK"
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, "CMYK", icc_profile=bytes(fake)))
    assert read_image(path).pixels.shape == picture.shape
    assert len(asked) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, exif=exif))
    with Image.open(path) as stored:
        from PIL import ImageOps

        upright = np.asarray(ImageOps.exif_transpose(stored))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, upright)
    assert image.pixels.flags.c_contiguous
    assert (read_header(path).height, read_header(path).width) == upright.shape[:2]
    carried = Image.Exif()
    carried.load(image.exif)
    assert carried[274] == 1


@pytest.mark.parametrize("chromaticities", [DISPLAY_P3, ADOBE_RGB])
def test_an_embedded_profile_gives_primaries_and_linearity(tmp_path, picture, chromaticities):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, icc_profile=linear_profile(chromaticities)))
    header = read_header(path)
    assert header.chromaticities == chromaticities
    assert header.linear


def test_the_interoperability_index_of_adobe_rgb_is_believed_where_no_profile_is(tmp_path, picture):
    exif = Image.Exif()
    exif.get_ifd(34665)[40961] = 0xFFFF
    exif.get_ifd(34665)[40965] = {1: "R03", 2: b"0100"}
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, exif=exif))
    assert read_header(path).chromaticities == ADOBE_RGB


def test_data_behind_the_end_of_the_picture_is_no_damage(tmp_path, picture):
    path = tmp_path / "motion.jpg"
    path.write_bytes(jpeg(picture) + b"\0\0\0\x18ftypmp42" + bytes(range(256)))
    assert read_image(path).pixels.shape == picture.shape


def test_a_preview_inside_the_header_does_not_count_as_the_picture(tmp_path, picture):
    whole = jpeg(picture)
    preview = jpeg(picture[:16, :16])
    segment = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert read_image(path).pixels.shape == picture.shape
    path.write_bytes((whole[:2] + segment + whole[2:])[:-2])
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_a_header_larger_than_the_first_block_is_read(tmp_path, picture):
    whole = jpeg(picture)
    filler = b"\xff\xe2" + struct.pack(">H", 65535) + bytes(65533)
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + filler * 6 + whole[2:])
    assert read_header(path).width == 71


@pytest.mark.parametrize("kept", [3, 100, 400, -1, -2])
def test_a_truncated_jpeg_is_refused(tmp_path, noisy, kept):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(noisy)[:kept])
    with pytest.raises(ImageError, match="truncated") as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_jpeg_cut_short_and_closed_with_an_end_marker_is_refused(tmp_path, noisy):
    path = tmp_path / "a.jpg"
    whole = jpeg(noisy)
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    with pytest.raises(ImageError, match="damaged JPEG"):
        read_image(path)


def test_a_12_bit_jpeg_is_refused_with_both_numbers(tmp_path, picture):
    data = bytearray(jpeg(picture))
    data[data.index(b"\xff\xc0") + 4] = 12
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="12-bit JPEG; expected 8 bits"):
        read_header(path)


def test_a_lie_about_the_size_is_refused_before_decoding(tmp_path, picture):
    data = bytearray(jpeg(picture))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 60_000, 17_000)
    path: Path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="17000x60000"):
        read_header(path)

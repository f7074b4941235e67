import io
import struct
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from cost import costs_at_most
from PIL import Image, ImageOps

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header, read_image, refusal
from hdrfuse.formats.icc import ADOBE_RGB, DISPLAY_P3, linear_profile
from hdrfuse.formats.jpeg_segments import SOS, segments


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


def cmyk_profile() -> bytes:
    """A printer profile whose cyan is Lab (75, -30, -40), and whose black is black (lut8Type, two grid points)."""
    corners = bytearray()
    for cyan, magenta, yellow, black in product((0, 1), repeat=4):
        lab = (255 - 64 * (cyan + magenta + yellow), 128 + 60 * magenta - 30 * cyan, 128 + 70 * yellow - 40 * cyan)
        corners += bytes((0, 128, 128) if black else lab)
    identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + ramp * 4 + bytes(corners) + ramp * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"text\0\0\0\0CC0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 4) + b"ink\0" + bytes(78)
    tags = {b"desc": name, b"cprt": text, b"wtpt": white, b"A2B0": table}
    listing, data, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, body in tags.items():
        listing += struct.pack(">4sII", tag, start + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(data), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp")
    return head.ljust(68, b"\0") + white[8:] + bytes(48) + listing + data


def test_a_cmyk_jpeg_goes_through_its_profile(tmp_path):
    path = tmp_path / "a.jpg"
    seen = {}
    for name, ink in (("paper", (0, 0, 0, 0)), ("cyan", (255, 0, 0, 0)), ("black", (0, 0, 0, 255))):
        Image.new("CMYK", (16, 16), ink).save(path, quality=100, icc_profile=cmyk_profile())
        seen[name] = read_image(path).pixels[8, 8].tolist()
    assert seen["paper"] == pytest.approx([255, 255, 255], abs=2)
    assert seen["black"] == pytest.approx([0, 0, 0], abs=2)
    assert seen["cyan"] == pytest.approx([0, 203, 255], abs=3)  # scikit-image: lab2rgb((74.9, -30, -40))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(picture, exif=exif))
    with Image.open(path) as stored:
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


def lying(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header."""
    at = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_behind_the_end_speak_for_no_size(tmp_path, picture, progressive):
    path = tmp_path / "a.jpg"
    path.write_bytes(lying(jpeg(picture, progressive=progressive), 17_000, 17_000) + bytes(400_000))
    with pytest.raises(ImageError, match="17000x17000"):
        read_image(path)


@pytest.mark.parametrize(
    ("options", "pixel_bytes"), [({}, 3), ({"progressive": True}, 9), ({"progressive": True, "subsampling": 2}, 6)]
)
def test_a_picture_is_refused_where_pixels_and_coefficients_do_not_fit(tmp_path, monkeypatch, options, pixel_bytes):
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(pixels, **options))
    needed = 2000 * 3000 * pixel_bytes + path.stat().st_size
    monkeypatch.setattr(refusal, "ALWAYS_AFFORDABLE_BYTES", 2**22)
    monkeypatch.setattr(refusal, "free_bytes", lambda: needed - 1)
    with pytest.raises(ImageError, match=r"a.jpg: needs 0.\d GB, 0.\d GB are free"):
        read_image(path)
    monkeypatch.setattr(refusal, "free_bytes", lambda: needed)
    assert read_image(path).pixels.shape == pixels.shape


def test_a_picture_of_countless_scans_is_refused_before_it_is_decoded(tmp_path):
    whole = jpeg(np.full((2000, 2000, 3), 128, np.uint8), "L", progressive=True)
    last = whole.rindex(b"\xff\xda")
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:last] + whole[last:-2] * 20_000 + b"\xff\xd9")
    with costs_at_most(1.0), pytest.raises(ImageError, match="more than 100 scans"):
        read_image(path)


@pytest.mark.parametrize("junk", [b"\0", b"\xff" * 9, b"\0" * 70, b"junk", b"\xff\0\xff\0", b"\x12\xff\xff"])
@pytest.mark.parametrize("progressive", [False, True])
def test_stray_bytes_between_segments_are_skipped(tmp_path, noisy, camera_exif, junk, progressive):
    clean, path = tmp_path / "clean.jpg", tmp_path / "a.jpg"
    whole = jpeg(noisy, progressive=progressive, exif=camera_exif, icc_profile=linear_profile(DISPLAY_P3))
    clean.write_bytes(whole)
    expected = read_image(clean)
    listed = list(segments(whole))
    places = [after.start for before, after in pairwise(listed) if before.marker != SOS]  # else it were the scan's
    assert len(places) > 4
    for at in places:
        path.write_bytes(whole[:at] + junk + whole[at:])
        image = read_image(path)
        np.testing.assert_array_equal(image.pixels, expected.pixels)
        assert image.header == replace(expected.header, path=path) == read_header(path)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("padding", [b"\0", bytes(700), b"\0\0\xff\xff"])
def test_zeros_before_the_end_marker_are_no_damage(tmp_path, noisy, options, padding):
    clean, path = tmp_path / "clean.jpg", tmp_path / "a.jpg"
    whole = jpeg(noisy, **options)
    clean.write_bytes(whole)
    path.write_bytes(whole[:-2] + padding + whole[-2:])
    np.testing.assert_array_equal(read_image(path).pixels, read_image(clean).pixels)


@pytest.mark.parametrize("lost", [50, 100, 300, 900])
def test_zeros_in_the_place_of_pixels_are_damage(tmp_path, noisy, lost):
    path = tmp_path / "a.jpg"
    whole = jpeg(noisy)
    path.write_bytes(whole[: -2 - lost] + bytes(lost) + whole[-2:])
    with pytest.raises(ImageError, match="damaged JPEG"):
        read_image(path)


def test_garbage_and_second_pictures_behind_the_end_are_not_this_picture(tmp_path, noisy, picture):
    clean, path = tmp_path / "clean.jpg", tmp_path / "a.jpg"
    clean.write_bytes(jpeg(noisy))
    for more in (b"\0", b"\xff" * 5, b"\xff\xd9", jpeg(picture), jpeg(picture)[:300], b"\r\n" * 9):
        path.write_bytes(jpeg(noisy) + more)
        np.testing.assert_array_equal(read_image(path).pixels, read_image(clean).pixels)


def test_stray_bytes_without_end_cost_no_time(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8" + b"\xff" * 4_000_000 + b"\0")
    with costs_at_most(1.0), pytest.raises(ImageError, match="truncated"):
        read_header(path)

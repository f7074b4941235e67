import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from cost import costs_at_most
from PIL import Image, PngImagePlugin

from hdrfuse.errors import ImageError
from hdrfuse.formats import REC709, Capture, read_header, read_image, refusal
from hdrfuse.formats.icc import ADOBE_RGB, DISPLAY_P3, REC2020, linear_profile

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(pixels, *, interlaced=False, before=b"", compressed=None) -> bytes:
    height, width = pixels.shape[:2]
    parts = [pixels[y::down, x::right] for x, y, right, down in ADAM7] if interlaced else [pixels]
    big_endian = [part.astype(part.dtype.newbyteorder(">")) for part in parts if part.size]
    rows = b"".join(b"\0" + row.tobytes() for part in big_endian for row in part)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.dtype.itemsize, 2, 0, 0, interlaced)
    data = chunk(b"IDAT", zlib.compress(rows) if compressed is None else compressed)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_every_8_bit_kind_has_the_pixels_that_pillow_reads(tmp_path, noisy, mode):
    path = tmp_path / "a.png"
    alpha = np.full((*noisy.shape[:2], 1), 90, np.uint8)
    Image.fromarray(np.concatenate([noisy, alpha], axis=2)).convert(mode).save(path)
    image = read_image(path)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGBA"))[..., :3]
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.header.channels == (1 if mode in ("L", "LA", "1") else 3)
    assert image.white == 255
    assert image.header == read_header(path)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_stay_16_bits(tmp_path, noisy, channels):
    pixels = np.dstack([noisy, noisy[..., :1]]).astype(np.uint16)[..., :channels] * 251 + 3
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), pixels)
    image = read_image(path)
    expected = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[..., 2::-1]
    assert image.pixels.dtype == np.uint16
    assert image.header.dtype == "uint16"
    assert image.white == 65535
    np.testing.assert_array_equal(image.pixels, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(49, 71), (1, 1), (3, 2), (8, 5)])
def test_an_interlaced_png_is_read(tmp_path, noisy, dtype, size):
    pixels = noisy[: size[0], : size[1]].astype(dtype)
    path = tmp_path / "a.png"
    path.write_bytes(png(pixels, interlaced=True))
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path, exif=exif)
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, -1),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, 1),
    }
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, stored[orientation])
    assert (image.header.height, image.header.width) == image.pixels.shape[:2]


def test_exif_in_a_png_is_read(tmp_path, picture, camera_exif):
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path, exif=camera_exif)
    assert read_header(path).capture.exposure_time_s == pytest.approx(0.01)


def raw_profile(kind: bytes, profile: bytes) -> bytes:
    """A profile as ImageMagick writes it: its kind, its length, 36 bytes a line in hexadecimal."""
    lines = [profile[at : at + 36].hex().encode() for at in range(0, len(profile), 36)]
    return b"\n" + kind + b"\n" + f"{len(profile):8d}".encode() + b"\n" + b"\n".join(lines) + b"\n"


def text_chunk(name: bytes, keyword: bytes, text: bytes) -> bytes:
    if name == b"zTXt":
        return chunk(name, keyword + b"\0\0" + zlib.compress(text))
    if name == b"iTXt":
        return chunk(name, keyword + b"\0\1\0en\0\0" + zlib.compress(text))
    return chunk(name, keyword + b"\0" + text)


@pytest.mark.parametrize("name", [b"zTXt", b"tEXt", b"iTXt"])
@pytest.mark.parametrize("kind", [b"exif", b"APP1"])
@pytest.mark.parametrize("behind", [False, True])
def test_exif_in_a_text_chunk_is_read_like_the_exif_chunk(tmp_path, picture, camera_exif, name, kind, behind):
    camera_exif[274] = 6
    exif = camera_exif.tobytes()
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path, exif=exif)
    expected = read_image(path)
    text = text_chunk(name, b"Raw profile type " + kind, raw_profile(kind, exif))
    whole = png(picture, before=b"" if behind else text)
    path.write_bytes(whole[:-12] + text + whole[-12:] if behind else whole)
    image = read_image(path)
    assert image.header == expected.header == read_header(path)
    assert image.header.capture.exposure_time_s == pytest.approx(0.01)
    assert image.exif == expected.exif
    np.testing.assert_array_equal(image.pixels, np.rot90(picture, -1))


@pytest.mark.parametrize(
    "text", [b"", b"\nexif\n 4\n", b"\nexif\nx\n00", b"\nexif\n 2\n0g", b"\nexif\n 9\n49492a00", b"\xff"]
)
def test_a_damaged_text_profile_says_nothing(tmp_path, picture, text):
    path = tmp_path / "a.png"
    for name in (b"tEXt", b"zTXt", b"iTXt"):
        path.write_bytes(png(picture, before=text_chunk(name, b"Raw profile type exif", text)))
        assert read_image(path).header.capture == Capture()
    path.write_bytes(png(picture, before=chunk(b"zTXt", b"Raw profile type exif\0\0" + text)))
    assert read_header(path).capture == Capture()


def packed_zeros(blocks: int) -> bytes:
    """Return a zlib stream of so many times 4 MB of zeros; only its checksum, at the very end, is another's."""
    packing = zlib.compressobj(9)
    first, another = (packing.compress(bytes(2**22)) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + (blocks - 1) * another + packing.flush()


def test_a_text_that_unpacks_to_gigabytes_costs_little(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, before=chunk(b"zTXt", b"Raw profile type exif\0\0" + packed_zeros(64))))
    tracemalloc.start()
    assert read_header(path).capture == Capture()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2**26


@pytest.mark.parametrize("end", [b"", b"damage"])
def test_a_thousand_texts_that_unpack_to_megabytes_cost_little(tmp_path, picture, end):
    packing = zlib.compressobj(9)
    packed = packing.compress(bytes(2**22)) + packing.flush(zlib.Z_FULL_FLUSH) + end
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, before=1000 * chunk(b"zTXt", b"Raw profile type xmp\0\0" + packed)))
    with costs_at_most(1.5):  # 0.1; of all texts 10 and more
        assert read_header(path).capture == Capture()


def test_the_profile_comes_before_the_stated_chromaticities(tmp_path, picture):
    path = tmp_path / "a.png"
    stated = struct.pack(">8I", *(round(value * 100_000) for value in (*REC2020[6:], *REC2020[:6])))
    path.write_bytes(png(picture, before=chunk(b"cHRM", stated)))
    assert read_header(path).chromaticities == REC2020
    path.write_bytes(png(picture, before=chunk(b"sRGB", b"\0") + chunk(b"cHRM", stated)))
    assert read_header(path).chromaticities == REC709
    info = PngImagePlugin.PngInfo()
    info.add(b"cHRM", stated)
    Image.fromarray(picture).save(path, icc_profile=linear_profile(DISPLAY_P3), pnginfo=info)
    assert read_header(path).chromaticities == DISPLAY_P3
    assert read_header(path).linear


def test_a_gamma_of_1_means_linear(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, before=chunk(b"gAMA", struct.pack(">I", 100_000))))
    assert read_header(path).linear
    path.write_bytes(png(picture, before=chunk(b"gAMA", struct.pack(">I", 45_455))))
    assert not read_header(path).linear


def with_parts(pixels, part_bytes: int) -> bytes:
    """The PNG with its stream in IDAT chunks of at most so many bytes."""
    whole = png(pixels)
    at = whole.index(b"IDAT")
    stream = whole[at + 4 : -16]
    parts = [chunk(b"IDAT", stream[start : start + part_bytes]) for start in range(0, len(stream), part_bytes)]
    return whole[: at - 4] + b"".join(parts) + whole[-12:]


@pytest.mark.parametrize("part_bytes", [8192, 2**18 + 1, 2**19, 2**30])
def test_chunks_of_any_length_are_read(tmp_path, part_bytes):
    pixels = np.random.default_rng(3).integers(0, 256, (600, 700, 3)).astype(np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(with_parts(pixels, part_bytes))
    assert read_header(path) == read_image(path).header
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("name", [b"iCCP", b"eXIf", b"iTXt", b"prVt"])
def test_what_stands_before_the_pixels_may_be_large(tmp_path, picture, name):
    noise = np.random.default_rng(5).bytes(700_000)
    body = {b"iCCP": b"x\0\0" + zlib.compress(noise), b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + noise}.get(name, noise)
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, before=chunk(name, body)))
    assert read_header(path) == read_image(path).header
    np.testing.assert_array_equal(read_image(path).pixels, picture)


def test_header_and_picture_agree_on_what_stands_behind_the_pixels(tmp_path, picture, camera_exif):
    camera_exif[274] = 6
    stated = struct.pack(">8I", *(round(value * 100_000) for value in (*REC2020[6:], *REC2020[:6])))
    late = chunk(b"eXIf", camera_exif.tobytes()[6:]) + chunk(b"cHRM", stated)
    late += chunk(b"iCCP", b"x\0\0" + zlib.compress(linear_profile(DISPLAY_P3)))
    whole = with_parts(picture, 100)
    path = tmp_path / "a.png"
    path.write_bytes(whole[:-12] + late + whole[-12:])
    image = read_image(path)
    assert image.header == read_header(path)
    assert image.header.capture.iso == 400
    assert image.header.chromaticities == REC709  # a colour chunk counts before the pixels alone
    np.testing.assert_array_equal(image.pixels, np.rot90(picture, -1))


@pytest.mark.parametrize("interlaced", [False, True])
def test_pixels_that_stop_early_are_refused_without_noise(tmp_path, picture, capfd, interlaced):
    path = tmp_path / "a.png"
    whole = zlib.compress(b"\0" * 5000)
    for compressed in (whole, whole[:-1], b"", whole[:-4] + b"\0\0\0\0"):
        path.write_bytes(png(picture, interlaced=interlaced, compressed=compressed))
        with pytest.raises(ImageError):
            read_image(path)
    assert capfd.readouterr() == ("", "")


def test_damage_that_the_decoder_alone_finds_is_told_once(tmp_path, capfd):
    path = tmp_path / "a.png"
    path.write_bytes(png(np.zeros((4, 4, 3), np.uint8), compressed=zlib.compress(b"\7" * 4 * 13)))  # no such filter
    with pytest.raises(ImageError, match="its pixels cannot be decoded"):
        read_image(path)
    header = struct.pack(">IIBBBBB", 4, 4, 4, 2, 0, 0, 0)  # four bits of colour: no such kind
    whole = png(np.zeros((4, 4, 3), np.uint8), compressed=zlib.compress(bytes(4 * 7)))
    path.write_bytes(whole[:8] + chunk(b"IHDR", header) + whole[33:])
    with pytest.raises(ImageError, match=r"a\.png: damaged PNG"):
        read_image(path)
    assert capfd.readouterr() == ("", "")


def test_a_png_without_its_end_chunk_is_refused(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture)[:-12])
    with pytest.raises(ImageError, match="without an end chunk"):
        read_image(path)


def test_a_flipped_bit_is_found_by_its_checksum(tmp_path, noisy):
    data = bytearray(png(noisy))
    data[500] ^= 4
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="the checksum of chunk b'IDAT' is wrong"):
        read_image(path)


def test_a_lie_about_the_size_is_refused(tmp_path, picture):
    path = tmp_path / "a.png"
    data = png(picture)
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    path.write_bytes(data[:8] + chunk(b"IHDR", header) + data[33:])
    with pytest.raises(ImageError, match="30000x30000"):
        read_header(path)


def zeros(width: int, height: int, *, bit_depth: int, color_type: int = 0, more: int = 0) -> bytes:
    """A PNG of nothing but zeros, and of more of them than there are pixels."""
    packing = zlib.compressobj(9)
    row = bytes(1 + -(-width * bit_depth // 8))
    stream = b"".join(packing.compress(row) for _ in range(height)) + packing.compress(bytes(more)) + packing.flush()
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(6)) if color_type == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


@pytest.mark.parametrize("color_type", [0, 3])
def test_pixels_are_counted_as_they_are_decoded_not_as_they_are_packed(tmp_path, monkeypatch, color_type):
    path = tmp_path / "a.png"
    path.write_bytes(zeros(6000, 6000, bit_depth=1, color_type=color_type))
    monkeypatch.setattr(refusal, "free_bytes", lambda: 200_000_000)
    with pytest.raises(ImageError, match=r"a.png: needs 0.2 GB, 0.2 GB are free"):
        read_image(path)
    monkeypatch.setattr(refusal, "free_bytes", lambda: 230_000_000)
    assert read_image(path).pixels.shape == (6000, 6000, 3)


def test_a_small_file_of_countless_bits_is_refused_however_much_memory_there_is(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(zeros(23_000, 23_000, bit_depth=1))
    monkeypatch.setattr(refusal, "free_bytes", lambda: 10**12)
    for reading in (read_header, read_image):
        with pytest.raises(ImageError, match="23000x23000"):
            reading(path)


def test_primaries_that_span_nothing_are_refused(tmp_path, picture):
    path = tmp_path / "a.png"
    for values in ((31_270, 0, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000), (1,) * 8, (2**32 - 1,) * 8):
        path.write_bytes(png(picture, before=chunk(b"cHRM", struct.pack(">8I", *values))))
        with pytest.raises(ImageError, match=r"a\.png.*primaries"):
            read_header(path)


@pytest.mark.parametrize("part_bytes", [1, 7, 64, 100_000])
def test_what_stands_behind_any_number_of_equal_chunks_is_found(tmp_path, noisy, camera_exif, part_bytes):
    whole = with_parts(noisy[:20, :20], part_bytes)
    late = chunk(b"eXIf", camera_exif.tobytes()[6:])
    path = tmp_path / "a.png"
    for data in (whole[:-12] + late + whole[-12:], whole[:-12] + chunk(b"IDAT", b"") + late + whole[-12:]):
        path.write_bytes(data)
        assert read_header(path).capture.iso == 400


@pytest.mark.parametrize("interlaced", [False, True])
def test_pixels_that_go_on_are_refused_as_soon_as_they_do(tmp_path, picture, interlaced):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, interlaced=interlaced, compressed=packed_zeros(256)))
    with costs_at_most(0.5), pytest.raises(ImageError, match=r"more than the [\d,]+ bytes expected"):
        read_image(path)


def cicp(primaries: int, transfer: int, matrix: int = 0, full_range: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, full_range)))


@pytest.mark.parametrize(("primaries", "expected"), [(1, REC709), (9, REC2020), (12, DISPLAY_P3)])
@pytest.mark.parametrize(
    ("transfer", "linear"), [(1, False), (6, False), (13, False), (14, False), (15, False), (8, True)]
)
def test_code_points_come_before_everything_else(tmp_path, noisy, primaries, expected, transfer, linear):
    others = chunk(b"iCCP", b"x\0\0" + zlib.compress(linear_profile(ADOBE_RGB))) + chunk(b"sRGB", b"\0")
    path = tmp_path / "a.png"
    path.write_bytes(png(noisy, before=others + cicp(primaries, transfer)))
    image = read_image(path)
    assert (image.header.chromaticities, image.header.linear) == (expected, linear)
    assert image.header == read_header(path)
    np.testing.assert_array_equal(image.pixels, noisy)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pq_becomes_luminance_in_units_of_diffuse_white(tmp_path, dtype):
    codes = np.round(np.array([0.0, 0.508078, 0.580689, 0.751827, 0.902572, 1.0]) * np.iinfo(dtype).max)
    luminances_cd_m2 = [0, 100, 203, 1000, 4000, 10_000]  # BT.2100's values of these signals
    pixels = np.repeat(codes.astype(dtype), 3).reshape(1, 6, 3)
    path = tmp_path / "a.png"
    path.write_bytes(png(pixels, before=cicp(9, 16)))
    image = read_image(path)
    tolerance = 0.05 if dtype == np.uint8 else 2e-4
    np.testing.assert_allclose(image.pixels[0, :, 1] * 203, luminances_cd_m2, rtol=tolerance)
    assert image.pixels.dtype == np.float32
    assert image.header == read_header(path)
    assert (image.header.dtype, image.header.linear, image.header.chromaticities) == ("float32", True, REC2020)


def test_hlg_becomes_the_light_of_the_scene(tmp_path):
    light = np.linspace(0, 1, 24).reshape(1, 8, 3)
    a, b, c = 0.17883277, 0.28466892, 0.55991073  # BT.2100, table 5
    encoded = np.where(light <= 1 / 12, np.sqrt(3 * light), a * np.log(np.maximum(12 * light - b, 1e-9)) + c)
    path = tmp_path / "a.png"
    path.write_bytes(png(np.round(encoded * 65535).astype(np.uint16), before=cicp(9, 18)))
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, light, atol=1e-4)
    assert image.header == read_header(path)


def test_pq_clips_where_its_writer_clipped(tmp_path):
    pixels = np.linspace(0, 49_270, 30_000).astype(np.uint16).reshape(100, 100, 3)
    path = tmp_path / "a.png"
    path.write_bytes(png(pixels, before=cicp(9, 16)))
    assert read_image(path).white == np.inf
    pixels[:30] = 49_270
    path.write_bytes(png(pixels, before=cicp(9, 16)))
    image = read_image(path)
    assert image.white == image.pixels.max() == pytest.approx(1000 / 203, rel=1e-3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (bytes((5, 13, 0, 1)), "colour primaries 5; expected 1"),
        (bytes((9, 11, 0, 1)), "transfer 11; expected 1"),
        (bytes((9, 16, 9, 1)), "matrix 9"),
        (bytes((9, 16, 0, 0)), "range 0"),
        (b"\1", "a cICP chunk of 1 byte; expected 4"),
    ],
)
def test_code_points_that_are_not_read_are_named(tmp_path, picture, body, message):
    path = tmp_path / "a.png"
    path.write_bytes(png(picture, before=chunk(b"cICP", body)))
    for reading in (read_header, read_image):
        with pytest.raises(ImageError, match=message):
            reading(path)

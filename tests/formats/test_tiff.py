import struct
from itertools import product

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.util import img_as_float32

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header, read_image
from hdrfuse.formats.icc import PROPHOTO, linear_profile, srgb_profile
from hdrfuse.formats.tiff_segments import LONGEST_ROW, _arrangement

LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 5, 8, 32946, 32773


def stored_as(noisy, dtype, channels):
    four = np.dstack([noisy, noisy[..., :1]])[..., :channels]
    if dtype.startswith("uint8"):
        return four
    return four.astype(np.uint16) * 251 if dtype == "uint16" else (four / 37.0).astype(dtype)


def expected_of(pixels):
    rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3]
    return rgb.astype(np.float32) if pixels.dtype == np.float16 else rgb


@pytest.mark.parametrize(
    ("dtype", "channels", "order", "layout", "compression"),
    [
        case
        for case in product(
            ["uint8", "uint16", "float16", "float32"],
            [1, 3, 4],
            ["<", ">"],
            [{}, {"tile": (32, 16)}, {"rowsperstrip": 10}, {"planarconfig": "separate"}],
            [None, "zlib"],
        )
        if (case[1], case[3]) != (1, {"planarconfig": "separate"})  # one sample has no planes
    ],
)
def test_what_tifffile_writes_is_read(tmp_path, noisy, dtype, channels, order, layout, compression):
    pixels = stored_as(noisy, dtype, channels)
    separate = "planarconfig" in layout
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.moveaxis(pixels, 2, 0) if separate else pixels if channels > 1 else pixels[..., 0],
        photometric="minisblack" if channels == 1 else "rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        byteorder=order,
        compression=compression,
        predictor=2 if compression and dtype.startswith("u") else None,
        **layout,
    )
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, expected_of(pixels))
    assert image.header.channels == (1 if channels == 1 else 3)
    assert image.header.linear == dtype.startswith("float")
    assert image.header == read_header(path)


@pytest.mark.parametrize(
    ("dtype", "compression", "predictor"),
    [
        *product(["uint8", "uint16", "float32"], [1, LZW, DEFLATE, OLD_DEFLATE, PACKBITS], [1, 2]),
        *product(["float32"], [LZW, DEFLATE], [3]),
    ],
)
@pytest.mark.parametrize("crop", [(49, 71), (48, 70), (49, 70), (48, 71), (1, 1)])
def test_what_libtiff_writes_is_read(tmp_path, noisy, dtype, compression, predictor, crop):
    pixels = stored_as(noisy[: crop[0], : crop[1]], dtype, 3)
    path = tmp_path / "a.tif"
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    assert cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]), options)
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_what_pillow_writes_is_read(tmp_path, noisy, compression, mode):
    path = tmp_path / "a.tiff"
    source = Image.fromarray(noisy).convert(mode)
    source.save(path, compression=compression)
    np.testing.assert_array_equal(read_image(path).pixels, np.asarray(source.convert("RGB")))


def test_a_cmyk_tiff_becomes_rgb(tmp_path, picture):
    path = tmp_path / "a.tif"
    Image.fromarray(picture).convert("CMYK").save(path)
    np.testing.assert_array_equal(read_image(path).pixels, picture)


def test_white_is_zero_is_turned_round(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, 255 - picture[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path).pixels[..., 1], picture[..., 0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_orientation_is_applied_exactly_once(tmp_path, picture, orientation, compression):
    path = tmp_path / "a.tif"
    Image.fromarray(picture).save(path, compression=compression, tiffinfo={274: orientation})
    turned = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, -1),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, 1),
    }[orientation]
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, turned)
    assert (image.header.height, image.header.width) == turned.shape[:2]


def test_a_bigtiff_is_read(tmp_path, noisy):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noisy, bigtiff=True, photometric="rgb")
    np.testing.assert_array_equal(read_image(path).pixels, noisy)


def test_a_profile_gives_primaries_and_linearity(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture.astype(np.uint16), photometric="rgb", iccprofile=linear_profile(PROPHOTO))
    assert (read_header(path).chromaticities, read_header(path).linear) == (PROPHOTO, True)
    tifffile.imwrite(path, picture, photometric="rgb", iccprofile=srgb_profile())
    assert not read_header(path).linear


def test_exif_in_a_tiff_is_read(tmp_path, picture, camera_exif):
    path = tmp_path / "a.tif"
    inner = camera_exif.get_ifd(34665)
    Image.fromarray(picture).save(path, tiffinfo={272: "NIKON D90", 34665: dict(inner)})
    capture = read_header(path).capture
    assert (capture.exposure_time_s, capture.camera) == (pytest.approx(0.01), "NIKON D90")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_or_infinity_is_refused_with_its_count(tmp_path, picture, bad):
    pixels = img_as_float32(picture)
    pixels[3, 4, 1] = bad
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb")
    with pytest.raises(ImageError, match=f"{path}: 1 of 10,437 values are NaN or infinite"):
        read_image(path)


def test_small_negatives_become_0(tmp_path, picture):
    pixels = img_as_float32(picture) - 0.2
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb")
    np.testing.assert_array_equal(read_image(path).pixels, np.maximum(pixels, 0))


def test_the_white_of_floats_is_1_or_their_plateau_or_none(tmp_path, noisy):
    path = tmp_path / "a.tif"
    ramp = np.linspace(0, 9, noisy.size, dtype=np.float32).reshape(noisy.shape)
    for pixels, white in ((ramp / 9, 1.0), (ramp, np.inf), (np.minimum(ramp, 4.5), 4.5)):
        tifffile.imwrite(path, pixels, photometric="rgb")
        assert read_image(path).white == white


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_a_strip_that_ends_early_is_refused_without_noise(tmp_path, noisy, compression, capfd):
    path = tmp_path / "a.tif"
    for crop in ((49, 71), (48, 70)):
        Image.fromarray(noisy[: crop[0], : crop[1]]).save(path, compression=compression)
        with tifffile.TiffFile(path) as file:
            tag = file.pages.first.tags["StripByteCounts"]
            counts = tag.value
            position, inline = tag.valueoffset, tag.dtype
        data = bytearray(path.read_bytes())
        code = "<I" if inline == 4 else "<H"
        struct.pack_into(code, data, position, counts[0] - 40)
        path.write_bytes(data)
        with pytest.raises(ImageError, match="damaged TIFF"):
            read_image(path)
    assert capfd.readouterr() == ("", "")


def test_a_strip_outside_of_the_file_is_refused(tmp_path, noisy):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noisy, photometric="rgb")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageError, match="truncated TIFF"):
        read_header(path)


@pytest.mark.parametrize("dtype", ["uint32", "float64", "int16", "bool"])
def test_other_samples_are_refused_by_name(tmp_path, picture, dtype):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture[..., 0].astype(dtype), photometric="minisblack")
    with pytest.raises(ImageError, match="samples; expected 8 or 16-bit integers or floats"):
        read_header(path)


def test_jpeg_in_tiff_is_refused_by_name(tmp_path, picture):
    path = tmp_path / "a.tif"
    Image.fromarray(picture).save(path, compression="jpeg")
    with pytest.raises(ImageError, match="compressed with JPEG; expected none, LZW, deflate or PackBits"):
        read_header(path)


def test_a_dng_named_tif_is_mislabelled(tmp_path, write_dng):
    path = write_dng(tmp_path / "a.tif", np.full((64, 64), 500, np.uint16))
    with pytest.raises(ImageError, match="is a camera RAW file, its suffix says TIFF"):
        read_header(path)


def tiled_tiff(side, tile, *, compression, packed=b"\x80\0", count=1) -> bytes:
    """A grey picture whose tiles all lie at one place."""
    table = 8 + 2 + 12 * 9 + 4
    offsets, lengths, start = table, table + 4 * count, table + 8 * count
    if count == 1:  # both stand in the directory itself
        offsets, lengths = start, len(packed)
    fields = (
        (256, 1, side[0]), (257, 1, side[1]), (258, 1, 8), (259, 1, compression), (262, 1, 1),
        (322, 1, tile[0]), (323, 1, tile[1]), (324, count, offsets), (325, count, lengths),
    )  # fmt: skip
    directory = b"".join(struct.pack("<HHII", tag, 4, many, value) for tag, many, value in fields)
    tables = struct.pack(f"<{2 * count}I", *[start] * count, *[len(packed)] * count)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + directory + bytes(4) + tables + packed


@pytest.mark.parametrize("compression", [LZW, PACKBITS, DEFLATE, 1])
@pytest.mark.parametrize(
    "tile", [(100_000, 100_000), (2**31, 16), (16, 2**32 - 16), (65_536, 65_535), (16_384, 16_384)]
)
def test_tiles_that_dwarf_the_picture_are_refused_at_once(tmp_path, tile, compression):
    path = tmp_path / "a.tif"
    path.write_bytes(tiled_tiff((64, 64), tile, compression=compression))
    with pytest.raises(ImageError, match=f"tiles of {tile[0]}x{tile[1]} for 64x64 pixels"):
        read_image(path)


def test_many_tiles_that_share_their_bytes_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiled_tiff((2**19, 1), (16, 2**20), compression=PACKBITS, count=2**15))
    with pytest.raises(ImageError, match="bytes in all"):
        read_image(path)


def test_a_tile_larger_than_a_small_picture_is_read(tmp_path, noisy):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noisy, photometric="rgb", tile=(2048, 2048), compression="zlib")
    np.testing.assert_array_equal(read_image(path).pixels, noisy)


@pytest.mark.parametrize("samples", [2**32 - 5, 2**32 + 1, 2**40 + 1, 2**31 - 1, 65_537])
def test_an_arrangement_of_any_number_of_samples_is_found(samples):
    width, height = _arrangement(samples)
    assert width <= LONGEST_ROW
    assert height <= LONGEST_ROW
    assert min(samples, LONGEST_ROW**2) - LONGEST_ROW <= width * height <= samples

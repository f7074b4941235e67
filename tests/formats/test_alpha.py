"""Transparent pixels hold no data: what each format's alpha says of them."""

import struct
import zlib

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_image

ASSOCIATED, UNASSOCIATED = 1, 2


@pytest.fixture
def covered(picture):
    """(49, 71) true but for a rim that no turn or flip leaves as it is."""
    mask = np.ones(picture.shape[:2], np.bool_)
    mask[:5] = mask[:, :9] = mask[-2:, 40:] = False
    return mask


def grey_png(rows, *, bits, transparent):
    """A PNG of packed grey rows, of which one level is transparent."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", len(rows[0]) * 8 // bits, len(rows), bits, 0, 0, 0, 0)
    chunks = {
        b"IHDR": header,
        b"tRNS": struct.pack(">H", transparent),
        b"IDAT": zlib.compress(b"".join(b"\0" + row for row in rows)),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in chunks.items())


def write_exr(path, channels):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name: plane.astype(np.float16) for name, plane in channels.items()}) as file:
        file.write(str(path))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
@pytest.mark.parametrize("kind", [ASSOCIATED, UNASSOCIATED])
@pytest.mark.parametrize("planar", [False, True])
def test_a_tiff_s_transparent_pixels_are_not_covered(tmp_path, picture, covered, dtype, kind, planar):
    white = np.iinfo(dtype).max if dtype.startswith("u") else 1
    pixels = np.dstack([picture.astype(dtype), covered.astype(dtype) * white])
    path = tmp_path / "a.tif"
    stored = np.moveaxis(pixels, 2, 0) if planar else pixels
    planes = "separate" if planar else None
    tifffile.imwrite(path, stored, photometric="rgb", extrasamples=[kind], planarconfig=planes, compression="zlib")
    image = read_image(path)
    np.testing.assert_array_equal(image.covered, covered)
    np.testing.assert_array_equal(image.pixels, pixels[..., :3])


@pytest.mark.parametrize("white", [65535, 65280, 255])
def test_alpha_counts_by_the_largest_that_the_file_holds(tmp_path, picture, covered, white):
    path = tmp_path / "a.tif"
    pixels = np.dstack([picture.astype(np.uint16) * 257, covered.astype(np.uint16) * white])
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[UNASSOCIATED])
    np.testing.assert_array_equal(read_image(path).covered, covered)


def test_a_grey_tiff_s_alpha_is_its_second_sample(tmp_path, picture, covered):
    path = tmp_path / "a.tif"
    pixels = np.dstack([picture[..., 0], covered * np.uint8(255)])
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig", extrasamples=[UNASSOCIATED])
    np.testing.assert_array_equal(read_image(path).covered, covered)


def test_an_extra_sample_that_is_no_alpha_covers_everything(tmp_path, picture, covered):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.dstack([picture, covered * np.uint8(255)]), photometric="rgb", extrasamples=[0])
    assert read_image(path).covered is None


def test_the_alpha_after_an_extra_sample_of_another_kind_is_found(tmp_path, picture, covered):
    path = tmp_path / "a.tif"
    pixels = np.dstack([picture, picture[..., 0], covered * np.uint8(255)])
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[0, UNASSOCIATED])
    np.testing.assert_array_equal(read_image(path).covered, covered)


@pytest.mark.parametrize("partly", [1, 128, 250])
def test_a_partly_transparent_pixel_is_not_covered(tmp_path, picture, partly):
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[20] = partly
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([picture, alpha])).save(path)
    np.testing.assert_array_equal(read_image(path).covered, alpha == 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_covered_place_is_turned_with_the_picture(tmp_path, picture, covered, mode, orientation):
    marked = np.where(covered[..., None], picture // 2 + 100, 0).astype(np.uint8)  # black where it is transparent
    stored = Image.fromarray(np.dstack([marked, covered * np.uint8(255)])).convert(mode)
    exif = Image.Exif()
    exif[274] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    stored.save(tmp_path / "a.tif", exif=exif)
    for path in (tmp_path / "a.png", tmp_path / "a.tif"):
        image = read_image(path)
        np.testing.assert_array_equal(image.covered, image.pixels.any(axis=2))


def test_16_bit_png_has_the_same_pixels_and_coverage(tmp_path, picture, covered):
    path = tmp_path / "a.png"
    pixels = picture.astype(np.uint16) * 251 + 3
    cv2.imwrite(str(path), np.dstack([pixels[..., ::-1], covered.astype(np.uint16) * 65535]))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, pixels)
    np.testing.assert_array_equal(image.covered, covered)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_the_grey_that_a_png_calls_transparent_is_not_covered(tmp_path, bits):
    path = tmp_path / "a.png"
    codes = np.arange(64) % 2 ** min(bits, 6)
    if bits < 8:
        row = np.packbits((codes[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8)).tobytes()
    else:
        row = codes.astype(f">u{bits // 8}").tobytes()
    path.write_bytes(grey_png([row] * 4, bits=bits, transparent=2))
    np.testing.assert_array_equal(read_image(path).covered, np.broadcast_to(codes != 2, (4, 64)))


def test_the_colour_that_a_png_calls_transparent_is_not_covered(tmp_path, picture):
    path = tmp_path / "a.png"
    colour = tuple(int(value) for value in picture[30, 40])
    Image.fromarray(picture).save(path, transparency=colour)
    np.testing.assert_array_equal(read_image(path).covered, (picture != colour).any(axis=2))


def test_the_palette_s_transparent_entries_are_not_covered(tmp_path, picture):
    path = tmp_path / "a.png"
    indexed = Image.fromarray(picture[..., 0] % 16).convert("L")
    palette = Image.frombytes("P", indexed.size, indexed.tobytes())
    palette.putpalette([value for index in range(16) for value in (index * 9, 100, 50)])
    palette.save(path, transparency=bytes([255, 255, 0]))
    np.testing.assert_array_equal(read_image(path).covered, picture[..., 0] % 16 != 2)


@pytest.mark.parametrize("layer", ["", "beauty."])
def test_an_openexr_s_alpha_is_that_of_its_layer(tmp_path, picture, covered, layer):
    path = tmp_path / "a.exr"
    light = picture.astype(np.float32) / 64 * covered[..., None]
    planes = {f"{layer}{name}": light[..., index] for index, name in enumerate("RGB")}
    write_exr(path, {**planes, f"{layer}A": covered.astype(np.float32), "mask.A": np.zeros(covered.shape)})
    image = read_image(path)
    np.testing.assert_array_equal(image.covered, covered)
    np.testing.assert_allclose(image.pixels, light, rtol=1e-3)


def test_alpha_that_a_filter_overshot_covers_as_one_does(tmp_path, picture, covered):
    path = tmp_path / "a.exr"
    alpha = covered * np.where(np.arange(71) == 30, 1.125, 1.0)
    write_exr(path, {**dict.fromkeys("RGB", picture[..., 0] / 64), "A": alpha})
    np.testing.assert_array_equal(read_image(path).covered, covered)


def test_what_is_no_number_may_stand_where_nothing_is_covered_only(tmp_path, picture, covered):
    path = tmp_path / "a.tif"
    light = picture.astype(np.float32)
    light[~covered] = np.nan
    light[0, 0] = np.inf
    tifffile.imwrite(path, np.dstack([light, covered.astype(np.float32)]), photometric="rgb", extrasamples=[2])
    assert np.isfinite(read_image(path).pixels).all()
    light[30, 30] = np.nan
    tifffile.imwrite(path, np.dstack([light, covered.astype(np.float32)]), photometric="rgb", extrasamples=[2])
    with pytest.raises(ImageError, match="3 of 10,437 values are NaN or infinite"):
        read_image(path)


def test_the_white_of_floats_is_looked_for_where_they_are_covered(tmp_path, picture, covered):
    path = tmp_path / "a.tif"
    light = np.where(covered[..., None], picture / np.float32(510), np.float32(7))
    tifffile.imwrite(path, np.dstack([light, covered.astype(np.float32)]), photometric="rgb", extrasamples=[2])
    assert read_image(path).white == 1.0


def test_an_opaque_picture_has_no_mask(tmp_path, picture):
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])).save(path)
    assert read_image(path).covered is None


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_picture_that_is_transparent_everywhere_is_refused(tmp_path, picture, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)])).save(path)
    with pytest.raises(ImageError, match=rf"{path}: is transparent everywhere"):
        read_image(path)

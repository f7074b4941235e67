"""One sector over and over, in files that have no checksums."""

import numpy as np
import pytest
import tifffile

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_image
from hdrfuse.formats.lost_blocks import SECTOR, repeated_runs

NOISE = np.random.default_rng(0).integers(0, 256, 60_000, dtype=np.uint8)


def with_block(start, stop, block):
    data = NOISE.copy()
    data[start:stop] = np.resize(block, stop - start)
    return data


@pytest.mark.parametrize("start", [0, 1, 511, 512, 4096, 20_001])
@pytest.mark.parametrize("length", [4096, 10_000, 30_000])
@pytest.mark.parametrize("block", [[0], [255], NOISE[-SECTOR:]], ids=["zeros", "ones", "a sector"])
def test_a_sector_that_repeats_is_found_to_the_byte(start, length, block):
    data = with_block(start, start + length, block)
    ((first, last),) = repeated_runs(data)
    assert abs(first - start) <= 8
    assert abs(last - start - length) <= 8


def test_a_block_that_repeats_is_found():
    data = with_block(9_000, 9_000 + 5 * 4096, NOISE[:4096])
    assert repeated_runs(data) == [(9_000, 9_000 + 5 * 4096)]


def test_a_tail_is_found_to_its_end():
    data = with_block(40_000, len(NOISE), [0])
    ((first, last),) = repeated_runs(data)
    assert abs(first - 40_000) <= 8
    assert last == len(data)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 5000, 60_000])
def test_noise_repeats_nowhere(size):
    assert repeated_runs(NOISE[:size]) == []


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"planarconfig": "separate"}])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_tiff_s_zeros_are_where_they_are(tmp_path, dtype, options, orientation):
    pixels = np.random.default_rng(1).uniform(1, 255, (120, 100, 3)).astype(dtype)
    pixels[70, 30:] = pixels[71:] = 0
    stored = np.moveaxis(pixels, 2, 0) if "planarconfig" in options else pixels
    orientation = 1 if "bigtiff" in options else orientation
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extratags=tags, metadata=None, **options)
    repeats = read_image(tmp_path / "a.tif").repeats
    expected = (pixels == 0).all(axis=2)
    np.testing.assert_array_equal(repeats.place, np.rot90(expected, -1) if orientation == 6 else expected)
    assert repeats.ragged


def test_whole_rows_are_not_ragged(tmp_path):
    pixels = np.random.default_rng(1).integers(1, 255, (120, 100, 3), dtype=np.uint8)
    pixels[-30:] = 0
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    assert not read_image(tmp_path / "a.tif").repeats.ragged


def test_what_deflate_checks_is_not_looked_at(tmp_path):
    pixels = np.zeros((120, 100, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression="zlib")
    assert read_image(tmp_path / "a.tif").repeats is None


@pytest.mark.parametrize("axes", ["-Y 60 +X 200", "+Y 60 -X 200", "+X 200 -Y 60"])
def test_a_flat_radiance_file_s_zeros_are_where_they_are(tmp_path, axes):
    rgbe = np.random.default_rng(2).integers(100, 130, (60, 200, 4), dtype=np.uint8)
    stored = rgbe.reshape(200, 60, 4) if axes.startswith("+X") else rgbe
    stored.reshape(-1, 4)[7_777:] = 0
    path = tmp_path / "a.hdr"
    path.write_bytes(f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n{axes}\n".encode() + stored.tobytes())
    image = read_image(path)
    np.testing.assert_array_equal(image.repeats.place, ~image.pixels.any(axis=2))


def test_a_mosaic_of_zeros_below_its_black_is_refused_with_the_row(tmp_path, write_dng):
    pytest.importorskip("rawpy", reason="the raw extra is not installed")
    mosaic = np.random.default_rng(3).integers(64, 4000, (120, 160), dtype=np.uint16)
    mosaic[40, 10:] = mosaic[41:] = 0
    path = write_dng(tmp_path / "a.dng", mosaic)
    with pytest.raises(ImageError, match=rf"{path}: damaged RAW file: 6\d% of it are zeros, the first in row 4[01] of"):
        read_image(path)


def test_lone_zeros_below_black_are_dead_pixels(tmp_path, write_dng):
    pytest.importorskip("rawpy", reason="the raw extra is not installed")
    mosaic = np.random.default_rng(3).integers(64, 4000, (120, 160), dtype=np.uint16)
    mosaic[::3, ::2] = 0
    assert read_image(write_dng(tmp_path / "a.dng", mosaic)).repeats is None


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_zeros_at_a_black_of_zero_are_repeats(tmp_path, write_dng, orientation):
    pytest.importorskip("rawpy", reason="the raw extra is not installed")
    mosaic = np.random.default_rng(3).integers(100, 4000, (120, 160), dtype=np.uint16)
    mosaic[40, 10:] = mosaic[41:] = 0
    image = read_image(write_dng(tmp_path / "a.dng", mosaic, black=0, orientation=orientation))
    turns = {1: 0, 6: -1, 8: 1}[orientation]
    np.testing.assert_array_equal(image.repeats.place, np.rot90(mosaic == 0, turns))

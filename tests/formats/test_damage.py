"""No damage is merged: whatever happens to a file, it is refused in one line or gives a picture of its size."""

import random
import struct

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header, read_image

TRUNCATIONS = 25
FLIPS = 50
HEADER_BYTES = 700


def exr(path, pixels, **header):
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | header
    with OpenEXR.File(attributes, {"RGB": pixels}) as file:
        file.write(str(path))


def flat_hdr(path, pixels):
    rgbe = np.dstack([pixels, np.full(pixels.shape[:2], 129, np.uint8)])
    size = b"-Y %d +X %d\n" % pixels.shape[:2]
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + size + rgbe.tobytes())


WRITERS = {
    "baseline.jpg": lambda path, p: Image.fromarray(p).save(path, quality=90),
    "progressive.jpg": lambda path, p: Image.fromarray(p).save(path, quality=90, progressive=True),
    "cmyk.jpg": lambda path, p: Image.fromarray(p).convert("CMYK").save(path),
    "rgb.png": lambda path, p: Image.fromarray(p).save(path),
    "palette.png": lambda path, p: Image.fromarray(p).convert("P").save(path),
    "16-bit.png": lambda path, p: cv2.imwrite(str(path), p.astype(np.uint16) * 257),
    "plain.tif": lambda path, p: Image.fromarray(p).save(path),
    "lzw.tif": lambda path, p: Image.fromarray(p).save(path, compression="tiff_lzw"),
    "packbits.tif": lambda path, p: Image.fromarray(p).save(path, compression="packbits"),
    "deflate.tif": lambda path, p: Image.fromarray(p).save(path, compression="tiff_adobe_deflate"),
    "tiles.tif": lambda path, p: tifffile.imwrite(
        path, p / np.float32(9), tile=(16, 16), compression="zlib", photometric="rgb"
    ),
    "planar.tif": lambda path, p: tifffile.imwrite(
        path, np.moveaxis(p, 2, 0), planarconfig="separate", photometric="rgb", bigtiff=True, byteorder=">"
    ),
    "zip.exr": lambda path, p: exr(path, (p / 16).astype(np.float16)),
    "piz.exr": lambda path, p: exr(path, (p / 16).astype(np.float16), compression=OpenEXR.PIZ_COMPRESSION),
    "dwaa.exr": lambda path, p: exr(path, (p / 16).astype(np.float32), compression=OpenEXR.DWAA_COMPRESSION),
    "tiles.exr": lambda path, p: exr(
        path, (p / 16).astype(np.float16), type=OpenEXR.tiledimage, tiles=OpenEXR.TileDescription()
    ),
    "rle.hdr": lambda path, p: cv2.imwrite(str(path), (p / 16).astype(np.float32)),
    "flat.hdr": flat_hdr,
    "bayer.dng": None,
    "linear.dng": None,
}


@pytest.fixture(params=WRITERS)
def sound(request, tmp_path, noisy, write_dng):
    """A sound file of each kind."""
    path = tmp_path / request.param
    if path.suffix == ".dng":
        pytest.importorskip("rawpy", reason="the raw extra is not installed")
        raw = noisy.astype(np.uint16) * 12 + 64
        write_dng(path, raw if "linear" in path.name else np.ascontiguousarray(raw[..., 0]))
    else:
        WRITERS[request.param](path, noisy)
    return path


def test_a_truncated_file_is_always_refused(sound, capfd):
    whole = sound.read_bytes()
    chance = random.Random(sound.name)
    for kept in {0, 1, 8, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(TRUNCATIONS))}:
        sound.write_bytes(whole[:kept])
        with pytest.raises(ImageError) as caught:
            read_image(sound)
        assert_one_line(caught.value, sound)
    assert capfd.readouterr() == ("", "")


def test_a_file_with_flipped_bits_is_refused_or_keeps_its_size(sound, capfd):
    whole = sound.read_bytes()
    shape = read_image(sound).pixels.shape
    chance = random.Random(f"flipped {sound.name}")
    for case in range(FLIPS):
        damaged = bytearray(whole)
        reach = min(HEADER_BYTES, len(whole)) if case % 2 else len(whole)
        for _ in range(chance.choice((1, 1, 1, 4, 16))):
            damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        sound.write_bytes(damaged)
        try:
            image = read_image(sound)
        except ImageError as error:
            assert_one_line(error, sound)
            continue
        assert image.pixels.shape == (image.header.height, image.header.width, 3)
        assert np.isfinite(image.pixels).all()
        if image.pixels.shape != shape:
            assert states_another_size(sound, whole, damaged), image.pixels.shape
    assert capfd.readouterr() == ("", "")


def test_a_header_is_refused_or_read_whatever_happened_to_it(sound):
    whole = sound.read_bytes()
    chance = random.Random(f"header {sound.name}")
    for _ in range(FLIPS):
        damaged = bytearray(whole[: chance.randrange(1, len(whole))])
        damaged[chance.randrange(min(HEADER_BYTES, len(damaged)))] ^= 1 << chance.randrange(8)
        sound.write_bytes(damaged)
        try:
            header = read_header(sound)
        except ImageError as error:
            assert_one_line(error, sound)
        else:
            assert header.width * header.height > 0


@pytest.mark.parametrize("word", [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\0\0\0\0"])
def test_no_number_in_a_header_costs_memory_or_time(sound, word):
    whole = sound.read_bytes()
    chance = random.Random(f"{word!r} {sound.name}")
    for _ in range(FLIPS // 4):
        at = chance.randrange(min(HEADER_BYTES, len(whole) - 4))
        sound.write_bytes(whole[:at] + word + whole[at + 4 :])
        try:
            image = read_image(sound)
        except ImageError as error:
            assert_one_line(error, sound)
        else:
            assert image.pixels.nbytes < 2**28


def assert_one_line(error: ImageError, path) -> None:
    message = str(error)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert error.__cause__ is not None


def states_another_size(path, whole: bytes, damaged: bytes) -> bool:
    """Whether a bit was flipped in what the file itself says of its size, which no checksum guards."""
    changed = {at for at in range(len(whole)) if whole[at] != damaged[at]}
    match path.suffix:
        case ".exr":
            at = whole.index(b"dataWindow\0box2i\0") + len("dataWindow.box2i.")
            stated = range(at, at + 20)
        case ".jpg":
            frame = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
            stated = range(frame, frame + 20)
        case ".hdr":
            stated = range(whole.index(b"-Y"), whole.index(b"-Y") + 12)
        case _:
            stated = directory_entries(whole)
    return not changed.isdisjoint(stated)


def directory_entries(whole: bytes) -> range:
    """Where a TIFF's first directory stands, with orientation, width, height and tile sizes in it."""
    (offset,) = struct.unpack_from("<I", whole, 4) if whole[:2] == b"II" else struct.unpack_from(">Q", whole, 8)
    return range(offset, offset + 400)

"""PNG (ISO/IEC 15948): every checksum is verified before a pixel is decoded."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from hdrfuse.formats.exif import Exif, carried_block, read_exif_block
from hdrfuse.formats.icc import read_profile
from hdrfuse.formats.image import REC709, Chromaticities, DecodedImage, ImageHeader
from hdrfuse.formats.opencv import decoded_by_opencv
from hdrfuse.formats.orientation import UPRIGHT, upright, upright_size
from hdrfuse.formats.png_chunks import Layout, check_pixels, decodable, read_layout
from hdrfuse.formats.png_text import read_profiles
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.refusal import RefusedError, check_memory

GREY_TYPES = frozenset({0, 4})
LINEAR_GAMMA = 100_000
DECODING = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def read_header(path: Path) -> ImageHeader:
    """Return what the chunks say."""
    with path.open("rb") as stream:
        layout = read_layout(stream, path.stat().st_size, with_pixels=False)
    return _header(path, layout, _exif(layout)[0])


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8 or uint16; grey is repeated, a palette looked up, alpha dropped."""
    with path.open("rb") as stream:
        layout = read_layout(stream, path.stat().st_size, with_pixels=True)
    exif, block = _exif(layout)
    header = _header(path, layout, exif)
    _check_memory(layout, header, turned=exif.orientation != UPRIGHT)
    check_pixels(layout)
    pixels = decoded_by_opencv(decodable(layout), DECODING)
    if pixels is None or str(pixels.dtype) != header.dtype:
        raise RefusedError("damaged PNG: its pixels cannot be decoded")
    return DecodedImage(
        header=header,
        pixels=upright(pixels, exif.orientation),
        white=255.0 if header.dtype == "uint8" else 65535.0,
        exif=carried_block(block),
    )


def _check_memory(layout: Layout, header: ImageHeader, *, turned: bool) -> None:
    """Refuse a picture that does not fit into memory: its file, twice, its pixels, the decoder's and the turned ones.

    Measured: OpenCV 5 takes twice what it returns, for every depth, colour type and interlacing.
    """
    pixels_bytes = header.width * header.height * 3 * np.dtype(header.dtype).itemsize
    check_memory(2 * sum(map(len, layout.pixels)) + (3 if turned else 2) * pixels_bytes)


def _exif(layout: Layout) -> tuple[Exif, bytes | None]:
    """What the camera wrote, and the EXIF block of it: the EXIF chunk's, else a text chunk's."""
    profiles = read_profiles(layout.texts)
    block = layout.chunks.get(b"eXIf", profiles.exif)
    return read_exif_block(block, profiles.xmp), block


def _header(path: Path, layout: Layout, exif: Exif) -> ImageHeader:
    width, height = upright_size(layout.width, layout.height, exif.orientation)
    chromaticities, linear = _colour(layout.chunks)
    return ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.color_type in GREY_TYPES else 3,
        dtype="uint16" if layout.bit_depth == 16 else "uint8",
        linear=linear,
        chromaticities=chromaticities,
        capture=exif.capture,
    )


def _colour(chunks: dict[bytes, bytes]) -> tuple[Chromaticities, bool]:
    """Primaries and linearity: the profile, else sRGB, else cHRM and gAMA (the standard's precedence)."""
    if b"iCCP" in chunks:
        _, _, packed = chunks[b"iCCP"].partition(b"\0")
        try:
            profile = read_profile(zlib.decompressobj().decompress(packed[1:], 2**24))
        except zlib.error as error:
            raise RefusedError(f"damaged PNG: its colour profile does not unpack ({error})") from error
        return (profile.chromaticities, profile.linear) if profile else (REC709, False)
    if b"sRGB" in chunks:
        return REC709, False
    linear = chunks.get(b"gAMA") == struct.pack(">I", LINEAR_GAMMA)
    stated = chunks.get(b"cHRM", b"")
    if len(stated) != 32:
        return REC709, linear
    white_x, white_y, *primaries = (round(value / 100_000, 5) for value in struct.unpack(">8I", stated))
    return stated_primaries([*primaries, white_x, white_y]), linear

"""PNG (ISO/IEC 15948): every checksum is verified before a pixel is decoded."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.alpha import opaque
from hdrfuse.formats.cicp import CodePoints, decode, read_code_points
from hdrfuse.formats.exif import Exif, read_exif_block
from hdrfuse.formats.exif_block import carried_block
from hdrfuse.formats.icc import read_profile
from hdrfuse.formats.image import REC709, Chromaticities, DecodedImage, ImageHeader
from hdrfuse.formats.opencv import decoded_by_opencv
from hdrfuse.formats.orientation import UPRIGHT, upright, upright_size
from hdrfuse.formats.png_chunks import PngLayout, check_pixels, decodable, read_layout
from hdrfuse.formats.png_text import read_profiles
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.refusal import RefusedError, check_memory
from hdrfuse.formats.scene_referred import plateau

GREY_TYPES = frozenset({0, 4})
ALPHA_TYPES = frozenset({4, 6})
PALETTE = 3
LINEAR_GAMMA = 100_000
DECODING = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def read_header(path: Path) -> ImageHeader:
    """Return what the chunks say."""
    with path.open("rb") as stream:
        layout = read_layout(stream, path.stat().st_size, with_pixels=False)
    return _header(path, layout, _exif(layout)[0])


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8 or uint16, PQ and HLG to float32.

    Grey is repeated, a palette looked up, alpha a mask. Raises RefusedError for damage and what is not read.
    """
    with path.open("rb") as stream:
        layout = read_layout(stream, path.stat().st_size, with_pixels=True)
    exif, block = _exif(layout)
    header = _header(path, layout, exif)
    _check_memory(layout, header, turned=exif.orientation != UPRIGHT)
    check_pixels(layout)
    transparent = layout.color_type in ALPHA_TYPES or b"tRNS" in layout.chunks
    stored = decoded_by_opencv(decodable(layout), cv2.IMREAD_UNCHANGED if transparent else DECODING)
    if stored is None or stored.dtype != _stored_dtype(layout):
        raise RefusedError("damaged PNG: its pixels cannot be decoded")
    covered = None
    if transparent:
        stored, alpha = _without_alpha(stored, layout)
        covered = None if alpha is None else opaque(upright(alpha, exif.orientation))
    pixels, white = upright(stored, exif.orientation), float(np.iinfo(stored.dtype).max)
    points = _code_points(layout)
    if points is not None and points.decoded:
        pixels = decode(pixels, points.transfer)
        white = plateau(pixels)
    return DecodedImage(header=header, pixels=pixels, white=white, covered=covered, exif=carried_block(block))


def _without_alpha(decoded: NDArray[Any], layout: PngLayout) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Split what OpenCV decodes with everything that the file holds into RGB (H, W, 3) and alpha (H, W)."""
    if decoded.ndim == 3:
        rgb = cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGB if decoded.shape[2] == 4 else cv2.COLOR_BGR2RGB)
        return np.asarray(rgb), np.ascontiguousarray(decoded[..., 3]) if decoded.shape[2] == 4 else None
    (grey,) = struct.unpack(">H", layout.chunks[b"tRNS"][:2])  # the one grey that is transparent
    scale = 255 // (2**layout.bit_depth - 1) if layout.bit_depth < 8 else 1
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB)), (decoded != grey * scale).view(np.uint8)


def _check_memory(layout: PngLayout, header: ImageHeader, *, turned: bool) -> None:
    """Refuse a picture that does not fit into memory: its file, twice, its pixels, the decoder's and the turned ones.

    Measured: OpenCV 5 takes twice what it returns, for every depth, colour type and interlacing.
    """
    stored = _stored_dtype(layout)
    sample_bytes = stored.itemsize * (3 if turned else 2)
    if header.dtype != stored:
        sample_bytes += np.dtype(header.dtype).itemsize
    check_memory(2 * sum(map(len, layout.pixels)) + 3 * header.width * header.height * sample_bytes)


def _stored_dtype(layout: PngLayout) -> np.dtype[Any]:
    """Type of what the decoder returns."""
    return np.dtype(np.uint16 if layout.bit_depth == 16 else np.uint8)


def _code_points(layout: PngLayout) -> CodePoints | None:
    stored = layout.chunks.get(b"cICP")
    return None if stored is None else read_code_points(stored)


def _exif(layout: PngLayout) -> tuple[Exif, bytes | None]:
    """What the camera wrote, and the EXIF block of it: the EXIF chunk's, else a text chunk's."""
    profiles = read_profiles(layout.texts)
    block = layout.chunks.get(b"eXIf", profiles.exif)
    return read_exif_block(block, profiles.xmp), block


def _header(path: Path, layout: PngLayout, exif: Exif) -> ImageHeader:
    width, height = upright_size(layout.width, layout.height, exif.orientation)
    points = _code_points(layout)
    chromaticities, linear = (points.chromaticities, points.linear) if points else _colour(layout.chunks)
    return ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.color_type in GREY_TYPES else 3,
        dtype="float32" if points is not None and points.decoded else _stored_dtype(layout).name,
        linear=linear,
        chromaticities=chromaticities,
        capture=exif.capture,
        orientation=exif.orientation,
        bits=8 if layout.color_type == PALETTE else layout.bit_depth,
    )


def _colour(chunks: dict[bytes, bytes]) -> tuple[Chromaticities, bool]:
    """Primaries and linearity: the profile, else sRGB, else cHRM and gAMA (the standard's precedence, behind cICP)."""
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

"""JPEG (ITU-T T.81, JFIF, EXIF): strict decoding, so that a damaged file is refused rather than shown."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from hdrfuse.formats.cmyk import cmyk_to_srgb
from hdrfuse.formats.exif import Exif, carried_block, read_exif_block
from hdrfuse.formats.icc import ADOBE_RGB, read_profile
from hdrfuse.formats.image import REC709, DecodedImage, ImageHeader
from hdrfuse.formats.orientation import upright, upright_size
from hdrfuse.formats.refusal import RefusedError, check_size
from hdrfuse.formats.xmp import JPEG_IDENTIFIER as XMP_IDENTIFIER

SOI, EOI, SOS, APP1, APP2, APP14 = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
LOSSLESS_FRAMES = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a segment behind them."""

MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends entropy-coded data: not a stuffed 0, a restart or a fill byte."""

HEADER_BYTES = 2**18
"""What is read for a header first; it nearly always holds every segment before the first scan."""

HIGHEST_RATIO = 3 * 1024
"""A progressive scan of one flat colour reaches 1024 pixels a byte."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What stands before a JPEG's first scan."""

    width: int
    height: int
    components: int
    first_scan: int
    """Byte position of the first start-of-scan marker."""
    exif: bytes | None
    xmp: bytes | None
    icc: bytes | None
    adobe: bool
    """An Adobe marker: CMYK is stored inverted."""


def read_header(path: Path) -> ImageHeader:
    """Return what the segments before the first scan say."""
    file_bytes = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(HEADER_BYTES)
        try:
            layout = _layout(start, file_bytes)
        except RefusedError:
            layout = _layout(start + stream.read(), file_bytes)  # a large profile or preview stands first
    return _header(path, layout, read_exif_block(layout.exif, layout.xmp))


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8, white 255. Raises RefusedError at the first sign of damage."""
    data = path.read_bytes()
    layout = _layout(data, len(data))
    exif = read_exif_block(layout.exif, layout.xmp)
    header = _header(path, layout, exif)
    _check_complete(data, layout.first_scan)
    if layout.components == 4:
        ink = _decode(data, "CMYK")
        pixels = cmyk_to_srgb(np.invert(ink, out=ink) if layout.adobe else ink, layout.icc)
    else:
        pixels = _decode(data, "RGB")
    return DecodedImage(
        header=header, pixels=upright(pixels, exif.orientation), white=255.0, exif=carried_block(layout.exif)
    )


def _decode(data: bytes, colorspace: str) -> NDArray[np.uint8]:
    try:
        return simplejpeg.decode_jpeg(data, colorspace=colorspace, strict=True)
    except ValueError as error:
        raise RefusedError(f"damaged JPEG: {error}") from error


def _header(path: Path, layout: Layout, exif: Exif) -> ImageHeader:
    width, height = upright_size(layout.width, layout.height, exif.orientation)
    header = ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.components == 1 else 3,
        dtype="uint8",
        linear=False,
        chromaticities=ADOBE_RGB if exif.adobe_rgb else REC709,
        capture=exif.capture,
    )
    profile = read_profile(layout.icc)
    return replace(header, chromaticities=profile.chromaticities, linear=profile.linear) if profile else header


def _layout(data: bytes, file_bytes: int) -> Layout:
    """Walk the segments up to the first scan."""
    exif: bytes | None = None
    xmp: bytes | None = None
    icc_parts: dict[int, bytes] = {}
    adobe = False
    frame: tuple[int, int, int] | None = None
    position = 2
    while True:
        marker, position = _marker_at(data, position)
        if marker == EOI:
            raise RefusedError("damaged JPEG: no picture between its first and its last marker")
        if marker in STANDALONE:
            continue
        length = int.from_bytes(data[position : position + 2])
        body = data[position + 2 : position + length]
        if length < 2 or position + length > len(data):
            raise RefusedError(f"truncated JPEG: it ends inside segment FF{marker:02X}")
        if marker == SOS:
            break
        if marker in FRAMES:
            frame = _frame(marker, body)
        elif marker == APP1 and exif is None and body.startswith(b"Exif\0"):
            exif = body[6:]
        elif marker == APP1 and xmp is None and body.startswith(XMP_IDENTIFIER):
            xmp = body.removeprefix(XMP_IDENTIFIER)
        elif marker == APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            icc_parts[body[12]] = body[14:]
        elif marker == APP14 and body.startswith(b"Adobe"):
            adobe = True
        position += length
    if frame is None:
        raise RefusedError("damaged JPEG: a scan before the frame header")
    width, height, components = frame
    decoded_bytes = width * height * max(3, components)
    check_size(width, height, decoded_bytes=decoded_bytes, file_bytes=file_bytes, highest_ratio=HIGHEST_RATIO)
    icc = b"".join(part for _, part in sorted(icc_parts.items())) or None
    return Layout(
        width=width,
        height=height,
        components=components,
        first_scan=position - 2,
        exif=exif,
        xmp=xmp,
        icc=icc,
        adobe=adobe,
    )


def _frame(marker: int, body: bytes) -> tuple[int, int, int]:
    """Width, height and number of components of a frame header."""
    if len(body) < 6:
        raise RefusedError("damaged JPEG: a frame header without a size")
    precision, components = body[0], body[5]
    if marker in LOSSLESS_FRAMES:
        raise RefusedError("is a lossless JPEG; expected baseline or progressive")
    if precision != 8:
        raise RefusedError(f"is a {precision}-bit JPEG; expected 8 bits")
    if components not in (1, 3, 4):
        raise RefusedError(f"is a JPEG of {components} components; expected 1, 3 or 4")
    return int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), components


def _marker_at(data: bytes, position: int) -> tuple[int, int]:
    """Return the marker at a position, fill bytes skipped, and the position behind it."""
    if data[position : position + 1] != b"\xff":
        if position >= len(data):
            raise RefusedError(f"truncated JPEG: it ends after {len(data):,} bytes without an end marker")
        raise RefusedError(f"damaged JPEG: no marker at byte {position:,}")
    while data[position : position + 1] == b"\xff":
        position += 1
    if position >= len(data):
        raise RefusedError(f"truncated JPEG: it ends after {len(data):,} bytes without an end marker")
    return data[position], position + 1


def _check_complete(data: bytes, position: int) -> None:
    """Follow scans and segments to the end-of-image marker; what stands behind it is not this picture's."""
    while True:
        marker, position = _marker_at(data, position)
        if marker == EOI:
            return
        if marker in STANDALONE:
            continue
        position += int.from_bytes(data[position : position + 2])
        if marker == SOS:
            found = MARKER_IN_SCAN.search(data, position)
            if found is None:
                raise RefusedError(f"truncated JPEG: it ends after {len(data):,} bytes without an end marker")
            position = found.start()

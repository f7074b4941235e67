"""JPEG (ITU-T T.81, JFIF, EXIF): strict decoding, so that a damaged file is refused rather than shown."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from hdrfuse.formats.cmyk import cmyk_to_srgb
from hdrfuse.formats.exif import Exif, read_exif_block
from hdrfuse.formats.exif_block import carried_block
from hdrfuse.formats.icc import ADOBE_RGB, read_profile
from hdrfuse.formats.image import REC709, DecodedImage, ImageHeader
from hdrfuse.formats.jpeg_segments import EOI, SOS, decodable, segments
from hdrfuse.formats.orientation import UPRIGHT, upright, upright_size
from hdrfuse.formats.refusal import RefusedError, check_memory, check_size
from hdrfuse.formats.xmp import JPEG_IDENTIFIER as XMP_IDENTIFIER

APP1, APP2, APP14 = 0xE1, 0xE2, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
LOSSLESS_FRAMES = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
PROGRESSIVE_FRAMES = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

HEADER_BYTES = 2**18
"""What is read for a header first; it nearly always holds every segment before the first scan."""

HIGHEST_RATIO = 3 * 1024
"""A progressive scan of one flat colour reaches 1024 pixels a byte."""

STRAY = "extraneous bytes before marker"
"""What the decoder says of bytes behind a scan that no pixel needed: padding, or what damage left over."""


@dataclass(frozen=True, kw_only=True)
class JpegFrame:
    """What the frame header says."""

    width: int
    height: int
    components: int
    progressive: bool
    stored_samples: float
    """Samples a pixel that are stored: 3 without subsampling, 1.5 where colour has half the columns and rows."""


@dataclass(frozen=True, kw_only=True)
class JpegLayout:
    """What stands before a JPEG's first scan."""

    frame: JpegFrame
    exif: bytes | None
    xmp: bytes | None
    icc: bytes | None
    adobe: bool
    """An Adobe marker: CMYK is stored inverted."""
    several_scans: bool

    def check_size(self, stored_bytes: int) -> None:
        """Refuse a size that no picture of so many bytes has. Raises RefusedError."""
        frame = self.frame
        decoded_bytes = frame.width * frame.height * max(3, frame.components)
        check_size(
            frame.width, frame.height, decoded_bytes=decoded_bytes, file_bytes=stored_bytes, highest_ratio=HIGHEST_RATIO
        )

    def check_memory(self, stored_bytes: int, *, turned: bool) -> None:
        """Refuse a picture that does not fit into memory: pixels, what they are turned or converted to, coefficients.

        The decoder keeps the coefficients, 16 bits each, of a picture that comes in several scans. Raises RefusedError.
        """
        pixel_bytes = float(max(3, self.frame.components) + 3 * (turned or self.frame.components == 4))
        if self.several_scans:
            pixel_bytes += 2 * self.frame.stored_samples
        check_memory(stored_bytes + int(self.frame.width * self.frame.height * pixel_bytes))


def read_header(path: Path) -> ImageHeader:
    """Return what the segments before the first scan say."""
    with path.open("rb") as stream:
        start = stream.read(HEADER_BYTES)
        try:
            layout = _layout(start)
        except RefusedError:
            layout = _layout(start + stream.read())  # a large profile or preview stands first
    layout.check_size(path.stat().st_size)
    return _header(path, layout, read_exif_block(layout.exif, layout.xmp))


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8, white 255. Raises RefusedError at the first sign of damage."""
    data = decodable(path.read_bytes())
    layout = _layout(data)
    layout.check_size(len(data))
    exif = read_exif_block(layout.exif, layout.xmp)
    layout.check_memory(len(data), turned=exif.orientation != UPRIGHT)
    header = _header(path, layout, exif)
    if layout.frame.components == 4:
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
        unpadded = data[:-2].rstrip(b"\0\xff") + data[-2:]
        if STRAY in str(error) and unpadded != data:  # where it was no padding, the decoder misses it
            return _decode(unpadded, colorspace)
        raise RefusedError(f"damaged JPEG: {error}") from error


def _header(path: Path, layout: JpegLayout, exif: Exif) -> ImageHeader:
    width, height = upright_size(layout.frame.width, layout.frame.height, exif.orientation)
    header = ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.frame.components == 1 else 3,
        dtype="uint8",
        linear=False,
        chromaticities=ADOBE_RGB if exif.adobe_rgb else REC709,
        capture=exif.capture,
        orientation=exif.orientation,
    )
    profile = read_profile(layout.icc)
    return replace(header, chromaticities=profile.chromaticities, linear=profile.linear) if profile else header


def _layout(data: bytes) -> JpegLayout:
    """Walk the segments up to the first scan."""
    exif: bytes | None = None
    xmp: bytes | None = None
    icc_parts: dict[int, bytes] = {}
    adobe = False
    frame: JpegFrame | None = None
    several_scans = False
    for marker, _, _, body in segments(data):
        if marker == EOI:
            raise RefusedError("damaged JPEG: no picture between its first and its last marker")
        if marker == SOS:
            several_scans = frame is not None and (frame.progressive or body[:1] != bytes([frame.components]))
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
    if frame is None:
        raise RefusedError("damaged JPEG: a scan before the frame header")
    icc = b"".join(part for _, part in sorted(icc_parts.items())) or None
    return JpegLayout(frame=frame, exif=exif, xmp=xmp, icc=icc, adobe=adobe, several_scans=several_scans)


def _frame(marker: int, body: bytes) -> JpegFrame:
    """Read a frame header."""
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise RefusedError("damaged JPEG: a frame header without a size")
    precision, components = body[0], body[5]
    if marker in LOSSLESS_FRAMES:
        raise RefusedError("is a lossless JPEG; expected baseline or progressive")
    if precision != 8:
        raise RefusedError(f"is a {precision}-bit JPEG; expected 8 bits")
    if components not in (1, 3, 4):
        raise RefusedError(f"is a JPEG of {components} components; expected 1, 3 or 4")
    samplings = [(factors >> 4, factors & 15) for factors in body[7 : 6 + 3 * components : 3]]
    whole = max(across for across, _ in samplings) * max(down for _, down in samplings)
    if whole == 0:
        raise RefusedError("damaged JPEG: a frame header with sampling factors of 0")
    return JpegFrame(
        width=int.from_bytes(body[3:5]),
        height=int.from_bytes(body[1:3]),
        components=components,
        progressive=marker in PROGRESSIVE_FRAMES,
        stored_samples=sum(across * down for across, down in samplings) / whole,
    )

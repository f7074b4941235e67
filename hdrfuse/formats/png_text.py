"""PNG's text chunks: EXIF and XMP stand there too, EXIF where the writer is older than the eXIf chunk."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from hdrfuse.formats.xmp import JPEG_IDENTIFIER

TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type xmp")
"""Keywords under which ImageMagick, ExifTool, GIMP and digiKam write profiles as hexadecimal digits."""

XMP_KEYWORD = b"XML:com.adobe.xmp"
KEYWORDS = frozenset({*RAW_PROFILES, XMP_KEYWORD})
LARGEST_TEXT_BYTES = 2**23
"""What is unpacked of one text: XMP's bound, and twice that of an EXIF block, of two digits a byte."""

MOST_UNPACKED_BYTES = 4 * LARGEST_TEXT_BYTES
"""What is unpacked of all texts of a file, one of each keyword at its largest: a thousand such fit into 8 MB."""

EXIF_IDENTIFIER = b"Exif\0\0"
BYTE_ORDERS = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """What the text chunks hold of the camera; None where they hold nothing."""

    exif: bytes | None = None
    """Without its identifier."""
    xmp: bytes | None = None


def keyword_of(body: bytes) -> bytes:
    """Return the keyword of a text chunk."""
    return body[:80].partition(b"\0")[0]


def read_profiles(chunks: Iterable[tuple[bytes, bytes]]) -> Profiles:
    """Read EXIF and XMP from text chunks (name and contents); what is damaged says nothing."""
    exif = xmp = None
    unpacked = 0
    for name, body in chunks:
        if unpacked >= MOST_UNPACKED_BYTES:
            break  # no camera's
        keyword = keyword_of(body)
        if keyword not in KEYWORDS:
            continue
        text = _text(name, body[len(keyword) + 1 :])
        unpacked += LARGEST_TEXT_BYTES if text is None else len(text)  # the damage may stand at its end
        if text is None:
            continue
        profile = text if keyword == XMP_KEYWORD else _raw_profile(text)
        if profile.startswith(JPEG_IDENTIFIER):
            xmp = xmp or profile.removeprefix(JPEG_IDENTIFIER)
        elif keyword == XMP_KEYWORD or keyword.endswith(b"xmp"):
            xmp = xmp or profile
        elif (block := profile.removeprefix(EXIF_IDENTIFIER)).startswith(BYTE_ORDERS):
            exif = exif or block
    return Profiles(exif=exif, xmp=xmp)


def _text(name: bytes, stored: bytes) -> bytes | None:
    """Text behind the keyword (ISO/IEC 15948, 11.3.3), at most `LARGEST_TEXT_BYTES` of it."""
    if name == b"tEXt":
        return stored
    packed = name == b"zTXt" or stored[:1] == b"\1"
    stored = stored[1:] if name == b"zTXt" else stored[2:].split(b"\0", 2)[-1]  # behind language and translation
    if not packed:
        return stored
    try:
        return zlib.decompressobj().decompress(stored, LARGEST_TEXT_BYTES)
    except zlib.error:
        return None


def _raw_profile(text: bytes) -> bytes:
    """Profile of a text that states its kind, its length and its bytes in hexadecimal, empty if it is none."""
    _, length, digits, *_ = [*text.split(maxsplit=2), b"", b"", b""]
    try:
        profile = bytes.fromhex(digits.decode("ascii"))
        return profile if len(profile) == int(length) else b""
    except ValueError:
        return b""

"""Which format a file is in: by its first bytes, checked against its suffix."""

import importlib.util
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from hdrfuse.formats.refusal import RefusedError
from hdrfuse.formats.regular import check_regular
from hdrfuse.text import worded


class Kind(StrEnum):
    """The formats that are read; the value is the name in messages."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    RAW = "camera RAW file"
    EXR = "OpenEXR file"
    RADIANCE = "Radiance HDR file"


# fmt: off
RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc",
    ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2",
    ".srf", ".srw", ".x3f",
})
# fmt: on
"""Suffixes of camera RAW files."""

SCENE_REFERRED_SUFFIXES = frozenset({".exr", ".hdr"})
"""Suffixes of formats that hold linear radiance and nothing else."""

SUFFIXES: dict[Kind, frozenset[str]] = {
    Kind.JPEG: frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    Kind.PNG: frozenset({".png"}),
    Kind.TIFF: frozenset({".tif", ".tiff"}),
    Kind.RAW: RAW_SUFFIXES,
    Kind.EXR: frozenset({".exr"}),
    Kind.RADIANCE: frozenset({".hdr"}),
}

READABLE_SUFFIXES = frozenset().union(*SUFFIXES.values())
"""Suffixes of every file that `read_image` takes, in lower case."""

UNREAD_SUFFIXES = {
    ".heic": "HEIC", ".heif": "HEIF", ".hif": "HEIF", ".avif": "AVIF", ".jxl": "JPEG XL", ".webp": "WebP",
    ".jp2": "JPEG 2000", ".j2k": "JPEG 2000", ".psd": "Photoshop", ".psb": "Photoshop", ".bmp": "BMP", ".gif": "GIF",
}  # fmt: skip
"""Suffixes of pictures in formats that are not read, with the format's name."""

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", Kind.JPEG),
    (0, b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (8, b"CR\x02", Kind.RAW),
    (0, b"II*\0", Kind.TIFF),
    (0, b"MM\0*", Kind.TIFF),
    (0, b"II+\0", Kind.TIFF),
    (0, b"MM\0+", Kind.TIFF),
    (0, b"v/1\x01", Kind.EXR),
    (0, b"#?RADIANCE", Kind.RADIANCE),
    (0, b"#?RGBE", Kind.RADIANCE),
    (0, b"#?AUTOPANO", Kind.RADIANCE),
    (4, b"ftypcrx ", Kind.RAW),
    (0, b"FUJIFILMCCD-RAW", Kind.RAW),
    (0, b"IIRO", Kind.RAW),
    (0, b"IIRS", Kind.RAW),
    (0, b"MMOR", Kind.RAW),
    (0, b"IIU\0", Kind.RAW),
    (0, b"FOVb", Kind.RAW),
    (0, b"\0MRM", Kind.RAW),
    (6, b"HEAPCCDR", Kind.RAW),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"8BPS", "Photoshop document"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP archive"),
)
"""(offset, bytes there, what it is); the first that fits counts."""

SNIFFED_BYTES = 32


def identify(path: Path) -> Kind:
    """Return the format of a file, known by its content and confirmed by its suffix.

    Raises RefusedError if the file is empty, of no readable format, or not what its suffix says.
    """
    promised = next((kind for kind, suffixes in SUFFIXES.items() if path.suffix.lower() in suffixes), None)
    if promised is None and (unread := UNREAD_SUFFIXES.get(path.suffix.lower())):
        raise RefusedError(not_read({unread: 1}))
    if promised is None and not path.exists():
        raise FileNotFoundError(path)
    if promised is None:
        readable = " ".join(sorted(READABLE_SUFFIXES - RAW_SUFFIXES))
        raise RefusedError(f"suffix {path.suffix!r} is not an image's; expected {readable} or camera RAW")
    check_regular(path)
    with path.open("rb") as stream:
        start = stream.read(SNIFFED_BYTES)
    if not start:
        raise RefusedError(f"is empty (0 bytes); expected a {promised}")
    found = next((name for at, magic, name in SIGNATURES if start[at : at + len(magic)] == magic), None)
    if found is None:
        if promised is Kind.RAW:
            return promised  # some cameras' files begin with nothing that tells; LibRaw decides
        raise RefusedError(f"is no {promised}: it begins with {start[:8]!r}")
    if found == promised or (promised is Kind.RAW and found == Kind.TIFF):
        return promised
    raise RefusedError(f"is a {found}, its suffix says {promised}")


def raw_is_readable() -> bool:
    """Whether rawpy is installed; it is not imported."""
    return importlib.util.find_spec("rawpy") is not None


def not_read(counts: Mapping[str, int]) -> str:
    """Say how many files of which formats are not read, and what helps: "3 HEIC files are not read; ..."."""
    listed = " and ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{listed} {worded(sum(counts.values()), 'file is', 'files are')} not read; export as JPEG or TIFF"

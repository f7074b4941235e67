"""Maker notes: what Canon, Nikon and Sony say of a bracket beyond EXIF (tags as in ExifTool's tables).

exifread knows these tags too, but takes a note apart byte by byte, a second for a large one; here only the few
that matter are looked up.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

TAG_EXIF_IFD, TAG_MAKER_NOTE = 0x8769, 0x927C
ORDERS = {b"II": "<", b"MM": ">"}
LAYOUTS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i"}
"""struct's letters for the field types that are read; a rational (10) is two of them."""

RATIONAL = 10
MOST_ENTRIES, MOST_VALUES = 1000, 256

CANON_SHOT_INFO, CANON_FILE_INFO = 0x0004, 0x0093
CANON_SHIFT_INDEX, CANON_MODE_INDEX, CANON_SHOT_INDEX = 17, 3, 5
CANON_AEB = 1
CANON_EV = 32
NIKON_SHIFT, NIKON_RELEASE = 0x0019, 0x0089
NIKON_AEB_BIT = 0x10
NIKON_HEADER_BYTES, SONY_HEADER_BYTES = 10, 12
SONY_RELEASE, SONY_SHOT = 0xB049, 0xB04A
SONY_AEB, SONY_NOTHING = 5, 0xFFFF

Values = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Bracketing:
    """What a camera says of its automatic bracketing; None where it says nothing."""

    shift_ev: float | None = None
    """How far it moved this frame's exposure."""
    shot: int | None = None
    """Place in the sequence, from 1."""
    on: bool = False


def read_bracketing(stream: BinaryIO, make: str | None) -> Bracketing:
    """Read a TIFF-like EXIF structure, as `read_exif` takes it; empty where there is no note or a damaged one."""
    reader = {"canon": _canon, "nikon": _nikon, "sony": _sony}.get((make or "").split(" ")[0].lower())
    if reader is None:
        return Bracketing()
    try:
        stream.seek(0)
        tiff = _Directories(stream, base=0)
        exif = tiff.entries(tiff.first()).get(TAG_EXIF_IFD)
        note = None if exif is None else tiff.entries(tiff.numbers(exif)[0]).get(TAG_MAKER_NOTE)
        return Bracketing() if note is None else reader(tiff, tiff.offset_of(note))
    except (struct.error, OSError, ValueError, IndexError, KeyError, OverflowError):
        return Bracketing()


@dataclass(frozen=True, kw_only=True)
class _Entry:
    tag: int
    kind: int
    count: int
    at: int
    """Where the value or its offset stands in the file."""


class _Directories:
    """Image file directories whose offsets count from `base`."""

    def __init__(self, stream: BinaryIO, *, base: int, order: str | None = None) -> None:
        self._stream, self._base = stream, base
        stream.seek(base)
        self._order = order or ORDERS[stream.read(2)]

    def first(self) -> int:
        """Offset of the first directory."""
        return self._unpack("I", self._base + 4)[0]

    def entries(self, offset: int) -> dict[int, _Entry]:
        """Entries of the directory at an offset, by tag."""
        (count,) = self._unpack("H", self._base + offset)
        return {entry.tag: entry for entry in self._entries(self._base + offset + 2, min(count, MOST_ENTRIES))}

    def _entries(self, position: int, count: int) -> Iterator[_Entry]:
        for at in range(position, position + 12 * count, 12):
            tag, kind, values = self._unpack("HHI", at)
            yield _Entry(tag=tag, kind=kind, count=values, at=at + 8)

    def offset_of(self, entry: _Entry) -> int:
        """Offset at which an entry's values stand when they do not fit into it."""
        return self._unpack("I", entry.at)[0]

    def numbers(self, entry: _Entry | None, *, signed: bool = False) -> Values:
        """Values of an entry, none for an entry that is not there or of another type."""
        layout = LAYOUTS.get(entry.kind) if entry else None
        if entry is None or layout is None:
            return ()
        layout = layout.lower() if signed else layout
        count = min(entry.count, MOST_VALUES) * (2 if entry.kind == RATIONAL else 1)
        at = entry.at if struct.calcsize(f"<{count}{layout}") <= 4 else self._base + self.offset_of(entry)
        return self._unpack(f"{count}{layout}", at)

    def beside(self, offset: int) -> "_Directories":
        """Directories in a note that counts its offsets from its own start, and has its own byte order."""
        return _Directories(self._stream, base=self._base + offset)

    def starts_with(self, offset: int, text: bytes) -> bool:
        self._stream.seek(self._base + offset)
        return self._stream.read(len(text)) == text

    def _unpack(self, layout: str, position: int) -> Values:
        layout = self._order + layout
        self._stream.seek(position)
        return struct.unpack(layout, self._stream.read(struct.calcsize(layout)))


def _canon(tiff: _Directories, note: int) -> Bracketing:
    entries = tiff.entries(note)
    info = tiff.numbers(entries.get(CANON_SHOT_INFO), signed=True)
    file = tiff.numbers(entries.get(CANON_FILE_INFO), signed=True)
    on = file[CANON_MODE_INDEX : CANON_MODE_INDEX + 1] == (CANON_AEB,)
    shot = file[CANON_SHOT_INDEX] if on and len(file) > CANON_SHOT_INDEX else 0
    shift = _canon_ev(info[CANON_SHIFT_INDEX]) if on and len(info) > CANON_SHIFT_INDEX else None
    return Bracketing(shift_ev=shift, shot=shot if shot > 0 else None, on=on)


def _canon_ev(stored: int) -> float:
    """Canon's 32nds of an EV, in which 12 and 20 stand for a third and two."""
    whole, part = divmod(abs(stored), CANON_EV)
    return (whole + {12: 1 / 3, 20: 2 / 3}.get(part, part / CANON_EV)) * (1 if stored >= 0 else -1)


def _nikon(tiff: _Directories, note: int) -> Bracketing:
    if not tiff.starts_with(note, b"Nikon\0\x02"):
        return Bracketing()
    own = tiff.beside(note + NIKON_HEADER_BYTES)
    entries = own.entries(own.first())
    release = own.numbers(entries.get(NIKON_RELEASE))
    shift = own.numbers(entries.get(NIKON_SHIFT))
    on = bool(release and release[0] & NIKON_AEB_BIT)
    return Bracketing(shift_ev=shift[0] / shift[1] if on and len(shift) > 1 and shift[1] else None, on=on)


def _sony(tiff: _Directories, note: int) -> Bracketing:
    entries = tiff.entries(note + (SONY_HEADER_BYTES if tiff.starts_with(note, b"SONY ") else 0))
    release, shot = tiff.numbers(entries.get(SONY_RELEASE)), tiff.numbers(entries.get(SONY_SHOT))
    on = release[:1] == (SONY_AEB,)
    return Bracketing(shot=shot[0] if on and shot and 0 < shot[0] < SONY_NOTHING else None, on=on)

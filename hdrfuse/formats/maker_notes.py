"""Maker notes: what Canon, Nikon and Sony say of a bracket beyond EXIF (tags as in ExifTool's tables).

Libraries that know these tags take a note apart byte by byte, a second for a large one; here only the few that
matter are looked up.
"""

from dataclasses import dataclass
from typing import BinaryIO

from hdrfuse.formats.directories import DAMAGED, Directories

TAG_EXIF_IFD, TAG_MAKER_NOTE = 0x8769, 0x927C

CANON_SHOT_INFO, CANON_FILE_INFO = 0x0004, 0x0093
CANON_SHIFT_INDEX, CANON_MODE_INDEX, CANON_SHOT_INDEX = 17, 3, 5
CANON_AEB = 1
CANON_EV = 32
NIKON_SHIFT, NIKON_RELEASE = 0x0019, 0x0089
NIKON_AEB_BIT = 0x10
NIKON_HEADER_BYTES, SONY_HEADER_BYTES = 10, 12
SONY_RELEASE, SONY_SHOT = 0xB049, 0xB04A
SONY_AEB, SONY_NOTHING = 5, 0xFFFF


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
        tiff = Directories(stream)
        exif = tiff.entries(tiff.first()).get(TAG_EXIF_IFD)
        note = None if exif is None else tiff.entries(tiff.numbers(exif)[0]).get(TAG_MAKER_NOTE)
        return Bracketing() if note is None else reader(tiff, tiff.offset_of(note))
    except (*DAMAGED, IndexError, KeyError):
        return Bracketing()


def _canon(tiff: Directories, note: int) -> Bracketing:
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


def _nikon(tiff: Directories, note: int) -> Bracketing:
    if not tiff.starts_with(note, b"Nikon\0\x02"):
        return Bracketing()
    own = tiff.beside(note + NIKON_HEADER_BYTES)
    entries = own.entries(own.first())
    release = own.numbers(entries.get(NIKON_RELEASE))
    shift = own.numbers(entries.get(NIKON_SHIFT))
    on = bool(release and release[0] & NIKON_AEB_BIT)
    return Bracketing(shift_ev=shift[0] / shift[1] if on and len(shift) > 1 and shift[1] else None, on=on)


def _sony(tiff: Directories, note: int) -> Bracketing:
    entries = tiff.entries(note + (SONY_HEADER_BYTES if tiff.starts_with(note, b"SONY ") else 0))
    release, shot = tiff.numbers(entries.get(SONY_RELEASE)), tiff.numbers(entries.get(SONY_SHOT))
    on = release[:1] == (SONY_AEB,)
    return Bracketing(shot=shot[0] if on and shot and 0 < shot[0] < SONY_NOTHING else None, on=on)

"""Maker notes are laid out here by hand; exifread, which reads them too, says whether they are right."""

import io
import struct

import exifread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.formats import Capture
from hdrfuse.formats.exif import read_exif_block
from hdrfuse.formats.maker_notes import Bracketing, read_bracketing

SHORT, UNDEFINED, SIGNED_RATIONAL = 3, 7, 10


def directory(order, entries, *, at):
    """A directory at an offset, its values behind it; entries (tag, type, count, bytes)."""
    data_at = at + 2 + 12 * len(entries) + 4
    listed, data = b"", b""
    for tag, kind, count, value in sorted(entries):
        if len(value) > 4:
            listed += struct.pack(f"{order}HHII", tag, kind, count, data_at + len(data))
            data += value
        else:
            listed += struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(entries)) + listed + bytes(4) + data


def with_note(make, note_at, *, order="<"):
    """An EXIF block by a maker whose note is `note_at(offset)`."""
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    size = 2 + 2 * 12 + 4 + len(make) + 1
    first = directory(
        order, [(271, 2, len(make) + 1, make + b"\0"), (34665, 4, 1, struct.pack(f"{order}I", 8 + size))], at=8
    )
    inner = directory(order, [(37500, UNDEFINED, 9, b"?" * 9)], at=8 + len(first))
    offset = 8 + len(first) + len(inner) - 9
    note = note_at(offset)
    inner = directory(order, [(37500, UNDEFINED, len(note), note)], at=8 + len(first))
    return start + first + inner


def canon(mode, shift, shot):
    info, file = [0] * 34, [0] * 26
    info[17], file[3], file[5] = shift, mode, shot
    entries = [
        (0x0004, SHORT, len(info), struct.pack(f"<{len(info)}h", *info)),
        (0x0093, SHORT, len(file), struct.pack(f"<{len(file)}h", *file)),
    ]
    return with_note(b"Canon", lambda offset: directory("<", entries, at=offset))


def nikon(release, shift_sixths, *, order=">"):
    entries = [
        (0x0019, SIGNED_RATIONAL, 1, struct.pack(f"{order}ii", shift_sixths, 6)),
        (0x0089, SHORT, 1, struct.pack(f"{order}H", release)),
    ]
    header = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    note = b"Nikon\0\x02\x10\0\0" + header + directory(order, entries, at=8)
    return with_note(b"NIKON CORPORATION", lambda offset: note, order=order)


def sony(release, shot):
    entries = [(0xB049, SHORT, 1, struct.pack("<H", release)), (0xB04A, SHORT, 1, struct.pack("<H", shot))]
    return with_note(b"SONY", lambda offset: directory("<", entries, at=offset))


def by_exifread(block):
    return exifread.process_file(io.BytesIO(block), details=True)


@pytest.mark.parametrize(
    ("stored", "ev"), [(0, 0), (-0x40, -2), (0x40, 2), (0x2C, 4 / 3), (-0x14, -2 / 3), (0x30, 1.5)]
)
def test_canon_says_shift_and_shot(stored, ev):
    block = canon(1, stored, 2)
    tags = by_exifread(block)
    assert (str(tags["MakerNote BracketMode"]), tags["MakerNote BracketShotNumber"].values) == ("AEB", 2)
    capture = read_exif_block(block).capture
    assert capture.exposure_mode == "bracket"
    assert capture.bracket_shift_ev == pytest.approx(ev)
    assert capture.bracket_shot == 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_nikon_says_the_shift(order):
    block = nikon(0x11, -8, order=order)
    tags = by_exifread(block)
    assert str(tags["MakerNote BracketingMode"]) == "Continuous, exposure bracketing"
    assert float(tags["MakerNote AEBracketCompensationApplied"].values[0]) == pytest.approx(-4 / 3)
    capture = read_exif_block(block).capture
    assert (capture.exposure_mode, capture.bracket_shift_ev) == ("bracket", pytest.approx(-4 / 3))


def test_sony_says_the_shot():
    block = sony(5, 3)
    tags = by_exifread(block)
    assert str(tags["MakerNote ReleaseMode"]).strip() == "Exposure Bracketing"
    assert tags["MakerNote SequenceNumber"].values == [3]
    capture = read_exif_block(block).capture
    assert (capture.exposure_mode, capture.bracket_shot) == ("bracket", 3)


@pytest.mark.parametrize("block", [canon(0, -0x40, 1), canon(4, 0, 2), nikon(0x01, -8), nikon(0x41, 0), sony(2, 3)])
def test_bursts_and_other_bracketing_are_no_exposure_bracket(block):
    capture = read_exif_block(block).capture
    assert capture == Capture(camera=capture.camera)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([canon(1, 0, 1), nikon(0x11, 6), sony(5, 1)]), st.data())
def test_a_damaged_note_says_something_or_nothing(block, data):
    damaged = bytearray(block)
    for place in data.draw(st.lists(st.integers(8, len(block) - 1), max_size=12)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = damaged[: data.draw(st.integers(0, len(block)))]
    for make in ("Canon", "NIKON CORPORATION", "SONY"):
        assert isinstance(read_bracketing(io.BytesIO(bytes(cut)), make), Bracketing)

"""Whether a RAW file is all there: its stored pieces lie inside of it, as far as its container tells."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hdrfuse.formats.refusal import RefusedError
from hdrfuse.text import counted

TIFF_MAGICS = {b"II*\0": "<", b"MM\0*": ">", b"IIRO": "<", b"IIRS": "<", b"MMOR": ">", b"IIU\0": "<"}
"""First bytes of the containers that are built as TIFF is: also Olympus and Panasonic."""

STRIPS, TILES, JPEG = (273, 279), (324, 325), (513, 514)
"""Pairs of tags: where pieces begin, and how long they are."""

SUB_DIRECTORIES = 330
INTEGER_SIZES = {1: 1, 3: 2, 4: 4, 13: 4}
MOST_DIRECTORIES = 64
MOST_PIECES = 2**20


def check_segments(path: Path) -> None:
    """Refuse a file whose strips, tiles, previews or boxes reach past its end. Raises RefusedError."""
    file_bytes = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(16)
        if start[:4] in TIFF_MAGICS:
            pieces = _tiff_pieces(stream, TIFF_MAGICS[start[:4]])
        elif start[4:8] == b"ftyp":
            pieces = _boxes(stream, file_bytes)
        elif start == b"FUJIFILMCCD-RAW ":
            pieces = _fuji_pieces(stream)
        else:
            return
        for offset, count in pieces:
            if offset + count > file_bytes:
                raise RefusedError(
                    f"truncated RAW file: {counted(file_bytes, 'byte')}; a piece of it ends at {offset + count:,}"
                )


def _tiff_pieces(stream: BinaryIO, order: str) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of every piece of every directory."""
    stream.seek(4)
    pending, seen = [_read(stream, f"{order}I")[0]], set[int]()
    while pending:
        offset = pending.pop()
        if offset == 0 or offset in seen:
            continue
        if len(seen) >= MOST_DIRECTORIES:
            raise RefusedError(f"damaged RAW file: more than {MOST_DIRECTORIES} directories")
        seen.add(offset)
        tags, following = _directory(stream, order, offset)
        pending += [following, *tags.get(SUB_DIRECTORIES, ())]
        for starts, counts in (STRIPS, TILES, JPEG):
            yield from zip(tags.get(starts, ()), tags.get(counts, ()), strict=False)


def _directory(stream: BinaryIO, order: str, offset: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the integers behind the tags that matter, and the offset of the next directory."""
    wanted = {SUB_DIRECTORIES, *STRIPS, *TILES, *JPEG}
    stream.seek(offset)
    (entries,) = _read(stream, f"{order}H")
    table = [_read(stream, f"{order}HHI4s") for _ in range(entries)]
    end = stream.read(4)
    following = struct.unpack(f"{order}I", end)[0] if len(end) == 4 else 0
    tags = dict[int, tuple[int, ...]]()
    for tag, kind, count, inline in table:
        if tag not in wanted or kind not in INTEGER_SIZES or count > MOST_PIECES:
            continue
        layout = f"{order}{count}{'xBxHI'[kind] if kind < 5 else 'I'}"
        size = struct.calcsize(layout)
        if size > 4:
            stream.seek(struct.unpack(f"{order}I", inline)[0])
            tags[tag] = _read(stream, layout)
        else:
            tags[tag] = struct.unpack(layout, inline[:size])
    return tags, following


def _read(stream: BinaryIO, layout: str) -> tuple[Any, ...]:
    size = struct.calcsize(layout)
    data = stream.read(size)
    if len(data) != size:
        raise RefusedError("truncated RAW file: it ends inside a directory")
    return struct.unpack(layout, data)


def _boxes(stream: BinaryIO, file_bytes: int) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of the outermost boxes of an ISO media file (Canon CR3)."""
    offset = 0
    while offset + 8 <= file_bytes:
        stream.seek(offset)
        size, _ = _read(stream, ">I4s")
        if size == 1:
            (size,) = _read(stream, ">Q")
        if size == 0:
            return  # the last box ends with the file
        yield offset, size
        offset += max(size, 8)


def _fuji_pieces(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of preview, header and mosaic of a Fujifilm RAF."""
    stream.seek(84)
    fields = _read(stream, ">6I")
    yield from zip(fields[::2], fields[1::2], strict=True)

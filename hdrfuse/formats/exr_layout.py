"""OpenEXR's outer structure: the header's attributes and the table of chunks, checked before decoding.

Source: OpenEXR file layout, https://openexr.com/en/latest/OpenEXRFileLayout.html
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from hdrfuse.formats.refusal import RefusedError, check_size
from hdrfuse.text import counted

TILED, DEEP, MULTI_PART = 0x200, 0x800, 0x1000
LARGEST_HEADER_BYTES = 2**24
LINES_PER_CHUNK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256, 10: 256, 11: 32}
"""Scan lines of a chunk by the compression's number: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB,
HTJ2K256, HTJ2K32."""

UNCOMPRESSED = 0
SAMPLE_BYTES = {0: 4, 1: 2, 2: 4}
"""Of UINT, HALF and FLOAT."""

HIGHEST_RATIO = 4096
LARGEST_SMALL_TILE = 2**20
"""Pixels of a tile that may be larger than the picture: it is allocated whole."""


@dataclass(frozen=True, kw_only=True)
class ExrLayout:
    """Where the chunks of a single-part, flat picture must be."""

    width: int
    height: int
    first_line: int
    channels: dict[str, int]
    """Sample type by channel name: 0 UINT, 1 HALF, 2 FLOAT."""
    subsampled: bool
    compression: int
    tile: tuple[int, int] | None
    table_start: int


def read_layout(stream: BinaryIO, file_bytes: int) -> ExrLayout:
    """Read the header of a file. Raises RefusedError if it is damaged, deep, multi-part or too large."""
    start = stream.read(min(file_bytes, LARGEST_HEADER_BYTES))
    if len(start) < 8:
        raise RefusedError(f"truncated OpenEXR file: {counted(len(start), 'byte')}")
    (flags,) = struct.unpack_from("<I", start, 4)
    if flags & 0xFF != 2 or flags & (DEEP | MULTI_PART):
        raise RefusedError("is a deep or multi-part OpenEXR file; expected one flat picture")
    attributes, end = _attributes(start)
    try:
        left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
        compression = attributes["compression"][0]
        channels, subsampled = _channels(attributes["channels"])
        tile = _tile(attributes["tiles"]) if flags & TILED else None
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise RefusedError(f"damaged OpenEXR file: its header lacks or spoils {error}") from error
    if compression not in LINES_PER_CHUNK:
        raise RefusedError(f"is an OpenEXR file of compression {compression}; expected 0 to {max(LINES_PER_CHUNK)}")
    width, height = right - left + 1, bottom - top + 1
    decoded_bytes = width * height * sum(SAMPLE_BYTES[kind] for kind in channels.values())
    check_size(width, height, decoded_bytes=decoded_bytes, file_bytes=file_bytes, highest_ratio=HIGHEST_RATIO)
    if tile is not None and tile[0] * tile[1] > max(LARGEST_SMALL_TILE, width * height):
        raise RefusedError(f"damaged OpenEXR file: tiles of {tile[0]}x{tile[1]} for {width}x{height} pixels")
    return ExrLayout(
        width=width,
        height=height,
        first_line=top,
        channels=channels,
        subsampled=subsampled,
        compression=compression,
        tile=tile,
        table_start=end,
    )


def check_chunks(stream: BinaryIO, layout: ExrLayout, file_bytes: int) -> None:
    """Refuse a file whose chunks are not all there, each in its place and with its full length."""
    count = _chunk_count(layout)
    stream.seek(layout.table_start)
    table = stream.read(8 * count)
    if len(table) != 8 * count:
        raise RefusedError(f"truncated OpenEXR file: it ends inside its table of {count:,} chunks")
    end_of_table = layout.table_start + 8 * count
    leader_bytes = 8 if layout.tile is None else 20
    row_bytes = layout.width * sum(SAMPLE_BYTES[kind] for kind in layout.channels.values())
    lines = LINES_PER_CHUNK[layout.compression]
    seen = set[tuple[int, ...]]()
    for index, offset in enumerate(np.frombuffer(table, "<u8").tolist()):
        if offset == 0:
            raise RefusedError(f"incomplete OpenEXR file: chunk {index} of {count} was never written")
        if offset < end_of_table or offset + leader_bytes > file_bytes:
            raise RefusedError(f"truncated OpenEXR file: chunk {index} begins at byte {offset:,} of {file_bytes:,}")
        stream.seek(offset)
        *place, size = struct.unpack(f"<{leader_bytes // 4}i", stream.read(leader_bytes))
        if size < 1 or offset + leader_bytes + size > file_bytes:
            raise RefusedError(
                f"truncated OpenEXR file: chunk {index} has {counted(size, 'byte')}, past the end of the file"
            )
        if layout.tile is None:
            line = place[0] - layout.first_line
            if line % lines or not 0 <= line < layout.height:
                raise RefusedError(f"damaged OpenEXR file: chunk {index} is for scan line {place[0]}")
            expected = min(lines, layout.height - line) * row_bytes
            if layout.compression == UNCOMPRESSED and not layout.subsampled and size != expected:
                raise RefusedError(
                    f"damaged OpenEXR file: chunk {index} has {counted(size, 'byte')}; expected {expected:,}"
                )
        seen.add(tuple(place))
    if len(seen) != count:
        raise RefusedError(f"damaged OpenEXR file: {len(seen)} different chunks; expected {count}")


def _chunk_count(layout: ExrLayout) -> int:
    if layout.tile is None:
        return -(-layout.height // LINES_PER_CHUNK[layout.compression])
    return -(-layout.width // layout.tile[0]) * -(-layout.height // layout.tile[1])


def _attributes(start: bytes) -> tuple[dict[str, bytes], int]:
    """Attribute values by name, and the position behind the header."""
    attributes, position = dict[str, bytes](), 8
    while True:
        name, position = _text(start, position)
        if not name:
            return attributes, position
        _, position = _text(start, position)
        if position + 4 > len(start):
            raise RefusedError("truncated OpenEXR file: it ends inside its header")
        (size,) = struct.unpack_from("<i", start, position)
        if size < 0 or position + 4 + size > len(start):
            raise RefusedError(f"truncated OpenEXR file: it ends inside attribute {name!r}")
        attributes[name] = start[position + 4 : position + 4 + size]
        position += 4 + size


def _text(data: bytes, position: int) -> tuple[str, int]:
    end = data.find(b"\0", position, position + 256)
    if end < 0:
        raise RefusedError("truncated or damaged OpenEXR file: no end of a name in its header")
    return data[position:end].decode("latin-1"), end + 1


def _channels(value: bytes) -> tuple[dict[str, int], bool]:
    channels, subsampled, position = dict[str, int](), False, 0
    while value[position] != 0:
        name, position = _text(value, position)
        kind, _, x_sampling, y_sampling = struct.unpack_from("<iIii", value, position)
        if kind not in SAMPLE_BYTES:
            raise ValueError(f"the type of channel {name!r}")
        channels[name] = kind
        subsampled = subsampled or x_sampling != 1 or y_sampling != 1
        position += 16
    return channels, subsampled


def _tile(value: bytes) -> tuple[int, int]:
    width, height, levels = struct.unpack("<IIB", value)
    if width < 1 or height < 1:
        raise ValueError("the size of its tiles")
    if levels & 0xF:
        raise RefusedError("is an OpenEXR texture of several levels; expected one level")
    return width, height


def color_channels(channels: dict[str, int]) -> Iterator[tuple[str, ...]]:
    """Yield the sets of channels that make a picture, best first: (R, G, B) or (Y,), of any layer."""
    for wanted in (("R", "G", "B"), ("r", "g", "b"), ("red", "green", "blue"), ("Y",)):
        for name in sorted(channels, key=len):
            layer, dot, last = name.rpartition(".")
            if last == wanted[0]:
                found = tuple(f"{layer}{dot}{channel}" for channel in wanted)
                if all(channel in channels for channel in found):
                    yield found


def alpha_channel(channels: dict[str, int], colours: tuple[str, ...]) -> str | None:
    """Return the alpha of the layer that some colour channels belong to, None if there is none."""
    layer, dot, _ = colours[0].rpartition(".")
    return next((name for last in ("A", "a", "alpha") if (name := f"{layer}{dot}{last}") in channels), None)

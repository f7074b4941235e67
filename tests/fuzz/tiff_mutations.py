"""Mutations of TIFF, BigTIFF, DNG and EXIF that keep the directories' structure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from fuzz.bytes_mutations import extreme, put, some_bytes

POINTERS = (330, 34665, 34853, 40965)
"""Tags that lead to further directories: SubIFDs, EXIF, GPS, interoperability."""

TYPES = (0, 1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 16, 99)
"""Of values: some that there are and some that there are not."""

MOST_DIRECTORIES, MOST_ENTRIES = 10, 200


@dataclass(frozen=True)
class Shape:
    """Byte order, and the letters of counts and offsets: classic or BigTIFF."""

    order: str
    entries: str
    offset: str
    first: int
    """Where the first directory's offset stands."""

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * struct.calcsize(self.offset)

    @property
    def offset_bytes(self) -> int:
        return struct.calcsize(self.offset)

    def number(self, letter: str, data: bytes, at: int) -> int:
        return struct.unpack_from(self.order + letter, data, at)[0]


def shape_of(data: bytes) -> Shape:
    """Return how a file's directories are written."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    return Shape(order, "Q", "Q", 8) if big else Shape(order, "H", "I", 4)


def directories(data: bytes, shape: Shape) -> Iterator[tuple[int, list[int]]]:
    """Yield each directory's place and the places of its entries."""
    to_do, seen = [shape.number(shape.offset, data, shape.first)], set[int]()
    while to_do and len(seen) < MOST_DIRECTORIES:
        at = to_do.pop()
        if at in seen or not 0 < at < len(data) - 8:
            continue
        seen.add(at)
        count = min(shape.number(shape.entries, data, at), MOST_ENTRIES)
        begin = at + struct.calcsize(shape.entries)
        entries = [begin + index * shape.entry_bytes for index in range(count)]
        entries = [entry for entry in entries if entry + shape.entry_bytes <= len(data)]
        yield at, entries
        for entry in entries:
            if shape.number("H", data, entry) in POINTERS:
                to_do.append(shape.number(shape.offset, data, entry + 4 + shape.offset_bytes))
        end = begin + count * shape.entry_bytes
        if end + shape.offset_bytes <= len(data):
            to_do.append(shape.number(shape.offset, data, end))


def directory_field(data: bytes, chance: Random) -> bytes:
    """Let one entry lie: its tag, type, number of values or value; at times the value leads back to a directory."""
    shape = shape_of(data)
    found = [(at, entries) for at, entries in directories(data, shape) if entries]
    directory, entries = chance.choice(found)
    entry, size = chance.choice(entries), shape.offset_bytes
    match chance.randrange(7):
        case 0:
            return put(data, entry, chance.randrange(2**16).to_bytes(2))
        case 1:
            return put(
                data, entry + 2, struct.pack(shape.order + "H", chance.choice((0, 1, 2, 3, 4, 5, 7, 10, 12, 99)))
            )
        case 2:
            return put(data, entry + 4, extreme(size, shape.order, chance))
        case 3 | 4:
            return put(data, entry + 4 + size, extreme(chance.choice((2, size)), shape.order, chance))
        case 5:
            back = struct.pack(shape.order + shape.offset, chance.choice((directory, entry, shape.first)))
            pointer = struct.pack(shape.order + "HH", chance.choice(POINTERS), 4)
            one = struct.pack(shape.order + shape.offset, 1)
            return put(data, entry, chance.choice((data[entry : entry + 4], pointer)) + one + back)
        case _:
            other = chance.choice(entries)
            return put(data, entry + 2, data[other + 2 : other + shape.entry_bytes])


def directory_size(data: bytes, chance: Random) -> bytes:
    """Let a directory's number of entries lie."""
    shape = shape_of(data)
    at, _ = chance.choice(list(directories(data, shape)))
    return put(data, at, extreme(struct.calcsize(shape.entries), shape.order, chance))


def next_directory(data: bytes, chance: Random) -> bytes:
    """Let a directory be followed by itself, by another or by none."""
    shape = shape_of(data)
    found = list(directories(data, shape))
    at, entries = chance.choice(found)
    behind = at + struct.calcsize(shape.entries) + len(entries) * shape.entry_bytes
    target = chance.choice([*(place for place, _ in found), 8, len(data) - 1, 2**31])
    return put(data, behind, struct.pack(shape.order + shape.offset, target))


def lose_an_entry(data: bytes, chance: Random) -> bytes:
    """Turn an entry into one that nobody knows."""
    shape = shape_of(data)
    _, entries = chance.choice([each for each in directories(data, shape) if each[1]])
    return put(data, chance.choice(entries), b"\xfd\xfd")


def pixels(data: bytes, chance: Random) -> bytes:
    """Damage what stands before the first directory or behind it: strips, tiles and values."""
    shape = shape_of(data)
    first = shape.number(shape.offset, data, shape.first)
    head = shape.first + shape.offset_bytes
    if first > head + 8 and chance.random() < 0.5:
        return (
            data[:head] + some_bytes(data[head:first], chance)[: first - head].ljust(first - head, b"\0") + data[first:]
        )
    at = min(len(data) - 1, first + 150)
    return data[:at] + some_bytes(data[at:], chance)


TIFF = {
    "TIFF entry": directory_field, "TIFF entry, one more": directory_field, "TIFF directory's size": directory_size,
    "TIFF next directory": next_directory, "TIFF entry lost": lose_an_entry, "TIFF pixels": pixels,
}  # fmt: skip

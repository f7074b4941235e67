"""Mutations of OpenEXR that keep the header's structure."""

import struct
from dataclasses import dataclass
from random import Random

from fuzz.bytes_mutations import LARGEST_BYTES, damaged_in_place, extreme, put, some_bytes

WHOLE_NUMBERS, FLOATS = (
    ("box2i", "tiledesc", "int", "chlist", "compression", "lineOrder", "v2i"),
    ("float", "v2f", "chromaticities"),
)
ODD_FLOATS = (0.0, -1.0, 1e-38, 1e38, float("nan"), float("inf"), -0.0, 5e-324)


@dataclass(frozen=True)
class Attribute:
    """Where an attribute stands: its begin, its size field and its value."""

    kind: str
    begin: int
    size_at: int
    value: int
    end: int


def attributes(data: bytes) -> list[Attribute]:
    """Return the header's attributes."""
    found, at = [], 8
    while data[at]:
        kind_at = data.index(b"\0", at) + 1
        size_at = data.index(b"\0", kind_at) + 1
        value = size_at + 4
        end = value + struct.unpack_from("<i", data, size_at)[0]
        if end < value:
            raise ValueError("no size")
        found.append(Attribute(data[kind_at : size_at - 1].decode("latin-1"), at, size_at, value, end))
        at = end
    return found


def number(data: bytes, chance: Random) -> bytes:
    """Set a number in an attribute's value: windows, tiles, samplings, colours, what the camera said."""
    each = chance.choice([one for one in attributes(data) if one.end > one.value])
    size = min(4, each.end - each.value)
    at = each.value + chance.randrange(max(1, (each.end - each.value) // size)) * size
    if (
        each.kind in FLOATS
        or each.kind == "chromaticities"
        or (each.kind not in WHOLE_NUMBERS and chance.random() < 0.3)
    ):
        return put(data, at, struct.pack("<f", chance.choice(ODD_FLOATS))[:size])
    return put(data, at, extreme(size, "<", chance))


def value(data: bytes, chance: Random) -> bytes:
    """Damage an attribute's value, and let its size be right."""
    each = chance.choice(attributes(data))
    damaged = some_bytes(data[each.value : each.end], chance)
    return data[: each.size_at] + struct.pack("<i", len(damaged)) + damaged + data[each.end :]


def size(data: bytes, chance: Random) -> bytes:
    """Let an attribute's size lie."""
    return put(data, chance.choice(attributes(data)).size_at, extreme(4, "<", chance))


def repeat(data: bytes, chance: Random) -> bytes:
    """Say an attribute again, perhaps often."""
    each = chance.choice(attributes(data))
    copy = data[each.begin : each.end]
    return data[: each.end] + copy * min(chance.choice((1, 2, 5000)), LARGEST_BYTES // len(copy)) + data[each.end :]


def lose(data: bytes, chance: Random) -> bytes:
    """Leave an attribute out."""
    each = chance.choice(attributes(data))
    return data[: each.begin] + data[each.end :]


def flags(data: bytes, chance: Random) -> bytes:
    """Claim another version, tiles, deep pixels, parts or long names."""
    return put(data, 4, struct.pack("<I", 2 | 1 << chance.randrange(2, 32)))


def chunk_table(data: bytes, chance: Random) -> bytes:
    """Let the table of chunks point elsewhere."""
    table = attributes(data)[-1].end + 1
    entry = table + 8 * chance.randrange(3)
    other = data[table : table + 8]
    return put(
        data, entry, chance.choice((other, extreme(8, "<", chance), struct.pack("<Q", chance.randrange(len(data)))))
    )


def chunk(data: bytes, chance: Random) -> bytes:
    """Damage a chunk: its scan line, its size or its packed pixels."""
    first = struct.unpack_from("<Q", data, attributes(data)[-1].end + 1)[0]
    if chance.random() < 0.4:
        return put(data, first + 4 * chance.randrange(8), extreme(4, "<", chance))
    return data[: first + 8] + damaged_in_place(data[first + 8 :], chance)


EXR = {
    "OpenEXR number": number, "OpenEXR number, one more": number, "OpenEXR value": value, "OpenEXR size": size,
    "OpenEXR attribute again": repeat, "OpenEXR attribute lost": lose, "OpenEXR flags": flags,
    "OpenEXR chunk table": chunk_table, "OpenEXR chunk": chunk, "OpenEXR chunk, one more": chunk,
}  # fmt: skip

"""Mutations of PNG that keep lengths and checksums right."""

import struct
import zlib
from random import Random

from fuzz.bytes_mutations import LARGEST_BYTES, extreme, put, some_bytes
from fuzz.sound_images import png_of
from fuzz.tiff_mutations import directory_field

HEADER_FIELDS = ((0, 4), (4, 4), (8, 1), (9, 1), (10, 1), (11, 1), (12, 1))
"""Place and bytes of width, height, depth, colour type, compression, filter, interlace."""

UNPACKED_BYTES = 2**20


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks (name, body) as far as they go."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunks.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def header(data: bytes, chance: Random) -> bytes:
    """Let the header lie."""
    chunks = chunks_of(data)
    at, size = chance.choice(HEADER_FIELDS)
    name, body = chunks[0]
    chunks[0] = name, put(body, at, extreme(size, ">", chance) if size > 1 else bytes([chance.randrange(20)]))
    return png_of(chunks)


def chunk_bytes(data: bytes, chance: Random) -> bytes:
    """Damage one chunk's body."""
    chunks = chunks_of(data)
    index = chance.randrange(len(chunks))
    name, body = chunks[index]
    chunks[index] = name, some_bytes(body, chance)
    return png_of(chunks)


def exif(data: bytes, chance: Random) -> bytes:
    """Let a directory in eXIf lie."""
    chunks = chunks_of(data)
    index = [name for name, _ in chunks].index(b"eXIf")
    chunks[index] = b"eXIf", directory_field(chunks[index][1], chance)
    return png_of(chunks)


def packed_bytes(data: bytes, chance: Random) -> bytes:
    """Damage what is packed in a chunk and pack it again: pixels with their filters, a profile, a text."""
    chunks = chunks_of(data)
    index = chance.choice([at for at, (name, _) in enumerate(chunks) if name in (b"IDAT", b"iCCP", b"zTXt")])
    name, body = chunks[index]
    head = 0 if name == b"IDAT" else body.index(b"\0") + 2
    unpacked = zlib.decompressobj().decompress(body[head:], UNPACKED_BYTES)
    chunks[index] = name, body[:head] + zlib.compress(some_bytes(unpacked, chance))
    return png_of(chunks)


def filters(data: bytes, chance: Random) -> bytes:
    """Give a row another filter, perhaps none that there is."""
    chunks = chunks_of(data)
    index = [name for name, _ in chunks].index(b"IDAT")
    unpacked = bytearray(zlib.decompressobj().decompress(chunks[index][1], UNPACKED_BYTES))
    rows = int.from_bytes(chunks[0][1][4:8])
    step = max(1, len(unpacked) // max(1, min(rows, len(unpacked))))
    unpacked[step * chance.randrange(len(unpacked) // step)] = chance.choice((1, 2, 3, 4, 5, 7, 255))
    chunks[index] = b"IDAT", zlib.compress(bytes(unpacked))
    return png_of(chunks)


def repeat(data: bytes, chance: Random) -> bytes:
    """Say a chunk again, perhaps often."""
    chunks = chunks_of(data)
    index = chance.randrange(len(chunks))
    times = min(chance.choice((1, 2, 3000)), LARGEST_BYTES // (12 + len(chunks[index][1])))
    return png_of(chunks[:index] + chunks[index : index + 1] * times + chunks[index:])


def lose(data: bytes, chance: Random) -> bytes:
    """Leave a chunk out."""
    chunks = chunks_of(data)
    del chunks[chance.randrange(len(chunks))]
    return png_of(chunks)


def exchange(data: bytes, chance: Random) -> bytes:
    """Exchange two chunks, or their names alone."""
    chunks = chunks_of(data)
    first, second = chance.randrange(len(chunks)), chance.randrange(len(chunks))
    if chance.random() < 0.5:
        chunks[first], chunks[second] = chunks[second], chunks[first]
    else:
        (one, body), (other, _) = chunks[first], chunks[second]
        chunks[first] = chance.choice((other, one.lower(), b"\0\0\0\0")), body
    return png_of(chunks)


def split(data: bytes, chance: Random) -> bytes:
    """Divide a chunk in two, one of them perhaps empty."""
    chunks = chunks_of(data)
    index = chance.randrange(len(chunks))
    name, body = chunks[index]
    at = chance.randrange(len(body) + 1)
    return png_of([*chunks[:index], (name, body[:at]), (name, body[at:]), *chunks[index + 1 :]])


PNG = {
    "PNG header": header, "PNG chunk": chunk_bytes, "PNG packed bytes": packed_bytes, "PNG filter": filters,
    "PNG chunk again": repeat, "PNG chunk lost": lose, "PNG chunks exchanged": exchange, "PNG chunk split": split,
    "PNG exif": exif,
}  # fmt: skip

"""The chunks of a PNG (ISO/IEC 15948, section 5): walked and verified before a decoder sees them."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from hdrfuse.formats.png_text import KEYWORDS, TEXT_CHUNKS, keyword_of
from hdrfuse.formats.refusal import RefusedError, check_size
from hdrfuse.text import counted

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by colour type."""

COLOUR_CHUNKS = frozenset({b"PLTE", b"tRNS", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
"""What counts before the pixels alone (ISO/IEC 15948, 5.6)."""

HIGHEST_RATIO = 1032
"""The best that deflate reaches."""

AT_ONCE = 2**20
"""Bytes that are verified or unpacked at once."""

PACKED_AT_ONCE = 2**14
"""Bytes that are given to zlib at once; it copies what it leaves of them."""

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of an interlaced picture's passes, and their steps."""


@dataclass(frozen=True, kw_only=True)
class PngLayout:
    """What a PNG's chunks say."""

    width: int
    height: int
    bit_depth: int
    color_type: int
    interlaced: bool
    chunks: dict[bytes, bytes]
    """Header, palette, colour and EXIF, the first of each name."""
    texts: list[tuple[bytes, bytes]]
    """Text chunks that may hold EXIF or XMP."""
    pixels: list[bytes] = field(repr=False)
    """Whole IDAT chunks if the pixels were asked for."""

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all rows with their filter bytes, of all seven passes if interlaced."""
        bits = SAMPLES[self.color_type] * self.bit_depth
        total = 0
        for x, y, step_x, step_y in ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            columns = -(-(self.width - x) // step_x)
            rows = -(-(self.height - y) // step_y)
            if columns > 0 and rows > 0:
                total += rows * (1 + -(-columns * bits // 8))
        return total


class Chunk(NamedTuple):
    """One chunk of those that are kept."""

    name: bytes
    body: bytes
    """Empty where nobody asks what it holds."""
    whole: bytes = b""
    """With its length and checksum, where it holds pixels that were asked for."""


def read_layout(stream: BinaryIO, file_bytes: int, *, with_pixels: bool) -> PngLayout:
    """Read what the chunks say; with the pixels, every chunk is verified, else those that are kept.

    Raises RefusedError where the file is damaged or cut short, without the pixels only where that is before them.
    """
    chunks, texts, pixels = dict[bytes, bytes](), list[tuple[bytes, bytes]](), list[bytes]()
    begun = False
    walk = _chunks(stream, file_bytes, with_pixels=with_pixels)
    while True:
        try:
            chunk = next(walk, None)
        except RefusedError:
            if begun and not with_pixels:
                break  # reading the pixels will tell
            raise
        if chunk is None:
            break
        if not chunks and chunk.name != b"IHDR":
            raise RefusedError(f"damaged PNG: it begins with {chunk.name!r}; expected its header")
        if chunk.name == b"IDAT":
            begun = True
            pixels.append(chunk.whole)
            if not with_pixels and b"eXIf" in chunks:
                break  # nothing behind the pixels would be heard
        elif chunk.name in TEXT_CHUNKS:
            texts.append((chunk.name, chunk.body))
        elif not (begun and chunk.name in COLOUR_CHUNKS):
            chunks.setdefault(chunk.name, chunk.body)
    return _layout(chunks, texts, pixels, file_bytes)


def decodable(layout: PngLayout) -> bytes:
    """Return a PNG of the picture alone: what else a file holds is no business of the decoder."""
    parts = [_chunk(name, layout.chunks[name]) for name in (b"IHDR", b"PLTE", b"tRNS") if name in layout.chunks]
    return b"".join((SIGNATURE, *parts, *layout.pixels, _chunk(b"IEND", b"")))


def check_pixels(layout: PngLayout) -> None:
    """Unpack the pixels once to see that they are all there and no more of them.

    Raises RefusedError as soon as that is clear.
    """
    unpacking = zlib.decompressobj()
    unpacked, expected = 0, layout.unpacked_bytes
    for part in _packed(layout.pixels):
        pending: bytes | memoryview = part
        while pending and not unpacking.eof and unpacked <= expected:
            unpacked += len(unpacking.decompress(pending, AT_ONCE))
            pending = unpacking.unconsumed_tail
    while not unpacking.eof and unpacked <= expected and (rest := unpacking.decompress(b"", AT_ONCE)):
        unpacked += len(rest)
    if unpacked > expected:
        raise RefusedError(f"damaged PNG: its pixels are more than the {expected:,} bytes expected")
    if not unpacking.eof or unpacked < expected:
        raise RefusedError(f"damaged PNG: its pixels are {counted(unpacked, 'byte')}; expected {expected:,}")


def _layout(
    chunks: dict[bytes, bytes], texts: list[tuple[bytes, bytes]], pixels: list[bytes], file_bytes: int
) -> PngLayout:
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13:
        raise RefusedError(f"damaged PNG: a header of {counted(len(header), 'byte')}; expected 13")
    width, height, bit_depth, color_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if color_type not in SAMPLES or bit_depth not in (1, 2, 4, 8, 16):
        raise RefusedError(f"damaged PNG: colour type {color_type} with {bit_depth} bits")
    unpacked_bytes = width * height * SAMPLES[color_type] * max(bit_depth, 8) // 8  # a bit becomes a byte
    check_size(width, height, decoded_bytes=unpacked_bytes, file_bytes=file_bytes, highest_ratio=HIGHEST_RATIO)
    return PngLayout(
        width=width,
        height=height,
        bit_depth=bit_depth,
        color_type=color_type,
        interlaced=interlace != 0,
        chunks=chunks,
        texts=texts,
        pixels=pixels,
    )


def _chunks(stream: BinaryIO, file_bytes: int, *, with_pixels: bool) -> Iterator[Chunk]:
    """Chunks that are kept, up to IEND. Raises RefusedError."""
    stream.seek(len(SIGNATURE))
    position, name = len(SIGNATURE), b""
    while name != b"IEND":
        start = stream.read(8)
        if position + 12 > file_bytes or len(start) < 8:
            raise RefusedError(f"truncated PNG: it ends after {counted(file_bytes, 'byte')} without an end chunk")
        length, name = struct.unpack(">I4s", start)
        position += 12 + length
        if position > file_bytes:
            raise RefusedError(f"truncated PNG: it ends inside chunk {name!r}")
        if name == b"IDAT":
            if with_pixels:
                whole = start + stream.read(length + 4)
                _verify(name, zlib.crc32(memoryview(whole)[4:-4]), whole[-4:])
                yield Chunk(name, b"", whole)
            else:
                position = _end_of_run(stream, start, position, file_bytes)
                stream.seek(position)
                yield Chunk(name, b"")
        elif name in TEXT_CHUNKS or name in COLOUR_CHUNKS or name in (b"IHDR", b"eXIf"):
            body = stream.read(length)
            _verify(name, zlib.crc32(body, zlib.crc32(name)), stream.read(4))
            if name not in TEXT_CHUNKS or keyword_of(body) in KEYWORDS:
                yield Chunk(name, body)
        else:
            checksum = zlib.crc32(name)
            for at in range(0, length, AT_ONCE):
                checksum = zlib.crc32(stream.read(min(AT_ONCE, length - at)), checksum)
            _verify(name, checksum, stream.read(4))


def _end_of_run(stream: BinaryIO, start: bytes, end: int, file_bytes: int) -> int:
    """Where a run of chunks that all begin as this one ends, found by halving: encoders write thousands of them."""
    step = 12 + int.from_bytes(start[:4])
    least, most = 0, (file_bytes - end) // step
    while least < most:
        middle = (least + most + 1) // 2
        stream.seek(end + (middle - 1) * step)
        least, most = (middle, most) if stream.read(8) == start else (least, middle - 1)
    return end + least * step


def _verify(name: bytes, checksum: int, stored: bytes) -> None:
    if checksum.to_bytes(4) != stored:
        raise RefusedError(f"damaged PNG: the checksum of chunk {name!r} is wrong")


def _packed(pixels: list[bytes]) -> Iterator[memoryview]:
    """What IDAT chunks hold, in small pieces."""
    for whole in pixels:
        body = memoryview(whole)[8:-4]
        for at in range(0, len(body), PACKED_AT_ONCE):
            yield body[at : at + PACKED_AT_ONCE]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + zlib.crc32(body, zlib.crc32(name)).to_bytes(4)

"""PNG (ISO/IEC 15948): every checksum is verified before a pixel is decoded."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from hdrfuse.formats.exif import carried_block, read_exif_block
from hdrfuse.formats.icc import read_profile
from hdrfuse.formats.image import REC709, Chromaticities, DecodedImage, ImageHeader
from hdrfuse.formats.opencv import decoded_by_opencv
from hdrfuse.formats.orientation import upright, upright_size
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.refusal import RefusedError, check_size

SIGNATURE_BYTES = 8
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by colour type."""

GREY_TYPES = frozenset({0, 4})
LINEAR_GAMMA = 100_000
HIGHEST_RATIO = 1032
"""The best that deflate reaches."""

DECODED_AT_ONCE = 2**20
DECODING = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a PNG's chunks say, and its compressed pixels if they were asked for."""

    width: int
    height: int
    bit_depth: int
    color_type: int
    interlaced: bool
    chunks: dict[bytes, bytes]
    """Ancillary chunks, the first of each name."""
    compressed: list[bytes]


def read_header(path: Path) -> ImageHeader:
    """Return what the chunks before the pixels say."""
    with path.open("rb") as stream:
        start = stream.read(2**18)
        if b"IDAT" not in start:
            start += stream.read()
    return _header(path, _layout(start, path.stat().st_size, header_only=True))


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8 or uint16; grey is repeated, a palette looked up, alpha dropped."""
    data = path.read_bytes()
    layout = _layout(data, len(data))
    header = _header(path, layout)
    _check_compressed(layout)
    pixels = decoded_by_opencv(data, DECODING)
    if pixels is None or str(pixels.dtype) != header.dtype:
        raise RefusedError("damaged PNG: its pixels cannot be decoded")
    orientation = read_exif_block(layout.chunks.get(b"eXIf")).orientation
    return DecodedImage(
        header=header,
        pixels=upright(pixels, orientation),
        white=255.0 if header.dtype == "uint8" else 65535.0,
        exif=carried_block(layout.chunks.get(b"eXIf")),
    )


def _header(path: Path, layout: Layout) -> ImageHeader:
    exif = read_exif_block(layout.chunks.get(b"eXIf"))
    width, height = upright_size(layout.width, layout.height, exif.orientation)
    chromaticities, linear = _colour(layout.chunks)
    return ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.color_type in GREY_TYPES else 3,
        dtype="uint16" if layout.bit_depth == 16 else "uint8",
        linear=linear,
        chromaticities=chromaticities,
        capture=exif.capture,
    )


def _colour(chunks: dict[bytes, bytes]) -> tuple[Chromaticities, bool]:
    """Primaries and linearity: the profile, else sRGB, else cHRM and gAMA (the standard's precedence)."""
    if b"iCCP" in chunks:
        _, _, packed = chunks[b"iCCP"].partition(b"\0")
        try:
            profile = read_profile(zlib.decompressobj().decompress(packed[1:], 2**24))
        except zlib.error as error:
            raise RefusedError(f"damaged PNG: its colour profile does not unpack ({error})") from error
        return (profile.chromaticities, profile.linear) if profile else (REC709, False)
    if b"sRGB" in chunks:
        return REC709, False
    linear = chunks.get(b"gAMA") == struct.pack(">I", LINEAR_GAMMA)
    stated = chunks.get(b"cHRM", b"")
    if len(stated) != 32:
        return REC709, linear
    white_x, white_y, *primaries = (round(value / 100_000, 5) for value in struct.unpack(">8I", stated))
    return stated_primaries([*primaries, white_x, white_y]), linear


def _layout(data: bytes, file_bytes: int, *, header_only: bool = False) -> Layout:
    """Walk the chunks, up to the pixels or to the end, and verify each."""
    header, chunks, compressed = b"", dict[bytes, bytes](), list[bytes]()
    for name, body in _chunks(data):
        if not header and name != b"IHDR":
            raise RefusedError(f"damaged PNG: it begins with {name!r}; expected its header")
        if name == b"IHDR":
            header = body
        elif name == b"IDAT":
            if header_only:
                break
            compressed.append(body)
        else:
            chunks.setdefault(name, body)
    if len(header) != 13:
        raise RefusedError(f"damaged PNG: a header of {len(header)} bytes; expected 13")
    width, height, bit_depth, color_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if color_type not in SAMPLES or bit_depth not in (1, 2, 4, 8, 16):
        raise RefusedError(f"damaged PNG: colour type {color_type} with {bit_depth} bits")
    packed_bytes = height * -(-width * SAMPLES[color_type] * bit_depth // 8)
    check_size(width, height, decoded_bytes=packed_bytes, file_bytes=file_bytes, highest_ratio=HIGHEST_RATIO)
    return Layout(
        width=width,
        height=height,
        bit_depth=bit_depth,
        color_type=color_type,
        interlaced=interlace != 0,
        chunks=chunks,
        compressed=compressed,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents up to IEND, each with its checksum verified."""
    position, name = SIGNATURE_BYTES, b""
    view = memoryview(data)
    while name != b"IEND":
        if position + 12 > len(data):
            raise RefusedError(f"truncated PNG: it ends after {len(data):,} bytes without an end chunk")
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise RefusedError(f"truncated PNG: it ends inside chunk {name!r}")
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4]):
            raise RefusedError(f"damaged PNG: the checksum of chunk {name!r} is wrong")
        yield name, data[position + 8 : end]
        position = end + 4


def _check_compressed(layout: Layout) -> None:
    """Unpack the pixels once to see that they are all there: libpng would print its complaint."""
    unpacking = zlib.decompressobj()
    unpacked = 0
    for part in layout.compressed:
        pending = part
        while pending and not unpacking.eof:
            unpacked += len(unpacking.decompress(pending, DECODED_AT_ONCE))
            pending = unpacking.unconsumed_tail
    while not unpacking.eof and (rest := unpacking.decompress(b"", DECODED_AT_ONCE)):
        unpacked += len(rest)
    expected = _packed_bytes(layout)
    if not unpacking.eof or unpacked < expected:
        raise RefusedError(f"damaged PNG: its pixels are {unpacked:,} bytes; expected {expected:,}")


def _packed_bytes(layout: Layout) -> int:
    """Bytes of all rows with their filter bytes, of all seven passes if interlaced (Adam7)."""
    bits = SAMPLES[layout.color_type] * layout.bit_depth
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    total = 0
    for x, y, step_x, step_y in passes if layout.interlaced else ((0, 0, 1, 1),):
        columns = -(-(layout.width - x) // step_x)
        rows = -(-(layout.height - y) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total

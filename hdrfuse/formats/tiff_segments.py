"""Strips and tiles of a TIFF: each is unpacked in full, undone its predictor and put in its place."""

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.opencv import decoded_by_opencv
from hdrfuse.formats.refusal import ALWAYS_AFFORDABLE_BYTES, RefusedError
from hdrfuse.text import counted

NONE, LZW, ADOBE_DEFLATE, PACKBITS, DEFLATE = 1, 5, 8, 32773, 32946
NO_PREDICTOR, HORIZONTAL, FLOATING_POINT = 1, 2, 3
BLACK_IS_ZERO = 1
LONGEST_ROW = 2**16
HIGHEST_RATIOS = {NONE: 1, LZW: 4096, ADOBE_DEFLATE: 1032, PACKBITS: 64, DEFLATE: 1032}
"""Compressions that are read, with the best that each reaches."""

LARGEST_TILE = 4
"""Tile over picture, in bytes: one tile whose sides are the next powers of two is less than this."""


@dataclass(frozen=True, kw_only=True)
class Raster:
    """How the samples of one picture are stored."""

    width: int
    height: int
    samples: int
    """A pixel's, alpha included."""
    dtype: np.dtype[Any]
    big_endian: bool
    planar: bool
    """Each sample of the picture in segments of its own."""
    tiled: bool
    segment_width: int
    segment_height: int
    compression: int
    predictor: int
    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]

    @property
    def segment_samples(self) -> int:
        """Samples a pixel within one segment."""
        return 1 if self.planar else self.samples

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a segment, unpacked."""
        return self.segment_width * self.segment_samples * self.dtype.itemsize

    @property
    def segment_bytes(self) -> int:
        """Bytes of a whole segment, unpacked."""
        return self.segment_height * self.row_bytes

    @property
    def segment_count(self) -> int:
        """How many segments the picture needs."""
        across, down = -(-self.width // self.segment_width), -(-self.height // self.segment_height)
        return across * down * (self.samples if self.planar else 1)

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all segments, unpacked, with what tiles hold beyond the picture's edges."""
        if self.tiled:
            return self.segment_count * self.segment_bytes
        return self.width * self.height * self.samples * self.dtype.itemsize

    def places(self) -> Iterator[tuple[int, int, int, int]]:
        """(first row, first column, sample, rows) of each segment, in the file's order."""
        for sample in range(self.samples if self.planar else 1):
            for row in range(0, self.height, self.segment_height):
                rows = self.segment_height if self.tiled else min(self.segment_height, self.height - row)
                for column in range(0, self.width, self.segment_width):
                    yield row, column, sample, rows

    def check_segment_size(self) -> None:
        """Refuse segments without pixels, and tiles far larger than the picture. Raises RefusedError."""
        picture_bytes = self.width * self.height * self.samples * self.dtype.itemsize
        largest = max(ALWAYS_AFFORDABLE_BYTES, LARGEST_TILE * picture_bytes)
        if self.segment_width < 1 or self.segment_height < 1 or self.segment_bytes > largest:
            raise RefusedError(
                f"damaged TIFF: {'tiles' if self.tiled else 'strips'} of {self.segment_width}x{self.segment_height}"
                f" for {self.width}x{self.height} pixels"
            )

    def check_segments(self, file_bytes: int) -> None:
        """Refuse a file whose segments are too few, outside of it or of the wrong length.

        Raises RefusedError.
        """
        if self.predictor not in (NO_PREDICTOR, HORIZONTAL, FLOATING_POINT):
            raise RefusedError(f"damaged TIFF: predictor {self.predictor}; expected 1, 2 or 3")
        expected = self.segment_count
        if len(self.offsets) != expected or len(self.byte_counts) != expected:
            found = min(len(self.offsets), len(self.byte_counts))
            raise RefusedError(f"damaged TIFF: {found} strips or tiles; expected {expected}")
        for index, (offset, count) in enumerate(zip(self.offsets, self.byte_counts, strict=True)):
            if count < 1 or offset < 8 or offset + count > file_bytes:
                raise RefusedError(
                    f"truncated TIFF: strip or tile {index} ends at byte {offset + count:,} of {file_bytes:,}"
                )
        if self.compression == NONE:
            self._check_uncompressed()

    def _check_uncompressed(self) -> None:
        """Each uncompressed segment has exactly its length; a last strip may be filled up to a whole one."""
        for index, ((*_, rows), count) in enumerate(zip(self.places(), self.byte_counts, strict=True)):
            if count != rows * self.row_bytes and not (count == self.segment_bytes and rows < self.segment_height):
                raise RefusedError(
                    f"damaged TIFF: strip or tile {index} has {counted(count, 'byte')}; "
                    f"expected {rows * self.row_bytes:,}"
                )


def read_raster(stream: BinaryIO, raster: Raster) -> NDArray[Any]:
    """Return the stored samples (H, W, S) in native byte order. Raises RefusedError at any damage."""
    pixels = np.empty((raster.height, raster.width, raster.samples), raster.dtype.newbyteorder("="))
    if raster.compression == NONE and not raster.planar and not raster.tiled:
        return _read_rows(stream, raster, pixels)
    for (row, column, sample, rows), offset, count in zip(
        raster.places(), raster.offsets, raster.byte_counts, strict=True
    ):
        stream.seek(offset)
        packed = stream.read(count)
        if len(packed) != count:
            raise RefusedError(f"truncated TIFF: {counted(len(packed), 'byte')} of a strip or tile; expected {count:,}")
        unpacked = _unpack(packed, raster, rows)
        segment = _undo_predictor(unpacked, raster, rows)
        target = pixels[row : row + rows, column : column + raster.segment_width]
        source = segment[: target.shape[0], : target.shape[1]]
        if raster.planar:
            target[..., sample] = source[..., 0]
        else:
            target[...] = source
    return pixels


def _read_rows(stream: BinaryIO, raster: Raster, pixels: NDArray[Any]) -> NDArray[Any]:
    """Fill the pixels from uncompressed strips without a copy in between."""
    for (row, _, _, rows), offset in zip(raster.places(), raster.offsets, strict=True):
        stream.seek(offset)
        target = pixels[row : row + rows].reshape(-1).view(np.uint8)
        filled = 0
        while filled < len(target):
            count = stream.readinto(target[filled:])  # type: ignore[attr-defined]  # every binary file has it
            if not count:
                raise RefusedError("truncated TIFF: a strip ends with the file")
            filled += count
    return pixels.byteswap(inplace=True) if raster.big_endian != (sys.byteorder == "big") else pixels


def _unpack(packed: bytes, raster: Raster, rows: int) -> bytes:
    """One segment's bytes, exactly as many as its rows need."""
    size = rows * raster.row_bytes
    match raster.compression:
        case 1:
            return packed[:size]
        case 8 | 32946:
            unpacking = zlib.decompressobj()
            try:
                unpacked = unpacking.decompress(packed, raster.segment_bytes + 1)
            except zlib.error as error:
                raise RefusedError("damaged TIFF: a strip or tile does not unpack") from error
            if not unpacking.eof:
                raise RefusedError("damaged TIFF: a strip or tile does not end where it should")
        case _:
            return unpack_by_libtiff(packed, raster.compression, size)
    if len(unpacked) not in (size, raster.segment_bytes):
        raise RefusedError(f"damaged TIFF: a strip or tile has {counted(len(unpacked), 'byte')}; expected {size:,}")
    return unpacked[:size]


def unpack_by_libtiff(packed: bytes, compression: int, size: int) -> bytes:
    """Unpack LZW or PackBits into exactly `size` bytes.

    libtiff gets the bytes as the only strip of a plain grey picture, and so meets no other tag of the file.
    Its 16-bit reader is strict, its 8-bit one is not: an odd size is read by the latter after the former
    has vouched for all but the last byte. Raises RefusedError if the bytes are damaged or too few.
    """
    strict = _decode_grey(packed, compression, size - size % 2, bits=16)
    return strict if size % 2 == 0 else _decode_grey(packed, compression, size, bits=8)


def _decode_grey(packed: bytes, compression: int, size: int, *, bits: int) -> bytes:
    width, height = _arrangement(size * 8 // bits)
    fields = (
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, compression), (262, 3, BLACK_IS_ZERO),
        (273, 4, 8 + 2 + 12 * 9 + 4), (277, 3, 1), (278, 4, height), (279, 4, len(packed)),
    )  # fmt: skip
    directory = struct.pack("<H", len(fields))
    for tag, kind, value in fields:
        directory += struct.pack("<HHII", tag, kind, 1, value)
    file = struct.pack("<2sHI", b"II", 42, 8) + directory + bytes(4) + packed
    decoded = decoded_by_opencv(file)
    if decoded is None or decoded.size != width * height:
        raise RefusedError("damaged TIFF: a strip or tile does not unpack to its full length")
    return np.asarray(decoded).astype(f"<u{bits // 8}", copy=False).tobytes()


@cache
def _arrangement(samples: int) -> tuple[int, int]:
    """Width and height with this many samples, or a few less, neither too large for the decoder."""
    samples = min(samples, LONGEST_ROW**2)
    while samples > 0:
        for width in range(min(samples, LONGEST_ROW), -(-samples // LONGEST_ROW) - 1, -1):
            if samples % width == 0:
                return width, samples // width
        samples -= 1
    return 1, 1


def _undo_predictor(unpacked: bytes, raster: Raster, rows: int) -> NDArray[Any]:
    """Return a segment (rows, segment width, segment samples) in native byte order."""
    shape = (rows, raster.segment_width, raster.segment_samples)
    if raster.predictor == FLOATING_POINT and raster.compression != NONE:
        return _undo_floating_point(unpacked, raster, rows).reshape(shape)
    stored = np.frombuffer(unpacked, raster.dtype.newbyteorder(">" if raster.big_endian else "<"))
    segment = stored.astype(stored.dtype.newbyteorder("="), copy=False).reshape(shape)
    if raster.predictor == HORIZONTAL and raster.compression != NONE:
        integers = segment.view(f"u{segment.dtype.itemsize}")
        segment = np.cumsum(integers, axis=1, dtype=integers.dtype).view(segment.dtype)
    return segment


def _undo_floating_point(unpacked: bytes, raster: Raster, rows: int) -> NDArray[Any]:
    """Adobe's floating-point predictor (TIFF Technical Note 3): byte planes, most significant first."""
    if raster.dtype.kind != "f":
        raise RefusedError("damaged TIFF: a floating-point predictor on integers")
    differences = np.frombuffer(unpacked, np.uint8).reshape(rows, -1, raster.segment_samples)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(rows, raster.dtype.itemsize, -1)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(raster.dtype.newbyteorder(">"))
    return values.astype(raster.dtype.newbyteorder("="))

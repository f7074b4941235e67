"""Image file directories (TIFF 6.0, section 2), which EXIF blocks and maker notes consist of.

Tables are read whole, which their 16-bit count bounds, but values one by one as they are asked for: what a hostile
file makes its entries claim costs nothing.
"""

import math
import struct
from typing import Any, BinaryIO, NamedTuple

from hdrfuse.text import one_line

ORDERS = {b"II": "<", b"MM": ">"}
ASCII = 2
RATIONALS = frozenset({5, 10})
LAYOUTS = {1: "B", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d", 13: "I"}
"""struct's letters for the field types that are numbers; a rational is two of them."""

SIZES = {ASCII: 1} | {
    kind: struct.calcsize(layout) * (2 if kind in RATIONALS else 1) for kind, layout in LAYOUTS.items()
}
"""Bytes of a value by field type."""

ENTRY_BYTES = 12
MOST_VALUES, LONGEST_TEXT = 256, 4096
"""What is read of an entry at most."""

DAMAGED = (struct.error, OSError, ValueError, OverflowError)
"""What reading a damaged directory raises."""

Numbers = tuple[Any, ...]
"""Integers, or floats where the field type is one; a rational is two integers."""


class DirectoryEntry(NamedTuple):
    """One entry of a directory."""

    kind: int
    values: int
    at: int
    """Where the value or its offset stands in the file."""

    @property
    def value_bytes(self) -> int:
        """How long its values are, as it claims."""
        return self.values * SIZES.get(self.kind, 0)


class Directories:
    """Image file directories whose offsets count from `base`."""

    def __init__(self, stream: BinaryIO, *, base: int = 0) -> None:
        """Read the byte order. Raises ValueError where there is none."""
        self._stream, self._base = stream, base
        stream.seek(base)
        mark = stream.read(2)
        if mark not in ORDERS:
            raise ValueError(f"{mark!r} is no byte order")
        self._order = ORDERS[mark]

    def first(self) -> int:
        """Offset of the first directory. Raises struct.error where the file ends before."""
        return self._unpack("I", self._base + 4)[0]

    def entries(self, offset: int) -> dict[int, DirectoryEntry]:
        """Entries of the directory at an offset, by tag, as many as there are. Raises struct.error without a count."""
        start = self._base + offset
        (count,) = self._unpack("H", start)
        table = self._stream.read(ENTRY_BYTES * count)
        whole = len(table) - len(table) % ENTRY_BYTES
        listed = struct.iter_unpack(f"{self._order}HHI4x", table[:whole])
        return {
            tag: DirectoryEntry(kind, values, start + 2 + ENTRY_BYTES * index + 8)
            for index, (tag, kind, values) in enumerate(listed)
        }

    def offset_of(self, entry: DirectoryEntry) -> int:
        """Offset at which an entry's values stand when they do not fit into it."""
        return self._unpack("I", entry.at)[0]

    def numbers(self, entry: DirectoryEntry | None, *, signed: bool = False) -> Numbers:
        """Values of an entry, none for an entry that is not there or of another type. Raises struct.error."""
        layout = LAYOUTS.get(entry.kind) if entry else None
        if entry is None or layout is None:
            return ()
        layout = layout.lower() if signed else layout
        count = min(entry.values, MOST_VALUES) * (2 if entry.kind in RATIONALS else 1)
        return self._unpack(f"{count}{layout}", self._place(entry))

    def number(self, entry: DirectoryEntry | None) -> float | None:
        """First value of an entry; None where there is none, or no finite one."""
        try:
            values = self.numbers(None if entry is None else entry._replace(values=min(entry.values, 1)))
        except DAMAGED:
            return None
        if entry is None or not values or (entry.kind in RATIONALS and values[1] == 0):
            return None
        value = values[0] / values[1] if entry.kind in RATIONALS else float(values[0])
        return value if math.isfinite(value) else None

    def text(self, entry: DirectoryEntry | None) -> str | None:
        """Text of an entry on one line, without padding; None where there is none."""
        if entry is None or entry.kind != ASCII:
            return None
        try:
            self._stream.seek(self._place(entry))
            stored = self._stream.read(min(entry.values, LONGEST_TEXT)).split(b"\0")[0].decode()
        except DAMAGED:
            return None
        return one_line(stored) or None

    def beside(self, offset: int) -> "Directories":
        """Directories in a note that counts its offsets from its own start, and has its own byte order."""
        return Directories(self._stream, base=self._base + offset)

    def starts_with(self, offset: int, text: bytes) -> bool:
        """Whether certain bytes stand at an offset."""
        self._stream.seek(self._base + offset)
        return self._stream.read(len(text)) == text

    def _place(self, entry: DirectoryEntry) -> int:
        return entry.at if entry.value_bytes <= 4 else self._base + self.offset_of(entry)

    def _unpack(self, layout: str, position: int) -> Numbers:
        layout = self._order + layout
        self._stream.seek(position)
        return struct.unpack(layout, self._stream.read(struct.calcsize(layout)))

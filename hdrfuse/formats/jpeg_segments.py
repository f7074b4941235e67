"""The segments of a JPEG (ITU-T T.81, annex B): found as every reader finds them, whatever stands between them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from hdrfuse.formats.refusal import RefusedError
from hdrfuse.text import counted

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
STANDALONE = frozenset({0x01, *range(0xD0, 0xD8), EOI})
"""Markers without a segment behind them."""

MARKER = re.compile(rb"\xff[\x01-\xfe]")
MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends entropy-coded data: not a stuffed 0, a restart or a fill byte."""

MOST_SCANS = 100
"""Encoders write 10, optimising ones up to 30. Each costs the decoder a pass over all coefficients, however short
it is: 6 ms at 16 megapixels."""


class Segment(NamedTuple):
    """One marker and what belongs to it."""

    marker: int
    start: int
    """Where the marker begins."""
    skipped: int
    """Stray bytes before it, fill bytes (FF) included."""
    body: bytes
    """Without its length; a scan's is its header alone."""


def segments(data: bytes) -> Iterator[Segment]:
    """Yield segments up to and with the end-of-image marker. Raises RefusedError where the data ends before."""
    position = 2
    while True:
        found = MARKER.search(data, position)
        if found is None:
            raise RefusedError(f"truncated JPEG: it ends after {counted(len(data), 'byte')} without an end marker")
        start, end = found.span()
        marker = data[end - 1]
        if marker in STANDALONE:
            yield Segment(marker, start, start - position, b"")
            if marker == EOI:
                return
            position = end
            continue
        length = int.from_bytes(data[end : end + 2])
        if length < 2 or end + length > len(data):
            raise RefusedError(f"truncated JPEG: it ends inside segment FF{marker:02X}")
        yield Segment(marker, start, start - position, data[end + 2 : end + length])
        position = end + length
        if marker == SOS:
            following = MARKER_IN_SCAN.search(data, position)
            if following is None:
                raise RefusedError(f"truncated JPEG: it ends after {counted(len(data), 'byte')} without an end marker")
            position = following.start()


def decodable(data: bytes) -> bytes:
    """Return the picture without what stands between its segments and behind its end marker.

    The decoder is strict, and would take stray bytes for damage. Raises RefusedError where the picture does not end,
    or has more scans than any encoder writes.
    """
    pieces, begin, end, scans = list[bytes](), 0, 0, 0
    for segment in segments(data):
        if segment.skipped:
            pieces.append(data[begin : segment.start - segment.skipped])
            begin = segment.start
        end = segment.start + 2
        scans += segment.marker == SOS
        if scans > MOST_SCANS:
            raise RefusedError(f"is a JPEG of more than {MOST_SCANS} scans")
    if not pieces:
        return data if end == len(data) else data[:end]
    return b"".join((*pieces, data[begin:end]))

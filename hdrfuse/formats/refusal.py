"""Why a file is refused, and the limits that keep a lie in a header from costing memory."""

from hdrfuse.free_memory import free_bytes
from hdrfuse.text import counted

MAX_PIXELS = 2**30
"""No camera and no stitcher that hdrfuse serves writes a larger frame."""

MAX_SIDE = 2**20
"""Longest row or column that the decoders take."""

ALWAYS_AFFORDABLE_BYTES = 2**26
"""Below this decoded size, a lie in a header costs nothing worth refusing."""


class RefusedError(Exception):
    """A file's content is damaged, contradictory or of a kind that is not read; `reading` adds the path."""


def check_size(width: int, height: int, *, decoded_bytes: int, file_bytes: int, highest_ratio: int) -> None:
    """Refuse sizes that no honest file of `file_bytes` bytes has, before anything is allocated.

    `highest_ratio` is the best that the format's compression reaches, in decoded bytes per stored byte.
    Raises RefusedError with both numbers.
    """
    if width < 1 or height < 1:
        raise RefusedError(f"its header says {width}x{height} pixels; expected at least 1x1")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise RefusedError(f"its header says {width}x{height} pixels; at most {MAX_PIXELS:,} are read")
    if decoded_bytes > max(ALWAYS_AFFORDABLE_BYTES, highest_ratio * file_bytes):
        raise RefusedError(
            f"damaged or truncated: {width}x{height} pixels in its header, {counted(file_bytes, 'byte')} in all"
        )


def check_memory(needed_bytes: int) -> None:
    """Refuse what does not fit into the memory that is free, before anything is allocated. Raises RefusedError."""
    if needed_bytes <= ALWAYS_AFFORDABLE_BYTES:
        return
    free = free_bytes()
    if free is not None and needed_bytes > free:
        raise RefusedError(f"needs {needed_bytes / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")

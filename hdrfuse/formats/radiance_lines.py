"""Scan lines of a Radiance picture, each stored in its own way: flat, or run-length encoded in the old or the new one.

Source: Radiance's color.c (`freadcolrs`, `oldreadcolrs`); https://radsite.lbl.gov/radiance/refer/filefmts.pdf
"""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.refusal import RefusedError
from hdrfuse.text import counted

RLE_WIDTHS = range(8, 2**15)
"""Widths of scan lines that the new encoding is for."""

NEW_ENCODING = b"\2\2"
"""What a line in the new encoding begins with; its width follows, which is less than 2^15."""

RUN = (1, 1, 1)
"""Mantissas of what is no pixel in the old encoding but repeats the last one."""


def unpack_lines(stored: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Return RGBE (height, width, 4). Raises RefusedError where the lines are not exactly those that are stored."""
    lines = np.empty((height, width, 4), np.uint8)
    position, problem = 0, None
    try:
        for line in lines:
            start = stored[position : position + 4]
            if width in RLE_WIDTHS and start[:2] == NEW_ENCODING and start[2] < 128:
                position = _unpack_new(stored, position, line)
            else:
                position = _unpack_old(stored, position, line)
    except (IndexError, ValueError) as error:
        problem = error
    if problem is not None or position != len(stored):
        raise RefusedError(
            f"truncated or damaged Radiance file: its {height} scan lines are not all there:"
            f" {counted(len(stored), 'byte')} of pixels; expected {4 * width * height:,} if none is encoded"
        ) from problem
    return lines


def _unpack_new(stored: bytes, position: int, line: NDArray[np.uint8]) -> int:
    """Fill a line (W, 4) channel by channel -> where the next begins. Raises IndexError or ValueError."""
    width = len(line)
    if int.from_bytes(stored[position + 2 : position + 4]) != width:
        raise ValueError("a line of another width")
    position += 4
    for channel in range(4):
        filled = 0
        while filled < width:
            count = stored[position]
            if count > 128:
                count -= 128
                values, position = stored[position + 1 : position + 2] * count, position + 2
            else:
                values, position = stored[position + 1 : position + 1 + count], position + 1 + count
            if not count or len(values) != count or filled + count > width:
                raise ValueError("a run past the end")
            line[filled : filled + count, channel] = np.frombuffer(values, np.uint8)
            filled += count
    return position


def _unpack_old(stored: bytes, position: int, line: NDArray[np.uint8]) -> int:
    """Fill a line (W, 4) with pixels and runs -> where the next begins. Raises ValueError.

    Runs that follow each other are the digits of one count to the base 256, the lowest first; some may be 0.
    """
    width = len(line)
    entries = np.frombuffer(stored, np.uint8, count=min(2 * width + 4, (len(stored) - position) // 4) * 4,
                            offset=position).reshape(-1, 4)  # fmt: skip
    is_run = (entries[:, :3] == RUN).all(axis=1)
    index = np.arange(len(entries))
    last_pixel = np.maximum.accumulate(np.where(is_run, -1, index))
    digit = np.where(is_run, index - last_pixel - 1, 0)
    # a count past the line is damage, whatever it is: four digits suffice
    counts = np.where(is_run, entries[:, 3].astype(np.int64) << (8 * np.minimum(digit, 3)), 1)
    filled = np.cumsum(counts)
    used = int(np.searchsorted(filled, width)) + 1
    if used > len(entries) or filled[used - 1] != width or last_pixel[0] < 0:
        raise ValueError("pixels and runs that are not a line")
    line[:] = np.repeat(entries[last_pixel[:used]], counts[:used], axis=0)
    return position + 4 * used

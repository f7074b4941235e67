"""Repeats: where a file without checksums stores one sector over and over.

Interrupted copies and files whose place on the disk was reserved end in zeros; worn or erased flash reads as zeros or
ones; a failed disk gives one sector for its neighbours. So may a picture's black border: other frames must tell.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.image import Repeats

SECTOR = 512
SECTORS_A_BLOCK = 8
"""Disks and file systems lose blocks of 512 or of 4096 bytes."""

LEAST_PAIRS = 6
"""Sectors in a row that must equal the next: as many as a block of 4096 bytes holds that begins anywhere."""

Run = tuple[int, int]
"""First byte, and the one behind the last."""


def find_repeats(stored: NDArray[Any], shape: tuple[int, int]) -> Repeats | None:
    """Return where a picture (H, W) repeats a sector, from its samples as they are stored, row by row.

    None = nowhere.
    """
    data = np.ascontiguousarray(stored).reshape(-1).view(np.uint8)
    pixel_bytes = len(data) // (shape[0] * shape[1])
    place = np.zeros(shape[0] * shape[1], np.bool_)
    row_bytes, ragged = pixel_bytes * shape[1], False
    for start, stop in repeated_runs(data):
        place[-(-start // pixel_bytes) : stop // pixel_bytes] = True
        begins_or_ends_in_a_row = start % row_bytes > 0 or (stop % row_bytes > 0 and stop < len(data))
        ragged |= begins_or_ends_in_a_row and stop - start >= 2 * row_bytes
    return Repeats(place=place.reshape(shape), ragged=ragged) if place.any() else None


def repeated_runs(stored: NDArray[np.uint8]) -> list[Run]:
    """Return the runs of stored bytes (N,) that repeat with a period of a sector or a block.

    Two bytes of every sector are looked at first, so that a sound file costs next to nothing.
    """
    sectors = stored[: len(stored) // SECTOR * SECTOR].reshape(-1, SECTOR)
    looked_at = np.ascontiguousarray(sectors[:, :2]).view(np.uint16)[:, 0]
    found: list[Run] = []
    for period in (1, SECTORS_A_BLOCK):
        if len(looked_at) <= period:
            continue
        equal = looked_at[period:] == looked_at[:-period]
        for start, stop in _runs(equal):
            same = (sectors[start:stop] == sectors[start + period : stop + period]).all(axis=1)
            found += [
                _widened(stored, (start + first) * SECTOR, (start + last + period) * SECTOR, period * SECTOR)
                for first, last in _runs(same)
            ]
    return _joined(found)


def _runs(equal: NDArray[np.bool_]) -> list[Run]:
    """Return the stretches of at least LEAST_PAIRS true entries."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], equal, [False])).view(np.int8)))
    return [(start, stop) for start, stop in edges.reshape(-1, 2).tolist() if stop - start >= LEAST_PAIRS]


def _widened(stored: NDArray[np.uint8], start: int, stop: int, period: int) -> Run:
    """Take in what repeats less than a sector before and behind a run."""
    before, behind = max(start - SECTOR, 0), min(stop + SECTOR, len(stored))
    other = stored[before:start] != stored[before + period : start + period]
    start = before + int(np.flatnonzero(other)[-1]) + 1 if other.any() else before
    other = stored[stop:behind] != stored[stop - period : behind - period]
    return start, stop + int(other.argmax()) if other.any() else behind


def _joined(runs: list[Run]) -> list[Run]:
    """Return runs in order, those that touch as one."""
    joined: list[Run] = []
    for start, stop in sorted(runs):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined

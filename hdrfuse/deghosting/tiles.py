"""Tiles that overlap: how a large frame is cut for the network and put together without a seam."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

OVERLAP_PX = 32
"""Pixels that neighbours share at least, where a tile is four times as wide."""

BATCH_PIXELS = 4_000_000
"""Pixels that a GPU is given at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A rectangle of the frame, and how much it counts in the picture."""

    rows: slice
    columns: slice
    row_weights: Array
    column_weights: Array
    """(h,) and (w,): their product is the weight of a pixel; over all tiles it sums to one."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return len(self.row_weights), len(self.column_weights)

    def add_to(self, picture: Array, content: Array) -> None:
        """Add this tile's content (h, w, 3), weighted, to the whole picture (H, W, 3)."""
        weights = self.row_weights[:, None, None] * self.column_weights[None, :, None]
        picture[self.rows, self.columns] += content * weights


def plan_tiles(height: int, width: int, *, tile_px: int, multiple_of: int = 4) -> list[Tile]:
    """Cover a frame with tiles of at most tile_px a side, row by row; all start at multiples of `multiple_of`.

    Neighbours share a quarter of a tile or OVERLAP_PX, whichever is less, and are faded into each other by a
    raised cosine. A frame that is smaller than a tile is one tile.
    """
    rows = _cut(height, tile_px, multiple_of)
    columns = _cut(width, tile_px, multiple_of)
    return [
        Tile(rows=row, columns=column, row_weights=row_weights, column_weights=column_weights)
        for row, row_weights in rows
        for column, column_weights in columns
    ]


def batched(tiles: Sequence[Tile], *, largest: int | None = None) -> list[list[Tile]]:
    """Group tiles of one shape, up to `largest` or BATCH_PIXELS at a time; the order is kept within a shape."""
    groups = []
    for (height, width), same in groupby(sorted(tiles, key=lambda tile: tile.shape, reverse=True), lambda t: t.shape):
        count = largest or max(1, BATCH_PIXELS // (height * width))
        found = list(same)
        groups += [found[first : first + count] for first in range(0, len(found), count)]
    return groups


def _cut(extent: int, tile_px: int, multiple_of: int) -> list[tuple[slice, Array]]:
    """Overlapping parts of a side, evenly spread and no longer than need be, with weights that sum to one."""
    overlap = min(OVERLAP_PX, tile_px // 4)
    stride = max((tile_px - overlap) // multiple_of, 1) * multiple_of
    count = 1 + max(-(-(extent - tile_px) // stride), 0)
    length = min(tile_px, -(-(extent + (count - 1) * (overlap + multiple_of)) // count))
    step = (extent - length) / max(count - 1, 1)
    starts = [-(-round(index * step) // multiple_of) * multiple_of for index in range(count)]
    ends = [min(start + length, extent) for start in starts]
    parts = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    total = np.zeros(extent)
    windows = []
    for index, part in enumerate(parts):
        at = np.arange(part.start, part.stop) + 0.5
        window = np.ones(len(at))
        if index > 0:
            window *= _rise((at - part.start) / (ends[index - 1] - part.start))
        if index + 1 < count:
            window *= _rise((part.stop - at) / (part.stop - starts[index + 1]))
        windows.append(window)
        total[part] += window
    return [(part, (window / total[part]).astype(np.float32)) for part, window in zip(parts, windows, strict=True)]


def _rise(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raised cosine: 0 at 0, 1 from 1 on."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))

"""Strips: a frame some rows at a time, and planes of another size enlarged to the rows of one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.imaging.radiometry import Plane

STRIP_ROWS = 64
"""Rows of a strip; performance only: at 24 megapixels a strip of three float32 channels is 4.6 MB, a core's cache."""

WORKERS = 2
"""Strips under way at a time; performance only: what the memory's bandwidth feeds on a laptop."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Some rows of a frame, with those above and below that they are computed from."""

    rows: slice
    with_neighbours: slice

    def trimmed(self, plane: Plane) -> Plane:
        """The strip's own rows of a plane that has its neighbours too."""
        return plane[self.rows.start - self.with_neighbours.start : self.rows.stop - self.with_neighbours.start]


def strips(height: int, *, around: int = 0) -> list[Strip]:
    """Divide `height` rows into strips, each with up to `around` rows above and below."""
    return [
        Strip(
            rows=slice(top, min(top + STRIP_ROWS, height)),
            with_neighbours=slice(max(top - around, 0), min(top + STRIP_ROWS + around, height)),
        )
        for top in range(0, height, STRIP_ROWS)
    ]


def each_strip(work: Callable[[Strip], None], height: int, *, around: int = 0) -> Iterator[float]:
    """Do something to every strip, WORKERS at a time, and yield the share that is done after each."""
    planned = strips(height, around=around)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for done, _ in enumerate(pool.map(work, planned), start=1):
            yield done / len(planned)


def enlarge_rows(plane: Plane, shape: tuple[int, int], rows: slice = slice(None)) -> Plane:
    """Rows of a plane (h, w[, 3]) enlarged bilinearly to (H, W[, 3]); pixel areas, not indices, correspond."""
    height, width = shape
    if plane.shape[:2] == shape:
        return plane[rows]
    start, stop, _ = rows.indices(height)
    scale = plane.shape[0] / height
    first = max(int(np.floor((start + 0.5) * scale - 0.5)), 0)
    last = min(int(np.ceil((stop - 0.5) * scale - 0.5)), plane.shape[0] - 1)
    part = plane[first : last + 1]
    # Columns by cv2.resize, which keeps areas in place; rows by hand, as a strip's edges are not the picture's.
    wide = cv2.resize(part, (width, len(part)), interpolation=cv2.INTER_LINEAR)
    at = np.clip((np.arange(start, stop) + 0.5) * scale - 0.5, 0, plane.shape[0] - 1) - first
    low = np.minimum(at.astype(np.intp), len(part) - 1)
    high = np.minimum(low + 1, len(part) - 1)
    share = (at - low).astype(np.float32).reshape((-1,) + (1,) * (plane.ndim - 1))
    return wide[low] * (1 - share) + wide[high] * share

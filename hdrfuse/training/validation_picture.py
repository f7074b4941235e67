"""Validation pictures: what goes in, what comes out and what is true, side by side."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.writing import write_png
from hdrfuse.metrics.psnr import mu_law

ValidationPicture = NDArray[np.uint8]

GAP_PX = 4
MOST_PICTURES = 12


def side_by_side(rows: Sequence[Sequence[NDArray[np.float32]]]) -> ValidationPicture:
    """Tonemap rows of radiances (H, W, 3) of one size into one picture, mu-law, gaps between them."""
    drawn = [
        np.hstack([np.pad(mu_law(np.clip(cell, 0, 1)), ((0, GAP_PX), (0, GAP_PX), (0, 0))) for cell in row])
        for row in rows
    ]
    return np.round(np.vstack(drawn)[:-GAP_PX, :-GAP_PX] * 255).astype(np.uint8)


def keep_picture(folder: Path, step: int, picture: ValidationPicture) -> None:
    """Write a step's picture (H, W, 3) as PNG; of many earlier ones every second goes. Raises WriteError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_png(folder / f"step-{step:07d}.png", picture, overwrite=True)
    kept = sorted(folder.glob("step-*.png"))
    if len(kept) > MOST_PICTURES:
        for path in kept[1:-1:2]:
            with suppress(FileNotFoundError):
                path.unlink()

"""A picture of many synthetic brackets, for a person to look through before hours of training."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.sample import BracketSample
from hdrfuse.metrics.psnr import mu_law

GAP_PX = 4


def contact_sheet(brackets: Iterable[BracketSample], columns: int = 2) -> NDArray[np.uint8]:
    """Return brackets of one size as rows of short, reference, long frame and tonemapped truth: (H, W, 3) uint8."""
    cells = [bracket_strip(bracket) for bracket in brackets]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.round(np.vstack(rows) * 255).astype(np.uint8)


def bracket_strip(bracket: BracketSample) -> NDArray[np.float64]:
    """Return one bracket's frames and truth side by side with a gap below and to the right, values in [0, 1]."""
    pictures = [*bracket.ldr, mu_law(bracket.radiance.astype(np.float64))]
    framed = [np.pad(picture, ((0, GAP_PX), (0, GAP_PX), (0, 0))) for picture in pictures]
    return np.clip(np.hstack(framed), 0, 1)

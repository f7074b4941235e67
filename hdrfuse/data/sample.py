"""One sample with known radiance: what training and validation read."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class BracketSample:
    """Three frames and their truth; radiance 1.0 is the white of the shortest frame."""

    ldr: NDArray[np.float32]
    """(3, H, W, 3) gamma-encoded frames in [0, 1], short, reference, long."""
    exposure: NDArray[np.float32]
    """(3,) exposures 2^(EV - EV_min)."""
    radiance: NDArray[np.float32]
    """(H, W, 3) the truth at the reference's time; clipped to [0, 1] in training, as it is in evaluation."""


class Brackets(Protocol):
    """An endless list of samples."""

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index`, the same one every time."""

"""Collages as training samples: light that is hidden behind what passes in front of real places."""

from dataclasses import dataclass

import numpy as np

from hdrfuse.data.collage import collage, collage_bracket
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.patches import WHITE_16_BIT
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE
from hdrfuse.data.sample import BracketSample

NOISE_SHARES = (0.15, 1.0)
"""Of a good camera's noise at about ISO 200: what `bench` and `eval` are given, and all of it."""

STRIDE = 2**32
"""Between the scenes of two seeds."""


@dataclass(frozen=True, kw_only=True)
class CollageSamples:
    """An endless list of collages in which something moves, whole frames of one size."""

    library: ImageLibrary
    size: int
    """Side in pixels, 16 or more."""
    seed: int

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index` >= 0."""
        made = collage(self.library, self.seed * STRIDE + index, (self.size, self.size))
        noise = NOISE_SHARES[index % len(NOISE_SHARES)]
        taken = collage_bracket(
            made, motion="moving", photon_noise=noise * PHOTON_NOISE, read_noise=noise * READ_NOISE
        )  # fmt: skip
        evs = np.array(taken.evs)
        return BracketSample(
            ldr=np.stack(taken.frames).astype(np.float32) / WHITE_16_BIT,
            exposure=np.exp2(evs - evs.min()).astype(np.float32),
            radiance=np.clip(taken.truth, 0, 1),
        )

"""Samples whose reference shows more than it does: hidden highlights are continued, as in a merge."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.sample import Brackets, BracketSample
from hdrfuse.imaging.agreement import Tolerance
from hdrfuse.imaging.ghosts import find_ghosts
from hdrfuse.imaging.radiometry import Exposed, estimate_noise
from hdrfuse.imaging.triplet import GAMMA, Triplet

REFERENCE = 1

TOLERANCE = Tolerance(relative=0.04, highlights=0.1, crosstalk=False, misregistration_px=0.2)
"""Between what a merge allows frames of a known curve from a tripod and those of a fitted one from the hand."""


@dataclass(frozen=True)
class ContinuedBrackets:
    """A list's samples with their `reference` made."""

    brackets: Brackets

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index` of the list."""
        sample = self.brackets[index]
        return replace(sample, reference=continued_reference(sample))


def continued_reference(sample: BracketSample) -> NDArray[np.float32]:
    """Look for ghosts as a merge would -> the reference's radiance (H, W, 3), its hidden highlights continued.

    1.0 is the white of the shortest frame.
    """
    gains = sample.exposure / sample.exposure[REFERENCE]
    frames = []
    for index, (ldr, gain) in enumerate(zip(sample.ldr, gains, strict=True)):
        linear = np.asarray(cv2.pow(ldr, GAMMA), np.float32)
        frames.append(
            Exposed(
                pixels=linear, lookup=None, white=1.0, ev=float(np.log2(gain)),
                noise=estimate_noise(linear, None, 1.0), exact=True,
                valid=None if sample.shown is None else sample.shown[index],
            )
        )  # fmt: skip
    ghosts = find_ghosts(frames, REFERENCE, [TOLERANCE] * len(frames))
    short, middle, long = frames
    triplet = Triplet(frames=(short, middle, long), indices=(0, 1, 2), ghosts=ghosts)
    return triplet.reference_radiance(sample.ldr[REFERENCE])

"""The reference: the frame of a bracket whose motion the result shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrfuse.errors import UsageError
from hdrfuse.imaging.frame import Frame
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class ReferenceSettings(Settings):
    """Which frame is no reference; chosen by hand where no source is named."""

    mostly: float = 0.5
    """A frame of which more than this share is clipped or black is no reference.

    Measured on twelve brackets of real cameras: half / twice choose another reference in 2 / 1.
    """
    dark: float = 0.04
    """Encoded value, as a share of white, from which a pixel counts as well exposed,

    Half / twice: another reference in 1 / 2 of them.
    """
    bright: float = 0.96
    """and up to which it does. Half / twice: another reference in 2 / 1 of them."""


REFERENCE = ReferenceSettings()


def choose_reference(ordered: Sequence[Frame], wanted: str | int) -> int:
    """Index of the frame that is wanted, or else of the middle one; of a better exposed neighbour if that is poor.

    Frames are in the order of their exposures. Raises UsageError for a frame that is not there.
    """
    if wanted != "auto":
        return find_named([frame.name for frame in ordered], wanted)
    count = len(ordered)
    middles = [count // 2] if count % 2 else [count // 2 - 1, count // 2]
    quality = [_well_exposed(frame) for frame in ordered]
    best = max(middles, key=lambda index: quality[index])
    if quality[best] < 1.0 - REFERENCE.mostly:
        neighbours = [index for index in (best - 1, best, best + 1) if 0 <= index < count]
        best = max(neighbours, key=lambda index: quality[index])
    return best


def _well_exposed(frame: Frame) -> float:
    samples = frame.encoded_samples()
    peak = samples.max(axis=2)
    usable = (peak > REFERENCE.dark) & (peak < REFERENCE.bright) if np.isfinite(frame.white) else peak > 0.0
    return float(np.mean(usable))


def find_named(names: Sequence[str], wanted: str | int) -> int:
    """Index of a frame by its file's name, its path or its index."""
    name = Path(str(wanted)).name
    if name in names:
        return names.index(name)
    try:
        index = int(wanted)
    except ValueError:
        raise UsageError(f"--reference {wanted}: no such frame; there are {', '.join(names)}") from None
    if not 0 <= index < len(names):
        raise UsageError(f"--reference {index}: the bracket has frames 0 to {len(names) - 1}")
    return index

"""A frame: one exposure of a bracket, decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.exposure import Exposure, Uncertainty
from hdrfuse.formats import Capture, Pixels
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class FrameSettings(Settings):
    """How much of a frame is looked at before it is merged."""

    samples_per_side: int = 256
    """Statistics of a whole frame are taken on a grid of about this many pixels a side; performance only."""


FRAME = FrameSettings()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One exposure of a bracket."""

    name: str
    pixels: Pixels
    """(H, W, 3), display-encoded integers or linear floats, upright, RGB."""
    white: float
    """Pixel value at which the frame clips; inf for scene-referred floats, whose 1.0 is their bracket's unit."""
    linear: bool
    ev: float
    ev_source: str
    ev_uncertainty: Uncertainty | None = None
    """None for what is stated."""
    capture: Capture
    covered: NDArray[np.bool_] | None = None
    """(H, W) where the frame holds data, None = everywhere; its pixels are 0 elsewhere."""
    shared: NDArray[np.bool_] | None = None
    """(H, W) where all frames of its bracket hold data; None = everywhere."""
    exif: bytes | None = None
    path: Path | None = None
    """The file it was read from; None for an array."""

    @property
    def stated(self) -> Exposure:
        """Its exposure, with where that is known from."""
        return Exposure(ev=self.ev, source=self.ev_source, uncertainty=self.ev_uncertainty)

    def encoded_samples(self) -> NDArray[np.float32]:
        """(h, w, 3) pixels on a coarse grid as a share of white; scene-referred floats up to 1.0.

        Where a frame of the bracket does not cover everything, (n, 1, 3): those that all cover.
        """
        height, width = self.pixels.shape[:2]
        step_y, step_x = max(1, height // FRAME.samples_per_side), max(1, width // FRAME.samples_per_side)
        grid = (slice(step_y // 2, None, step_y), slice(step_x // 2, None, step_x))
        samples = self.pixels[grid].astype(np.float32)
        for mask in (self.shared, self.covered):
            if mask is not None and mask[grid].any():
                samples = samples[mask[grid]][:, None]
                break
        return samples / np.float32(self.white) if np.isfinite(self.white) else np.minimum(samples, np.float32(1.0))

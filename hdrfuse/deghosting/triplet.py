"""The three frames of a bracket that the network sees: the reference, a darker and a brighter one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.merging.coverage import stand_ins
from hdrfuse.imaging.merging.highlights import CLIPPING
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, linearise
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class TripletSettings(Settings):
    """Which frames the network sees.

    What names no source was chosen by hand: brackets of three frames with binding exposures do not ask it.
    """

    largest_step_ev: float = 3.3
    """Stops between neighbours that the network has met in training: the most that its brackets are drawn with."""
    enough: float = 0.95
    """Share of the highlights that any darker frame shows which the chosen one shows too."""


TRIPLET = TripletSettings()


SAMPLES = 200_000
"""Pixels of a frame that are looked at to choose."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Triplet:
    """Short, reference and long frame; a side that the bracket does not have repeats the reference."""

    frames: tuple[CalibratedFrame, CalibratedFrame, CalibratedFrame]
    """Registered; the lookup of integers gives gamma-encoded exposure, within [0, 1]."""
    indices: tuple[int, int, int]
    """Places in the bracket."""
    stand_ins: tuple[CalibratedFrame, ...] = ()
    """Who shows, in this order, what the reference has no data of; encoded as the frames are."""

    @classmethod
    def of(cls, frames: Sequence[CalibratedFrame], reference: int) -> "Triplet":
        """Choose the darker and the brighter frame that add most to the reference."""
        return cls._chosen(frames, (_darker(frames, reference), reference, _brighter(frames, reference)))

    @classmethod
    def _chosen(cls, frames: Sequence[CalibratedFrame], indices: tuple[int, int, int]) -> "Triplet":
        short, middle, long = (_gamma_encoded(frames[index]) for index in indices)
        reference = indices[1]
        others = () if frames[reference].valid is None else stand_ins(frames, reference)
        return cls(
            frames=(short, middle, long), indices=indices,
            stand_ins=tuple(_gamma_encoded(frames[index]) for index in others),
        )  # fmt: skip

    def resembling(self, frames: Sequence[CalibratedFrame]) -> "Triplet":
        """The same three of a bracket's frames at another size."""
        return self._chosen(frames, self.indices)

    @property
    def exposures(self) -> NDArray[np.float32]:
        """(3,) exposure of each frame, where the shortest's is 1."""
        gains = np.array([frame.gain for frame in self.frames])
        return np.asarray(gains / gains.min(), np.float32)

    @property
    def white(self) -> float:
        """Radiance of the shortest frame's white, where the reference's is 1."""
        return 1.0 / min(frame.gain for frame in self.frames)

    def encoded(self, rows: slice = slice(None), columns: slice = slice(None)) -> Plane:
        """Gamma-encoded frames (3, h, w, 3) in [0, 1] of a rectangle.

        Where a side frame has no data after registration it shows what the reference does, at its own exposure: so
        the network sees a place where nothing moved. Where the reference has none, it shows what others do.
        """
        ldr = np.stack([_encoded(frame, rows, columns) for frame in self.frames])
        _, reference, _ = self.frames
        self._complete(ldr[1], rows, columns)
        for picture, frame in zip(ldr, self.frames, strict=True):
            if frame.valid is not None and not (valid := frame.valid[rows, columns]).all():
                brighter = np.float32((frame.gain / reference.gain) ** (1.0 / GAMMA))
                picture[~valid] = np.minimum(ldr[1][~valid] * brighter, np.float32(1))
        return ldr

    def _complete(self, picture: Plane, rows: slice, columns: slice) -> None:
        """Put into the reference's rectangle (h, w, 3) what it has no data of, in place."""
        _, reference, _ = self.frames
        if reference.valid is None:
            return
        missing = ~reference.valid[rows, columns]
        for frame in self.stand_ins:
            if not missing.any():
                return
            usable = missing if frame.valid is None else missing & frame.valid[rows, columns]
            brighter = np.float32((reference.gain / frame.gain) ** (1.0 / GAMMA))
            picture[usable] = np.minimum(_encoded(frame, rows, columns)[usable] * brighter, np.float32(1))
            missing = missing & ~usable


def _darker(frames: Sequence[CalibratedFrame], reference: int) -> int:
    """The nearest darker frame that shows nearly all highlights that any shows; the reference where there is none."""
    darker = [index for index, each in enumerate(frames) if each.ev < frames[reference].ev]
    candidates = _within_reach(frames, darker, reference)
    if not candidates:
        return reference
    clipped = _clipped(frames[reference])
    shown = {index: int(np.count_nonzero(clipped & ~_clipped(frames[index]))) for index in candidates}
    enough = TRIPLET.enough * max(shown.values())
    return max((index for index in candidates if shown[index] >= enough), key=lambda index: frames[index].ev)


def _brighter(frames: Sequence[CalibratedFrame], reference: int) -> int:
    """The brighter frame that takes most noise from what it does not clip; the reference where there is none."""
    brighter = [index for index, each in enumerate(frames) if each.ev > frames[reference].ev]
    candidates = _within_reach(frames, brighter, reference)
    if not candidates:
        return reference
    own = _sample(frames[reference])
    radiance = own / np.float32(frames[reference].gain)
    variance = frames[reference].variance(own) / np.float32(frames[reference].gain ** 2)

    def bits(index: int) -> float:
        frame = frames[index]
        gain = np.float32(frame.gain)
        information = np.log2(1.0 + variance * gain**2 / frame.variance(radiance * gain)).mean(axis=2)
        return float(np.mean(information * ~_clipped(frame)))

    return max(candidates, key=lambda index: (bits(index), -frames[index].ev))


def _within_reach(frames: Sequence[CalibratedFrame], candidates: Sequence[int], reference: int) -> list[int]:
    """Those at most TRIPLET.largest_step_ev away, or else the nearest alone."""
    distance = {index: abs(frames[index].ev - frames[reference].ev) for index in candidates}
    near = [index for index in candidates if distance[index] <= TRIPLET.largest_step_ev]
    return near or sorted(candidates, key=lambda index: distance[index])[:1]


def _sample(frame: CalibratedFrame) -> Plane:
    """Exposure (h, w, 3) of some pixels of a frame, spread evenly."""
    every = max(1, round((frame.pixels[..., 0].size / SAMPLES) ** 0.5))
    return linearise(np.ascontiguousarray(frame.pixels[::every, ::every]), frame.lookup, frame.white)


def _clipped(frame: CalibratedFrame) -> NDArray[np.bool_]:
    """(h, w) which of the sampled pixels the network sees as white in any channel."""
    return np.asarray(channel_max(_sample(frame)) >= CLIPPING.end)


def _gamma_encoded(frame: CalibratedFrame) -> CalibratedFrame:
    if frame.lookup is None:
        return frame
    lookup = np.clip(frame.lookup, 0.0, 1.0) ** (1.0 / GAMMA)
    return replace(frame, lookup=lookup.astype(np.float32))


def _encoded(frame: CalibratedFrame, rows: slice, columns: slice) -> Plane:
    """Gamma-encoded rectangle (h, w, 3) of a frame of a triplet."""
    pixels = np.ascontiguousarray(frame.pixels[rows, columns])
    values = linearise(pixels, frame.lookup, frame.white)
    if frame.lookup is not None:
        return values
    return np.asarray(cv2.pow(np.clip(values, 0.0, 1.0), 1.0 / GAMMA), np.float32)

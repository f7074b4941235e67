"""A scene whose truth is known, made in a moment."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from hdrfuse.errors import ImageError
from hdrfuse.evaluation.scenes import KnownBracket

EVS = (-2.0, 0.0, 2.0)


def known_bracket(seed=0, size=(32, 48), *, moved_px=0):
    """Three 16-bit frames of a smooth scene that the shortest frame holds; a square may move."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32) / max(size)
    truth = np.stack([0.02 + 0.9 * x**2, 0.05 + 0.6 * x * y, 0.03 + 0.5 * y], -1).astype(np.float32)
    truth *= rng.uniform(0.9, 1.0, (*size, 1)).astype(np.float32)
    frames = []
    for index, ev in enumerate(EVS):
        seen = truth.copy()
        left = 8 + moved_px * (index - 1)
        seen[8:20, left : left + 12] = (0.02, 0.04, 0.01)
        if index == 1:
            shown = seen
        frames.append(np.rint(np.clip(seen * 2 ** (ev - EVS[0]), 0, 1) ** (1 / 2.2) * 65535).astype(np.uint16))
    return KnownBracket(frames=tuple(frames), evs=EVS, reference=1, truth=shown, details="made up")


LIT = slice(4, 28), slice(8, 32)
"""Where a lit wall clips the reference, 576 pixels."""
HIDDEN = slice(4, 28), slice(8, 20)
"""The half of it that something hides in the darkest frame."""


def hiding_bracket(seed=0, light=0.5, source=""):
    """A dim scene with a lit wall that clips the reference, half of which the darkest frame does not show."""
    rng = np.random.default_rng(seed)
    truth = np.full((32, 48, 3), (0.03, 0.05, 0.04), np.float32)
    truth[LIT] = light * rng.uniform(0.8, 1.2, (*truth[LIT].shape[:2], 1))
    darkest = truth.copy()
    darkest[HIDDEN] = 0.02
    exposed = (np.clip(seen * 2 ** (ev - EVS[0]), 0, 1) for seen, ev in zip((darkest, truth, truth), EVS, strict=True))
    frames = tuple(np.rint(each ** (1 / 2.2) * 65535).astype(np.uint16) for each in exposed)
    return KnownBracket(frames=frames, evs=EVS, reference=1, truth=truth, source=source)


@dataclass
class HidingScene:
    """A scene in memory, part of whose light is hidden."""

    name: str
    seed: int = 0
    light: float = 0.5
    source: str = ""
    group: str = ""
    evs: tuple[float, ...] = EVS

    @property
    def identity(self):
        return {"name": self.name, "seed": self.seed, "light": self.light}

    def read(self):
        return hiding_bracket(self.seed, self.light, self.source)


@dataclass
class MadeScene:
    """A scene in memory that counts how often it is read."""

    name: str
    seed: int = 0
    group: str = ""
    broken: str = ""
    evs: tuple[float, ...] = EVS
    version: int = 1
    reads: list[int] = field(default_factory=list)

    @property
    def identity(self):
        return {"name": self.name, "seed": self.seed, "version": self.version}

    def read(self):
        self.reads.append(self.seed)
        if self.broken:
            raise ImageError(self.broken)
        return known_bracket(self.seed, moved_px=4)


@pytest.fixture
def bracket():
    return known_bracket(moved_px=4)


@pytest.fixture
def made():
    """Make a scene in memory."""
    return MadeScene

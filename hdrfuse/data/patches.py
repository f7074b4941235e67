"""Crops of captured training scenes, decoded once and read through memory maps."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.sample import BracketSample
from hdrfuse.errors import BadInputError

Array = NDArray[np.float32]
WHITE_16_BIT = np.float32(65535)


class TrainingScene(Protocol):
    """A scene with known radiance: what a reader of a public data set returns."""

    @property
    def name(self) -> str:
        """Unique among the scenes."""

    @property
    def ldr(self) -> Array:
        """(3, H, W, 3) gamma-encoded frames in [0, 1]: short, reference, long."""

    @property
    def ev(self) -> Array:
        """(3,) EVs of the frames."""

    @property
    def radiance(self) -> Array:
        """(H, W, 3) the truth, 1.0 = white of the shortest frame."""


def pack_scenes(scenes: Iterable[TrainingScene], folder: Path) -> None:
    """Write scenes as `<name>.ldr.npy` (uint16), `<name>.radiance.npy` (float32) and scenes.json."""
    folder.mkdir(parents=True, exist_ok=True)
    evs = {}
    for scene in scenes:
        np.save(folder / f"{scene.name}.ldr.npy", np.round(scene.ldr * WHITE_16_BIT).astype(np.uint16))
        np.save(folder / f"{scene.name}.radiance.npy", scene.radiance.astype(np.float32))
        evs[scene.name] = [float(ev) for ev in scene.ev]
    (folder / "scenes.json").write_text(json.dumps(evs, indent=1))


@dataclass(frozen=True, kw_only=True)
class Window:
    """Where one crop lies."""

    scene: str
    top: int
    left: int


class ScenePatches:
    """All full windows of packed scenes, shuffled anew every epoch, flipped and turned: an endless list.

    The same seed and index give the same crop (LF-Diff, section 4.1: 128 x 128 at stride 64).
    """

    def __init__(self, folder: Path, *, size: int = 128, stride: int = 64, seed: int = 0) -> None:
        """Open what `pack_scenes` wrote. Raises BadInputError if it is not there or no window fits."""
        index = folder / "scenes.json"
        if not index.is_file():
            raise BadInputError(f"{folder}: no packed scenes; expected scenes.json as `pack_scenes` writes it")
        self.folder, self.size, self.seed = folder, size, seed
        self.ev: dict[str, list[float]] = json.loads(index.read_text())
        self.windows = [window for name in self.ev for window in self._windows(name, stride)]
        if not self.windows:
            raise BadInputError(f"{folder}: no scene has room for a crop of {size} x {size} pixels")

    def __getitem__(self, index: int) -> BracketSample:
        """Return crop `index` >= 0."""
        epoch, place = divmod(index, len(self.windows))
        window = self.windows[_order(self.seed, epoch, len(self.windows))[place]]
        rows = slice(window.top, window.top + self.size)
        columns = slice(window.left, window.left + self.size)
        ldr = self._map(window.scene, "ldr")[:, rows, columns].astype(np.float32) / WHITE_16_BIT
        radiance = self._map(window.scene, "radiance")[rows, columns]
        quarters, mirrored = divmod(int(np.random.default_rng([self.seed, index]).integers(8)), 2)
        ev = np.array(self.ev[window.scene])
        return BracketSample(
            ldr=turned(ldr, quarters, mirrored=bool(mirrored)),
            exposure=np.exp2(ev - ev.min()).astype(np.float32),
            radiance=turned(np.asarray(np.clip(radiance, 0, 1), np.float32), quarters, mirrored=bool(mirrored)),
        )

    def _windows(self, scene: str, stride: int) -> Iterator[Window]:
        height, width = self._map(scene, "radiance").shape[:2]
        for top in range(0, height - self.size + 1, stride):
            for left in range(0, width - self.size + 1, stride):
                yield Window(scene=scene, top=top, left=left)

    def _map(self, scene: str, part: str) -> NDArray[np.generic]:
        return np.load(self.folder / f"{scene}.{part}.npy", mmap_mode="r")


def turned(picture: Array, quarters: int, *, mirrored: bool) -> Array:
    """Turn (..., H, W, 3) by quarters, then mirror it perhaps."""
    rotated = np.rot90(picture, quarters, axes=(-3, -2))
    return np.ascontiguousarray(rotated[..., ::-1, :] if mirrored else rotated)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)

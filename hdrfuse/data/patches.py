"""Crops of a public set's training scenes, decoded once and read through memory maps."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.sample import BracketSample
from hdrfuse.data.scenes import Array, DatasetScene, open_dataset
from hdrfuse.errors import BadInputError, ImageError, OutputError
from hdrfuse.formats import replacing
from hdrfuse.text import counted

WHITE_16_BIT = np.float32(65535)

PACKING = "1"
"""Changes with the form of the packed files, so that older ones are not read."""


@dataclass(frozen=True, kw_only=True)
class PackedScene:
    """One decoded scene on disk."""

    name: str
    evs: tuple[float, ...]
    frames: Path
    """.npy, (3, H, W, 3) uint16, gamma-encoded: short, reference, long."""
    radiance: Path
    """.npy, (H, W, 3) float32, 1.0 = white of the shortest frame."""


@dataclass(frozen=True, kw_only=True)
class ScenePatches:
    """All full windows of some scenes, shuffled anew every epoch, flipped and turned: an endless list.

    The same scenes, seed and index give the same crop (LF-Diff, section 5.1: 128 x 128 at stride 64).
    """

    scenes: tuple[PackedScene, ...]
    size: int = 128
    stride: int = 64
    seed: int = 0
    skipped: tuple[str, ...] = ()
    """One line for each scene that could not be decoded: what to warn of, and to count."""
    warnings: tuple[str, ...] = ()
    """The data set's own."""

    @cached_property
    def windows(self) -> NDArray[np.int32]:
        """(K, 3) index of the scene, top and left of every full window."""
        windows = []
        for index, scene in enumerate(self.scenes):
            height, width = np.load(scene.radiance, mmap_mode="r").shape[:2]
            tops = range(0, height - self.size + 1, self.stride)
            lefts = range(0, width - self.size + 1, self.stride)
            windows += [(index, top, left) for top in tops for left in lefts]
        return np.array(windows, np.int32).reshape(-1, 3)

    def __getitem__(self, index: int) -> BracketSample:
        """Return crop `index` >= 0, its truth clipped to [0, 1]."""
        epoch, place = divmod(index, len(self.windows))
        number, top, left = self.windows[_order(self.seed, epoch, len(self.windows))[place]]
        scene = self.scenes[number]
        rows, columns = slice(top, top + self.size), slice(left, left + self.size)
        ldr = np.load(scene.frames, mmap_mode="r")[:, rows, columns].astype(np.float32) / WHITE_16_BIT
        radiance = np.clip(np.load(scene.radiance, mmap_mode="r")[rows, columns], 0, 1)
        quarters, mirrored = divmod(int(np.random.default_rng([self.seed, index]).integers(8)), 2)
        evs = np.array(scene.evs)
        return BracketSample(
            ldr=turn(ldr, quarters, mirrored=bool(mirrored)),
            exposure=np.exp2(evs - evs.min()).astype(np.float32),
            radiance=turn(np.asarray(radiance, np.float32), quarters, mirrored=bool(mirrored)),
        )

    def divided(self, held_back: int) -> tuple["ScenePatches", "ScenePatches"]:
        """Return the crops of all scenes but `held_back` of them, spread over the set, and the crops of those.

        Validation needs scenes that training does not see; the published training holds none back.
        """
        if not 0 <= held_back < len(self.scenes):
            raise BadInputError(
                f"{held_back} of {counted(len(self.scenes), 'scene')} held back; expected to leave at least one"
            )
        chosen = {(2 * k + 1) * len(self.scenes) // (2 * held_back) for k in range(held_back)}
        train = tuple(scene for index, scene in enumerate(self.scenes) if index not in chosen)
        return replace(self, scenes=train), replace(self, scenes=tuple(self.scenes[index] for index in sorted(chosen)))


def open_patches(
    name: str,
    folder: Path,
    cache: Path,
    *,
    size: int = 128,
    stride: int = 64,
    seed: int = 0,
    report: Callable[[str], None] = lambda scene: None,
) -> ScenePatches:
    """Return the crops of a public set's training scenes, ready for `hdrfuse.training.feed.batches`.

        patches = open_patches("kalantari", folder, cache, size=recipe.crop_px, seed=recipe.seed)
        Task(recipe=recipe, brackets=patches, ...)

    Each scene is decoded once into `cache`/`name` (45 MB for 1000 x 1500 pixels) and again only when its files
    change; an interrupted packing goes on where it stopped, and several processes may pack at once. `report`
    gets the name of each scene before it is decoded. A damaged image leaves its scene out and is told in `skipped`.
    Test scenes are never opened.

    Raises BadInputError if a folder or file is missing, no scene is readable or no window fits, further what
    `open_dataset` raises, BracketError for sizes that differ; OutputError or WriteError if `cache` takes nothing.
    """
    dataset = open_dataset(name, folder, "training")
    packed, skipped = pack(dataset.scenes, cache / name, report)
    if not packed:
        raise BadInputError(
            f"{dataset.folder}: none of {counted(len(skipped), 'scene')} can be read; the first: {skipped[0]}"
        )
    patches = ScenePatches(
        scenes=packed, size=size, stride=stride, seed=seed, skipped=skipped, warnings=dataset.warnings
    )
    if not len(patches.windows):
        raise BadInputError(f"{dataset.folder}: no scene has room for a crop of {size} x {size} pixels")
    return patches


def pack(
    scenes: Sequence[DatasetScene], cache: Path, report: Callable[[str], None] = lambda scene: None
) -> tuple[tuple[PackedScene, ...], tuple[str, ...]]:
    """Decode scenes with ground truth into a folder -> those packed, and a line for each that is damaged.

    Raises BracketError for sizes that differ, OutputError or WriteError if the folder takes nothing.
    """
    make_folder(cache)
    packed, skipped = [], []
    for scene in scenes:
        stem = f"{scene.name}-{state_of(scene)}"
        target = PackedScene(
            name=scene.name,
            evs=scene.evs,
            frames=cache / f"{stem}.frames.npy",
            radiance=cache / f"{stem}.radiance.npy",
        )
        try:
            if not (target.frames.is_file() and target.radiance.is_file()):
                report(scene.name)
                write_packed(scene.read(), target)
            packed.append(target)
        except ImageError as error:
            skipped.append(f"scene {scene.name} left out: {error}")
    return tuple(packed), tuple(skipped)


def state_of(scene: DatasetScene) -> str:
    """Return a short digest of where a scene's files lie, how long they are and when they were changed."""
    files = [path for path in (*scene.frames, scene.truth) if path is not None]
    facts = [f"{path.resolve()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join([PACKING, *facts]).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def make_folder(cache: Path) -> None:
    """Make a cache folder where there is none. Raises OutputError."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{cache}: cannot be made a folder: {error.strerror}") from error


def write_packed(sample: BracketSample, target: PackedScene) -> None:
    """Write a full-frame sample as two .npy files, whole or not at all. Raises WriteError."""
    with replacing(target.frames, overwrite=True) as path:
        np.save(path, np.round(sample.ldr * WHITE_16_BIT).astype(np.uint16))
    with replacing(target.radiance, overwrite=True) as path:
        np.save(path, sample.radiance)


def turn(picture: Array, quarters: int, *, mirrored: bool) -> Array:
    """Turn (..., H, W, 3) by quarters, then mirror it perhaps."""
    rotated = np.rot90(picture, quarters, axes=(-3, -2))
    return np.ascontiguousarray(rotated[..., ::-1, :] if mirrored else rotated)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)

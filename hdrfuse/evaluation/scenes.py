"""The scenes that an evaluation merges: of a public set, or made from HDR images; decoded one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.collage import EVS, REFERENCE, Collage, collage, collage_bracket
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.packing import HDR_SUFFIXES, Sources, left_out_sources, open_files, source_name
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, Motion, ProceduralBracket
from hdrfuse.data.scenes import DatasetScene, open_dataset
from hdrfuse.data.splits import Split, split_of
from hdrfuse.errors import BadInputError
from hdrfuse.evaluation.expected_layout import name_the_layout
from hdrfuse.evaluation.results import SourceFile
from hdrfuse.formats import read_header
from hdrfuse.formats.checksum import sha256_of


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownBracket:
    """A scene, decoded: three frames and what they should become."""

    frames: tuple[NDArray[Any], ...]
    """(H, W, 3) uint8 or uint16, gamma 2.2, shortest first."""
    evs: tuple[float, ...]
    reference: int
    truth: NDArray[np.float32]
    """(H, W, 3) 1.0 = white of the shortest frame."""
    details: str = ""
    source: str = ""
    """The picture that it was made from, if other scenes may be too."""

    @classmethod
    def of(cls, made: ProceduralBracket, details: str = "") -> "KnownBracket":
        """A procedural bracket's frames and truth."""
        return cls(frames=made.frames, evs=made.evs, reference=made.reference, truth=made.truth, details=details)

    @property
    def gains(self) -> tuple[float, ...]:
        """Exposure of each frame, where the shortest's is 1."""
        return tuple(2.0 ** (ev - self.evs[0]) for ev in self.evs)


class KnownScene(Protocol):
    """A scene that can be read; `identity` changes when what is read changes."""

    @property
    def name(self) -> str:
        """Unique in its set."""

    @property
    def group(self) -> str:
        """Kind of motion, or nothing."""

    @property
    def evs(self) -> tuple[float, ...]:
        """Of the frames, shortest first."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Plain types."""

    def read(self) -> KnownBracket:
        """Decode or make it. Raises a BadInputError that names the file."""


@dataclass(frozen=True, kw_only=True)
class CapturedScene:
    """A scene of a public set."""

    source: DatasetScene
    group: str = ""

    @property
    def name(self) -> str:
        """The scene's folder, without what the layout adds."""
        return self.source.name

    @property
    def evs(self) -> tuple[float, ...]:
        """As `exposure.txt` states them."""
        return self.source.evs

    @property
    def identity(self) -> Mapping[str, object]:
        """The files' names, sizes and times, and the exposures."""
        files = [path for path in (*self.source.frames, self.source.truth) if path is not None]
        return {"files": {path.name: stamp(path) for path in files}, "evs": list(self.evs)}

    def read(self) -> KnownBracket:
        """Decode the frames and the truth. Raises ImageError, BracketError or BadInputError."""
        sample = self.source.read()
        whites = [np.iinfo(np.dtype(read_header(path).dtype)).max for path in self.source.frames]
        frames = (
            np.rint(frame * white).astype(np.uint8 if white == 255 else np.uint16)
            for frame, white in zip(sample.ldr, whites, strict=True)
        )
        return KnownBracket(frames=tuple(frames), evs=self.evs, reference=len(whites) // 2, truth=sample.radiance)


OF_MOVERS: Split = "test"
"""The reserved split has no cut-outs of its own."""


@dataclass(frozen=True, kw_only=True)
class SyntheticSet:
    """Brackets made from the HDR images of a folder that training never reads; the same seeds, the same bytes."""

    images: Path
    movers: Path | None
    cache: Path
    """Folder of the decoded images."""
    seeds: int = 12
    motions: tuple[Motion, ...] = ("static", "moving")
    size: tuple[int, int] = (768, 512)
    """Width and height."""
    bits: Literal[8, 16] = 16
    noise: float = 1.0
    """Scales the variance of the sensor's noise."""
    splits: tuple[Split, ...] = ("test",)
    """Of the HDR images."""

    @property
    def sources(self) -> Sources:
        """The folders. Its `files` raises BadInputError for one that is missing or empty."""
        return Sources(images=(self.images,), movers=() if self.movers is None else (self.movers,))

    def identity(self) -> Mapping[str, object]:
        """The pictures' names, sizes and times, and how the frames are taken. Raises BadInputError."""
        return {
            "files": {path.name: stamp(path) for path in self.files()},
            "size": list(self.size), "bits": self.bits, "noise": self.noise,
        }  # fmt: skip

    def files(self) -> list[Path]:
        """The splits' HDR images, and what moves in front of them.

        Raises BadInputError for a folder that is missing or empty, or has no HDR image of a split.
        """
        files = [
            path
            for path in self.sources.files()
            if split_of(source_name(path)) in (self.splits if is_background(path) else (OF_MOVERS,))
        ]
        found = {split_of(source_name(path)) for path in files if is_background(path)}
        if missing := [split for split in self.splits if split not in found]:
            serves = "for tests" if missing[0] == "test" else f"of the {missing[0]} split"
            raise BadInputError(f"{self.images}: none of its HDR images is {serves}; at least one was expected")
        return files

    def source_files(self) -> tuple[SourceFile, ...]:
        """What the scenes are made from, by name, split and content. Raises BadInputError."""
        return tuple(
            SourceFile(
                name=source_name(path), split=split_of(source_name(path)), is_mover=not is_background(path),
                sha256=sha256_of(path),
            )
            for path in self.files()
        )  # fmt: skip

    @property
    def split(self) -> str:
        """The splits in words."""
        return f"{' and '.join(self.splits)} split{'s' if len(self.splits) > 1 else ''}"

    def scenes(self) -> tuple["SyntheticScene", ...]:
        """Every motion of every seed. Raises BadInputError."""
        made_from = self.identity()
        return tuple(
            SyntheticScene(whole=self, seed=seed, motion=motion, made_from=made_from)
            for seed in range(self.seeds)
            for motion in self.motions
        )

    def sentences(self) -> list[str]:
        """Say how the brackets are made, for a caption."""
        width, height = self.size
        evs = ", ".join(f"{ev:+g}" for ev in EVS)
        return [
            f"Brackets: collages of {width} x {height} pixels from {self._pictures()}, "
            f"seeds 0 to {self.seeds - 1}, each {' and '.join(self.motions)}; "
            f"{evs} EV, {self.bits} bits, noise {self.noise:g} (ISO 200 = 1)."
        ]

    def _pictures(self) -> str:
        if self.splits == (OF_MOVERS,):
            return f"HDR images and cut-outs that training never reads ({self.split})"
        unused = ", by which nothing was chosen," if self.splits == ("reserved",) else ""
        return (
            f"HDR images of the {self.split}{unused} and cut-outs of the {OF_MOVERS} split, none of them for training"
        )


@dataclass(frozen=True, kw_only=True)
class SyntheticScene:
    """One motion of one seed."""

    whole: SyntheticSet
    seed: int
    motion: Motion
    made_from: Mapping[str, object]

    @property
    def name(self) -> str:
        """Seed and motion."""
        return f"{self.seed:02d}-{self.motion}"

    @property
    def group(self) -> str:
        """The motion."""
        return self.motion

    @property
    def evs(self) -> tuple[float, ...]:
        """Of every collage."""
        return EVS

    @property
    def identity(self) -> Mapping[str, object]:
        """What it is made from, and how."""
        return {**self.made_from, "seed": self.seed, "motion": self.motion}

    def read(self) -> KnownBracket:
        """Make the bracket. Raises ImageError, BadInputError, OutputError or WriteError."""
        made = collage_of(self.whole, self.seed)
        taken = collage_bracket(
            made,
            motion=self.motion,
            bits=self.whole.bits,
            photon_noise=self.whole.noise * PHOTON_NOISE,
            read_noise=self.whole.noise * READ_NOISE,
        )
        details = made.name + (", stage light" if made.stage_lit else "")
        return KnownBracket(
            frames=taken.frames, evs=EVS, reference=REFERENCE, truth=taken.truth, details=details, source=made.name
        )


@lru_cache(maxsize=1)
def collage_of(whole: SyntheticSet, seed: int) -> Collage:
    """Put one scene together; its motions follow each other."""
    return collage(library_of(whole), seed, whole.size)


@lru_cache(maxsize=1)
def library_of(whole: SyntheticSet) -> ImageLibrary:
    """Decode the pictures, once. Raises BadInputError where one cannot be read: another would take its place."""
    library = open_files(whole.files(), whole.cache)
    if lost := left_out_sources(whole.cache):
        raise BadInputError(f"{next(iter(lost.values()))}; every seed takes a certain image, so all have to be read")
    if whole.movers is not None and not library.of_kind("cutout", "texture"):
        raise BadInputError(f"{whole.movers}: none of its pictures is for tests; at least one was expected")
    return library


@dataclass(frozen=True, kw_only=True)
class SceneSet:
    """What is evaluated."""

    name: str
    scenes: tuple[KnownScene, ...]
    split: str = "test split"
    sources: tuple[SourceFile, ...] = ()
    """Of scenes that are made."""
    sentences: tuple[str, ...] = ()
    """What a caption has to say of them."""
    warnings: tuple[str, ...] = ()


def captured_set(name: str, folder: Path) -> SceneSet:
    """List the test split of a public set; no pixel is decoded.

    Raises BadInputError that says which layout was expected and what was found, ExposureError or ImageError.
    """
    with name_the_layout(name, folder):
        dataset = open_dataset(name, folder, "test")
    scenes = tuple(CapturedScene(source=scene) for scene in dataset.scenes)
    return SceneSet(name=name, scenes=scenes, warnings=dataset.warnings)


def synthetic_set(whole: SyntheticSet, *, registered: bool) -> SceneSet:
    """List synthetic scenes, which merges register or not; nothing is decoded. Raises BadInputError."""
    warnings = []
    if not registered and any(motion.startswith("handheld") for motion in whole.motions):
        warnings.append("hand-held scenes need --align: without it every merge shows the camera's motion")
    return SceneSet(
        name="synthetic", scenes=whole.scenes(), split=whole.split, sources=whole.source_files(),
        sentences=tuple(whole.sentences()), warnings=tuple(warnings),
    )  # fmt: skip


def encoded(frame: NDArray[Any]) -> NDArray[np.float32]:
    """Codes of 8 or 16 bits as 0 to 1, (H, W, 3)."""
    return np.asarray(frame / np.float32(np.iinfo(frame.dtype).max), np.float32)


def is_background(path: Path) -> bool:
    """Whether a picture is an HDR image, behind what moves."""
    return path.suffix.lower() in HDR_SUFFIXES


def stamp(path: Path) -> list[int]:
    """Size and time of a file: they change when its content does. Raises BadInputError."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    return [status.st_size, status.st_mtime_ns]

"""Where the public data sets keep their scenes: folders, frames, exposures, ground truth."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hdrfuse.brackets.scene import natural_key
from hdrfuse.errors import BadInputError, BracketError
from hdrfuse.formats.kinds import SUFFIXES, Kind
from hdrfuse.text import counted

SceneSplit = Literal["training", "test"]

SPLIT_FOLDERS: dict[SceneSplit, str] = {"training": "Training", "test": "Test"}

NOT_SCENES = frozenset({"__macosx", "@eadir", "$recycle.bin"})
"""Folders that archives and file servers leave behind; hidden ones are no scenes either."""

NAMED_FRAMES = ("short", "medium", "long")
"""Names that say the exposure; other frames come in the order of their names."""


@dataclass(frozen=True, kw_only=True)
class DatasetLayout:
    """A set of scenes of three frames; `*` in a file's path stands for the scene's name."""

    frames: tuple[str, ...]
    """Short, reference, long; empty where the scene's three TIFF files are the frames, however they are named."""
    exposures: str
    truth: str
    published_scenes: dict[SceneSplit, int]
    folder_name: str = "(.+)"
    """Regular expression of a scene's folder, or folders; its group is the scene's name."""
    parts: tuple[str, ...] = ()
    """Folders of a split that hold scenes, in lower case."""


LAYOUTS: dict[str, DatasetLayout] = {
    "kalantari": DatasetLayout(
        frames=(),
        exposures="*/exposure.txt",
        truth="*/HDRImg.hdr",
        published_scenes={"training": 74, "test": 15},
        parts=("paper", "extra"),
    ),
    "hu": DatasetLayout(
        frames=("*/input_1_aligned.tif", "*/input_2_aligned.tif", "*/input_3_aligned.tif"),
        exposures="*/input_exp.txt",
        truth="*/ref_hdr_aligned_linear.hdr",
        published_scenes={"training": 85, "test": 15},
    ),
    "tel": DatasetLayout(
        frames=("*/input_1.tif", "*/input_2.tif", "*/input_3.tif"),
        exposures="*/exposure.txt",
        truth="*/HDRImg.hdr",
        published_scenes={"training": 108, "test": 36},
    ),
    "challenge123": DatasetLayout(
        frames=("*_1/ldr_img_1.tif", "*_2/ldr_img_2.tif", "*_3/ldr_img_3.tif"),
        exposures="*_2/exposure.txt",
        truth="*_2/hdr_img.hdr",
        published_scenes={"training": 96, "test": 27},
        folder_name="(.+)_[123]",
    ),
}
"""Kalantari & Ramamoorthi 2017; Hu et al. 2020; Tel et al. 2023; Kong et al. 2024."""

PICTURE_SETS = ("sen", "tursun")
"""A folder a scene, any number of frames, no ground truth: Sen et al. 2012; Tursun et al. 2016."""


@dataclass(frozen=True, kw_only=True)
class SceneFiles:
    """The files of one scene with ground truth."""

    name: str
    frames: tuple[Path, ...]
    """Short, reference, long."""
    exposures: Path
    truth: Path


def find_scene_files(layout: DatasetLayout, folder: Path) -> list[SceneFiles]:
    """Return the scenes below a split's folder, in natural order of their names.

    Raises BadInputError for a missing file, BracketError for frames that are not three.
    """
    return [
        SceneFiles(
            name=name,
            frames=find_frames(layout, place, name),
            exposures=find_file(place, layout.exposures, name, "its exposures"),
            truth=find_file(place, layout.truth, name, "its ground truth"),
        )
        for name, place in sorted(scene_places(layout, folder).items(), key=lambda item: natural_key(Path(item[0])))
    ]


def scene_places(layout: DatasetLayout, folder: Path) -> dict[str, Path]:
    """Return the scenes' names, each with the folder that its paths start from. Raises BadInputError."""
    parts = [part for part in subfolders(folder) if part.name.casefold() in layout.parts]
    places: dict[str, Path] = {}
    for place in (folder, *parts):
        for entry in subfolders(place):
            match = re.fullmatch(layout.folder_name, entry.name)
            if match is None or entry in parts:
                continue
            if places.setdefault(match[1], place) != place:
                raise BadInputError(f"{entry}: scene {match[1]} is in {places[match[1]]} too; expected each scene once")
    return places


def find_frames(layout: DatasetLayout, place: Path, name: str) -> tuple[Path, ...]:
    """Return a scene's frames: short, reference, long. Raises BadInputError or BracketError."""
    if layout.frames:
        roles = ("short", "reference", "long")
        return tuple(
            find_file(place, frame, name, f"its {role} frame") for frame, role in zip(layout.frames, roles, strict=True)
        )
    folder = place / name
    tiffs = sorted((entry for entry in entries(folder) if entry.suffix.lower() in SUFFIXES[Kind.TIFF]), key=natural_key)
    if len(tiffs) != len(NAMED_FRAMES):
        names = ", ".join(path.name for path in tiffs[:5]) or "none"
        raise BracketError(
            f"{folder}: {counted(len(tiffs), '.tif file')} ({names}); expected three: short, reference, long in order "
            "of name"
        )
    by_name = {path.stem.casefold(): path for path in tiffs}
    return tuple(by_name[stem] for stem in NAMED_FRAMES) if set(by_name) == set(NAMED_FRAMES) else tuple(tiffs)


def find_file(place: Path, path: str, name: str, what: str) -> Path:
    """Return a scene's file, letter case forgiven. Raises BadInputError that says what was expected where."""
    entry: Path | None = place
    for part in path.replace("*", name).split("/"):
        entry = entry and find_entry(entry, part)
    if entry is None or not entry.is_file():
        raise BadInputError(f"{place / path.replace('*', name)}: no such file; scene {name} has {what} there")
    return entry


def find_entry(folder: Path, name: str) -> Path | None:
    """Return a folder's entry of this name, letter case forgiven."""
    if (folder / name).exists():
        return folder / name
    return next((entry for entry in entries(folder) if entry.name.casefold() == name.casefold()), None)


def subfolders(folder: Path) -> Iterator[Path]:
    """Give the folders in a folder in natural order, without hidden ones and what archives leave behind."""
    for entry in sorted(entries(folder), key=natural_key):
        if entry.is_dir() and entry.name.casefold() not in NOT_SCENES:
            yield entry


def entries(folder: Path) -> list[Path]:
    """Return what a folder holds, without hidden entries."""
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]

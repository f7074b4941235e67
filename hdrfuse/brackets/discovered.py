"""What is found below a folder: scenes to merge, and the files that belong to none, each with the reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import UsageError

Grouping = Literal["auto", "folder"] | int
"""By folders and exposures; every folder a scene; or so many frames a scene."""

MOST_FRAMES = 32
"""The longest bracket that is looked for."""


@dataclass(frozen=True, kw_only=True)
class FoundScene:
    """One bracket below the root, and where its outputs belong."""

    scene: Scene
    """A whole folder's scene has its `folder`; frames out of a flat folder have none."""
    folder: Path
    """Where the outputs go, relative to the output folder, which mirrors the root."""
    grouped_by: str
    """What made these files one scene: "folder", "exposures", "camera tags", "exposure.txt" or "count"."""
    evs: tuple[float | None, ...]
    """EV of each file as its header says, None where nothing is known; for display."""
    exposures: tuple[float, ...] | None = None
    """EVs of the files from a flat folder's text file; None = found in the files or in the scene's folder."""
    exposure_file: Path | None = None
    """The text file that states the exposures."""
    captured_at: datetime | None = None
    """When the first frame was taken."""

    @property
    def name(self) -> str:
        """Name of the scene, unique within `folder` whatever the case of its letters."""
        return self.scene.name

    @property
    def files(self) -> tuple[Path, ...]:
        """The frames, in the order in which exposures are given for them."""
        return self.scene.files

    @property
    def first(self) -> str:
        """Stem of the first file."""
        return self.files[0].stem

    @property
    def last(self) -> str:
        """Stem of the last file."""
        return self.files[-1].stem


class LeftoverKind(StrEnum):
    """Why files are in no scene."""

    SINGLE = "single"
    BURST = "burst"
    """Frames of equal exposure."""
    INTERRUPTED = "interrupted"
    """Some frames of a bracket, of which others are missing."""
    UNEXPOSED = "no exposure"
    NO_BRACKET = "no bracket"
    """Exposures that differ, but not as a bracket's."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Files that belong together and to no scene, or a folder that cannot be read."""

    paths: tuple[Path, ...]
    kind: LeftoverKind
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether something is broken, rather than no bracket."""
        return self.kind is LeftoverKind.UNREADABLE


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """Everything that was found below a root."""

    root: Path
    scenes: tuple[FoundScene, ...]
    leftovers: tuple[Leftover, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: str | None = None
    """How many pictures are of which formats that are not read, in words; one of the warnings."""


def parse_grouping(text: str) -> Grouping:
    """Read the value of `--group`: "auto", "folder" or a number of frames; UsageError for anything else."""
    match text.strip().lower():
        case "auto":
            return "auto"
        case "folder":
            return "folder"
        case number if number.isascii() and number.isdigit() and len(number) < 9 and 2 <= int(number) <= MOST_FRAMES:
            return int(number)
    raise UsageError(f"--group {text}: found neither auto nor folder nor a number of frames from 2 to {MOST_FRAMES}")

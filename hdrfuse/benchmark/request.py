"""What a run of the benchmark is asked to measure, and the run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from hdrfuse.benchmark.camera_images import measure_camera_images
from hdrfuse.benchmark.images import measure_images
from hdrfuse.benchmark.quality import measure_quality
from hdrfuse.benchmark.setting_values import setting_names
from hdrfuse.benchmark.settings import measure_settings
from hdrfuse.benchmark.speed import measure_speed
from hdrfuse.benchmark.stacks import find_stacks, measure_stacks
from hdrfuse.benchmark.tables import Results
from hdrfuse.errors import UsageError
from hdrfuse.machine import this_machine
from hdrfuse.progress import Progress

PROCEDURAL_SIZE, IMAGE_SIZE, CAMERA_SIZE = (1024, 768), (768, 512), (768, 576)
"""Width and height of scenes unless a size is asked for."""

Part = Callable[[Progress], Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class BenchmarkRequest:
    """What is measured, and on what."""

    what: str
    """speed, quality, images, stacks, settings or all: speed and quality."""
    sizes_mp: Sequence[float]
    repetitions: int
    size: tuple[int, int] | None
    """(width, height) of the scenes; None = the usual one of their kind."""
    seeds: Sequence[int]
    noise: float
    bits: Literal[8, 16]
    images: Path | None
    movers: Path | None
    camera: bool
    stacks: Path | None
    still: Sequence[str]
    """Folders of stacks in which nothing moved."""
    setting: str | None
    values: str | None

    def __post_init__(self) -> None:
        """Raise UsageError where options do not go together."""
        if self.what == "images" and self.images is None:
            raise UsageError("--what images needs --images DIR with HDR images (.exr, .hdr)")
        if self.camera and self.images is None:
            raise UsageError("--camera goes with --images DIR, whose HDR images it photographs")
        if self.movers is not None and self.images is None:
            raise UsageError("--movers goes with --images DIR; it holds what moves in front of those")
        if self.what == "stacks" and self.stacks is None:
            raise UsageError("--what stacks needs --stacks DIR with your own brackets, a folder each")
        if self.still and self.stacks is None:
            raise UsageError("--still goes with --stacks DIR; it names folders in that")
        if self.setting is not None and self.values is not None and len(names := setting_names(self.setting)) > 1:
            raise UsageError(
                f"--values {self.values}: are of one setting, such as {names[0]}; --setting {self.setting} is a group: "
                + ", ".join(name.partition(".")[2] for name in names)
            )
        if self.what == "settings" and self.setting is None:
            raise UsageError("--what settings needs --setting NAME, such as blend.fill_error")
        if self.what != "settings" and (self.setting is not None or self.values is not None):
            raise UsageError("--setting and --values go with --what settings")

    def run(self, progress: Progress) -> Results:
        """Measure one part after the other. Raises BadInputError for folders and values that are none."""
        parts = self.parts()
        found = {name: part(part_of(progress, index, len(parts))) for index, (name, part) in enumerate(parts.items())}
        if "stacks" in found:  # a merge tells both
            found["stacks"], found["calibration"] = found["stacks"]
        return Results(machine=this_machine(), **found)

    def parts(self) -> dict[str, Part]:
        """What is measured, as fields of Results."""
        parts: dict[str, Part] = {}
        if self.what in ("speed", "all"):
            parts["speed"] = lambda progress: measure_speed(
                self.sizes_mp, repetitions=self.repetitions, progress=progress
            )
        if self.what in ("quality", "all"):
            parts["quality"] = lambda progress: measure_quality(
                self.seeds, size=self.size or PROCEDURAL_SIZE, noise=self.noise, progress=progress
            )
        if self.what == "settings":
            parts["settings"] = self.settings
        elif self.images is not None:
            parts |= (
                {"camera": partial(self.of_camera, self.images)}
                if self.camera
                else {"images": partial(self.of_images, self.images)}
            )
        if self.stacks is not None:
            folders = find_stacks(self.stacks, self.still)
            parts["stacks"] = lambda progress: measure_stacks(folders, self.still, progress=progress)
        return parts

    def of_images(self, images: Path, progress: Progress) -> Sequence[Any]:
        """Quality on collages."""
        return measure_images(
            images, self.movers, self.seeds, size=self.size or IMAGE_SIZE, bits=self.bits, noise=self.noise,
            progress=progress,
        )  # fmt: skip

    def of_camera(self, images: Path, progress: Progress) -> Sequence[Any]:
        """Quality on cameras' files of collages."""
        return measure_camera_images(images, self.movers, self.seeds, size=self.size or CAMERA_SIZE, progress=progress)

    def settings(self, progress: Progress) -> Sequence[Any]:
        """A setting's values."""
        assert self.setting is not None
        return measure_settings(
            self.setting, self.values, self.seeds, self.images, self.movers, camera=self.camera,
            size=self.size or (PROCEDURAL_SIZE if self.images is None else IMAGE_SIZE),
            bits=self.bits, noise=self.noise, progress=progress,
        )  # fmt: skip


def part_of(progress: Progress, index: int, parts: int) -> Progress:
    """Progress of one of several parts of like length."""
    return lambda stage, share: progress(stage, (index + share) / parts)

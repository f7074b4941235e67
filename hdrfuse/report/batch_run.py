"""What a batch's page shows: the run, its scenes and their frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from hdrfuse.report.pictures import ReportPicture


class Status(StrEnum):
    """What became of a scene."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried: the run was interrupted before, or the frames do not form a bracket."""


@dataclass(frozen=True, kw_only=True)
class BatchFrame:
    """One exposure of a bracket; None where a fact is not known."""

    name: str
    ev: float | None = None
    ev_source: str | None = None
    """Where the EV was found: EXIF, a file name, `--exposures`."""
    exposure_time_s: float | None = None
    f_number: float | None = None
    iso: float | None = None
    shift_px: float | None = None
    """How far registration moved the frame."""
    ghost_fraction: float | None = None
    """Share of the frame that shows something else than the reference, 0 to 1."""
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchScene:
    """One scene of a batch. A picture that is missing or damaged leaves a note on the page, not an error."""

    name: str
    """Unique within the run and readable: the shoot's folders and the scene, `day1/IMG_0001`."""
    status: Status
    reason: str | None = None
    """One line, for a scene that failed or was skipped."""
    earlier: bool = False
    """Done by an earlier run and kept."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """The outputs by what they are (`radiance`, `preview`, ...); the page links to them, relative to itself."""
    preview: ReportPicture | None = None
    """The merged scene, tonemapped."""
    naive: ReportPicture | None = None
    """The same frames averaged plainly, same size and tonemapping: the slider's other side."""
    ghost_map: ReportPicture | None = None
    frames: Sequence[BatchFrame] = ()
    """Darkest first."""
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, in the order in which they ran; `total` is the whole."""
    size_px: tuple[int, int] | None = None
    """Width and height of the result."""
    ghost_fraction: float | None = None
    """Share of the picture where frames were rejected, 0 to 1."""
    captured_at: datetime | None = None
    camera: str | None = None
    peak_memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class BatchRun:
    """One batch, ready to be written as a page."""

    root: Path
    """The folder that was searched."""
    out: Path
    scenes: Sequence[BatchScene]
    started_at: datetime
    seconds: float
    """Wall time of this run."""
    version: str
    method: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """What was asked for beyond the defaults, as it should read: `{"--tonemap": "drago"}`."""
    device: str | None = None
    workers: int | None = None
    interrupted: bool = False
    notes: Sequence[str] = ()
    """Warnings that concern the whole run: files that belong to no bracket."""


def frames_of(report: Mapping[str, Any]) -> tuple[BatchFrame, ...]:
    """Return the frames of a merge's report (`MergeJob.run`)."""
    reference = report["reference"]["index"]
    return tuple(
        BatchFrame(
            name=frame["name"],
            ev=frame["ev"],
            ev_source=frame["ev_source"],
            exposure_time_s=frame["capture"].get("exposure_time_s"),
            f_number=frame["capture"].get("f_number"),
            iso=frame["capture"].get("iso"),
            shift_px=frame.get("shift_px"),
            ghost_fraction=frame.get("ghost_fraction"),
            reference=index == reference,
        )
        for index, frame in enumerate(report["inputs"])
    )


def facts_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a merge's report says of a scene, as keyword arguments of `BatchScene`."""
    capture = report["inputs"][report["reference"]["index"]]["capture"]
    taken = capture.get("captured_at")
    width, height = report["size"]
    return {
        "files": {what: Path(path) for what, path in report["outputs"].items()},
        "frames": frames_of(report),
        "warnings": tuple(report["warnings"]),
        "seconds": dict(report["seconds"]),
        "size_px": (width, height),
        "ghost_fraction": report.get("ghost_fraction"),
        "captured_at": taken and datetime.fromisoformat(taken),
        "camera": capture.get("camera"),
        "peak_memory_mb": report.get("peak_memory_mb"),
    }

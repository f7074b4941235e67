"""What a batch's page shows: the run, its scenes and their frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from hdrfuse.merge_report import FrameReport, MergeReport
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

    @classmethod
    def of_merge(cls, frame: FrameReport, *, reference: bool) -> "BatchFrame":
        """Show a frame of a merge that is done."""
        return cls(
            name=frame.name,
            ev=frame.ev,
            ev_source=frame.ev_source,
            exposure_time_s=frame.capture.exposure_time_s,
            f_number=frame.capture.f_number,
            iso=frame.capture.iso,
            shift_px=frame.shift_px,
            ghost_fraction=frame.ghost_fraction,
            reference=reference,
        )


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
    """The same frames averaged without deghosting, same size and tonemapping: the slider's other side."""
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

    @classmethod
    def of_merge(
        cls, report: MergeReport, *, name: str, files: Mapping[str, Path] | None = None, warnings: Sequence[str] = (),
        earlier: bool = False, preview: ReportPicture | None = None, naive: ReportPicture | None = None,
        ghost_map: ReportPicture | None = None,
    ) -> "BatchScene":  # fmt: skip
        """Show a merge that is done.

        `files` say where its outputs are now, None = where they were written; `warnings` go before the merge's own.
        """
        reference = report.reference_frame.capture
        return cls(
            name=name,
            status=Status.DONE,
            earlier=earlier,
            files=report.outputs if files is None else files,
            preview=preview,
            naive=naive,
            ghost_map=ghost_map,
            frames=tuple(
                BatchFrame.of_merge(frame, reference=index == report.reference)
                for index, frame in enumerate(report.frames)
            ),
            warnings=(*warnings, *report.warnings),
            seconds=report.seconds,
            size_px=report.size_px,
            ghost_fraction=report.ghost_fraction,
            captured_at=reference.captured_at,
            camera=reference.camera,
            peak_memory_mb=report.peak_memory_mb,
        )


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

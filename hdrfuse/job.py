"""One merge from files to files: what the command line, a batch and a script do alike."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hdrfuse import __version__
from hdrfuse.errors import UsageError
from hdrfuse.imaging.bracket import Frame, read_bracket
from hdrfuse.imaging.scene import Scene
from hdrfuse.inspection import capture_facts
from hdrfuse.options import MergeOptions, check_options
from hdrfuse.outputs import Outputs
from hdrfuse.pipeline import Progress, merge_bracket, peak_memory_mb

READ_SHARE, WRITE_SHARE = 0.15, 0.2
"""Of the whole time, for progress."""


@dataclass(frozen=True, kw_only=True)
class MergeJob:
    """A scene, how to merge it, and where to."""

    scene: Scene
    outputs: Outputs
    options: MergeOptions = field(default_factory=MergeOptions)
    exposures: Sequence[float] | None = None
    """EVs in the order of the scene's files; None = found in the files."""
    reference: str | int = "auto"

    def check(self) -> None:
        """Refuse, before a pixel is read, whatever is known to fail. Raises a BadInputError of its kind."""
        check_options(self.options)
        self.outputs.check(self.scene.files)

    def run(self, progress: Progress | None = None) -> dict[str, Any]:
        """Read, merge and write -> the report, plain types, ready for JSON.

        Raises BadInputError of a kind for what is wrong with the files, WriteError where writing fails.
        """
        progress = progress or (lambda stage, share: None)
        started = time.perf_counter()
        bracket = read_bracket(self.scene, exposures=self.exposures, reference=self.reference)
        if self.outputs.response is not None and bracket.frames[0].linear:
            raise UsageError(f"--save-response {self.outputs.response}: the frames are linear and have no response")
        read_s = round(time.perf_counter() - started, 3)
        progress(f"{len(bracket.frames)} frames read", READ_SHARE)
        merged = merge_bracket(bracket, self.options, progress=_part(progress, READ_SHARE, 1.0 - WRITE_SHARE))
        found = [_found(frame) for frame in bracket.frames]
        del bracket  # the merge keeps its own frames
        progress("writing", 1.0 - WRITE_SHARE)
        written_s = self.outputs.write(merged)
        progress("done", 1.0)
        report = merged.report
        return {
            "hdrfuse": __version__,
            "scene": self.scene.name,
            **report,
            "inputs": [{**facts, **entry} for facts, entry in zip(found, report["inputs"], strict=True)],
            "outputs": {name: str(path) for name, path in self.outputs.files.items()},
            "seconds": {
                "reading": read_s, **report["seconds"], **written_s, "total": round(time.perf_counter() - started, 3)
            },
            "peak_memory_mb": peak_memory_mb(),
        }  # fmt: skip


def _found(frame: Frame) -> dict[str, Any]:
    """Where a frame was read from and what its camera wrote."""
    return {"path": None if frame.path is None else str(frame.path), "capture": capture_facts(frame.capture)}


def _part(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part, in shares of the whole."""
    return lambda stage, share: progress(stage, start + (end - start) * share)

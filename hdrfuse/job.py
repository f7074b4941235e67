"""One merge from files to files: what the command line, a batch and a script do alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hdrfuse.brackets.exposure import GIVEN, GivenExposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.deghosting.methods import find_method
from hdrfuse.errors import UsageError
from hdrfuse.imaging.bracket import Bracket, read_bracket
from hdrfuse.imaging.headers import read_headers
from hdrfuse.merge_plan import MergePlan
from hdrfuse.merge_report import MergeReport
from hdrfuse.options import MergeOptions, check_options
from hdrfuse.outputs import Outputs, timed
from hdrfuse.pipeline import Merged, Progress, merge_bracket, peak_memory_mb

READ_SHARE, WRITE_SHARE = 0.15, 0.2
"""Of the whole time, for progress."""


@dataclass(frozen=True, kw_only=True)
class MergeJob:
    """A scene, how to merge it, and where to."""

    scene: Scene
    outputs: Outputs
    options: MergeOptions = field(default_factory=MergeOptions)
    exposures: GivenExposures | None = None
    """EVs in the order of the scene's files, or "estimate"; None = found in the files."""
    exposures_by: str = GIVEN
    """The text file that they were read from, if the user did not give them."""
    reference: str | int = "auto"

    def check(self) -> None:
        """Refuse, before a pixel is read, whatever is known to fail. Raises a BadInputError of its kind."""
        check_options(self.options)
        self.outputs.check(self.scene.files)

    def check_frames(self) -> Sequence[str]:
        """Refuse what the headers of the frames show to fail, no pixel read -> warnings about the exposures.

        Raises BadInputError of a kind, as reading the frames does.
        """
        find_method(self.options.method).check_frames(len(self.scene.files))
        return read_headers(
            self.scene, exposures=self.exposures, exposures_by=self.exposures_by, reference=self.reference
        ).warnings

    def rehearse(self, progress: Progress | None = None) -> MergePlan:
        """Read the frames and say what a run would merge into what; nothing is merged or written.

        Raises BadInputError of a kind for what a run would refuse before it merges.
        """
        bracket = MergeSteps(self, progress).read()
        return MergePlan(bracket=bracket, method=self.options.method, outputs=self.outputs.files)

    def run(self, progress: Progress | None = None, *, placed: Callable[[], None] = lambda: None) -> MergeReport:
        """Read, merge and write -> the report; `placed` hears when all files are there.

        Raises BadInputError of a kind for what is wrong with the files, WriteError where writing fails.
        """
        self.outputs.sweep()
        steps = MergeSteps(self, progress)
        steps.read()
        steps.merge()
        return steps.write(placed=placed)


class MergeSteps:
    """The three steps of one merge, each to be taken once and in order; a batch overlaps them with other scenes'."""

    def __init__(self, job: MergeJob, progress: Progress | None = None) -> None:
        self.job = job
        self.progress = progress or (lambda stage, share: None)
        self.seconds: dict[str, float] = {}
        self._bracket: Bracket | None = None
        self._merged: Merged | None = None

    def read(self) -> Bracket:
        """Decode the frames. Raises BadInputError of a kind for what is wrong with them."""
        job = self.job
        find_method(job.options.method).check_frames(len(job.scene.files))
        with timed(self.seconds, "reading"):
            bracket = read_bracket(
                job.scene, exposures=job.exposures, exposures_by=job.exposures_by, reference=job.reference,
                response=job.options.response,
            )  # fmt: skip
        if job.outputs.response is not None and bracket.frames[0].linear:
            raise UsageError(f"--save-response {job.outputs.response}: the frames are linear and have no response")
        self._bracket = bracket
        self.progress(f"{len(bracket.frames)} frames read", READ_SHARE)
        return bracket

    def merge(self) -> Merged:
        """Merge what was read. Raises as `merge_bracket` does."""
        bracket, self._bracket = self._bracket, None  # the merge keeps its own frames
        assert bracket is not None
        part = _part(self.progress, READ_SHARE, 1.0 - WRITE_SHARE)
        with timed(self.seconds, "all of the merge"):
            self._merged = merge_bracket(bracket, self.job.options, progress=part)
        return self._merged

    def write(self, *, placed: Callable[[], None] = lambda: None) -> MergeReport:
        """Write what was merged -> the report. Raises OutputError or WriteError."""
        merged, self._merged = self._merged, None
        assert merged is not None
        self.progress("writing", 1.0 - WRITE_SHARE)
        with timed(self.seconds, "all of the writing"):
            written = self.job.outputs.write(merged, placed=placed)
        self.progress("done", 1.0)
        report = merged.report
        stages = {"reading": self.seconds["reading"], **report.seconds, **written.seconds}
        return replace(
            report,
            warnings=(*report.warnings, *written.warnings),
            outputs=self.job.outputs.files,
            seconds={**stages, "total": round(sum(self.seconds.values()), 3)},
            peak_memory_mb=peak_memory_mb(),
        )


def _part(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part, in shares of the whole."""
    return lambda stage, share: progress(stage, start + (end - start) * share)

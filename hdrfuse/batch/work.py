"""The work on one scene: the merge that `hdrfuse merge` does, with the pictures for the batch's page."""

from dataclasses import dataclass
from pathlib import Path

from hdrfuse.batch.identity import FileIdentity
from hdrfuse.batch.page_pictures import PagePictures, Slide, draw_slides
from hdrfuse.job import MergeJob, MergeSteps
from hdrfuse.merge_report import MergeReport
from hdrfuse.progress import Progress


@dataclass(frozen=True, kw_only=True)
class SceneWork:
    """A scene to merge."""

    key: str
    job: MergeJob
    pictures: PagePictures | None = None
    """Where the pictures for the page go."""
    exposure_file: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every file that shapes the result."""
        return (*self.job.scene.files, *(() if self.exposure_file is None else (self.exposure_file,)))

    def start(self, progress: Progress) -> "SceneSteps":
        """Return the steps of its merge."""
        return SceneSteps(self, progress)


@dataclass(frozen=True, kw_only=True)
class WrittenScene:
    """A scene whose files are all in place."""

    inputs: tuple[FileIdentity, ...]
    outputs: dict[Path, FileIdentity]
    report: MergeReport


class SceneSteps:
    """The steps of one scene's merge, wherever they run."""

    def __init__(self, work: SceneWork, progress: Progress) -> None:
        self.work = work
        self.steps = MergeSteps(work.job, progress)
        self.identities: list[FileIdentity] = []
        self.slides: dict[Path, Slide] = {}

    def read(self) -> None:
        """Note which files they are, then decode them. Raises BadInputError of a kind."""
        self.identities = [FileIdentity.of(path) for path in self.work.inputs]
        self.steps.read()

    def merge(self) -> None:
        """Merge, and draw what the page shows. Raises as `merge_bracket` does."""
        merged = self.steps.merge()
        if self.work.pictures is not None:
            self.slides = draw_slides(merged, self.work.pictures, tonemap=self.work.job.outputs.tonemap)

    def write(self) -> WrittenScene:
        """Write every file. Raises OutputError or WriteError, ImageError for a lost one."""
        for path, slide in self.slides.items():
            slide.write(path)
        report = self.steps.write()
        return WrittenScene(
            inputs=tuple(self.identities),
            outputs={path: FileIdentity.of(path) for path in self.work.job.outputs.files.values()},
            report=report,
        )

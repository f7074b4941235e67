"""The engine of a batch: every scene that is to be merged goes through the scheduler and into the journal."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hdrfuse.batch.decision import replacing_outputs, sweep
from hdrfuse.batch.journal import DoneScene, Journal
from hdrfuse.batch.placement import PlannedScene
from hdrfuse.batch.scheduler import Advanced, Event, Failed, Finished, Lost, Scheduler, Started
from hdrfuse.batch.work import SceneWork, WrittenScene


@dataclass(frozen=True, kw_only=True)
class SceneResult:
    """What became of a scene."""

    scene: PlannedScene
    done: DoneScene | None = None
    """None for a scene that failed."""
    earlier: bool = False
    """Whether an earlier run did it."""
    reason: str | None = None
    """Why it failed, in a line."""
    traceback: str | None = None
    warnings: tuple[str, ...] = ()
    """About its files; what the merge noticed is in the report."""

    @property
    def failed(self) -> bool:
        """Whether its files are not there."""
        return self.done is None


class BatchListener:
    """Hears of a batch as it goes; does nothing."""

    def discover(self, read: int, files: int) -> None:
        """So many of so many files have been looked at."""

    def warn(self, message: str) -> None:
        """Something that the user should know, and that is no failure."""

    def begin(self, scenes: int, to_do: int, workers: int) -> None:
        """Of so many scenes, so many are to be merged."""

    def started(self, event: Started) -> None:
        """A scene is being read."""

    def advanced(self, event: Advanced) -> None:
        """A scene has come further."""

    def ended(self, result: SceneResult) -> None:
        """A scene is done or has failed."""


@dataclass(kw_only=True)
class Engine:
    """Does the scenes of one batch: submits them, notes what comes back, and does again what was lost."""

    scheduler: Scheduler
    journal: Journal
    out: Path
    settings: str
    """Their identity."""
    listener: BatchListener
    stop: Callable[[], bool]
    """Whether the user asked to end."""

    def __post_init__(self) -> None:
        """Begin with nothing under way."""
        self.pending: deque[str] = deque()
        self.lost: deque[str] = deque()
        self.under_way: set[str] = set()
        self.retried: set[str] = set()
        self.scenes: dict[str, PlannedScene] = {}
        self.works: dict[str, SceneWork] = {}
        self.results: list[SceneResult] = []

    def run(self, scenes: Iterable[tuple[PlannedScene, SceneWork]]) -> bool:
        """Do scenes until all are done or have failed -> whether that is so; otherwise the user stopped it.

        Raises WriteError where the journal cannot be written, BadInputError of a kind where no worker can work.
        """
        for scene, work in scenes:
            self.scenes[scene.key], self.works[scene.key] = scene, work
            self.pending.append(scene.key)
        try:
            while self.pending or self.under_way or self.lost:
                if self.stop():
                    self._hear(self.scheduler.stop())
                    return False
                self._submit()
                self._hear(self.scheduler.collect())
        finally:
            self.scheduler.close()
            for key in self.under_way:
                sweep(self.works[key])
        return True

    def _submit(self) -> None:
        while self.pending and len(self.under_way) < self.scheduler.slots:
            self._begin(self.pending.popleft())
        if self.lost and not self.pending and not self.under_way:
            self._begin(self.lost.popleft(), alone=True)

    def _begin(self, key: str, *, alone: bool = False) -> None:
        scene = self.scenes[key]
        self.journal.begun(key, scene.origin, scene.outputs)
        self.under_way.add(key)
        self.scheduler.submit(self.works[key], alone=alone)

    def _hear(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case Started():
                    self.listener.started(event)
                case Advanced():
                    self.listener.advanced(event)
                case Finished():
                    self._finish(event)
                case Failed():
                    self._fail(event.key, event.reason, event.traceback)
                case Lost():
                    self._lose(event)

    def _finish(self, event: Finished) -> None:
        assert isinstance(event.result, WrittenScene)
        done = done_scene(event.result, self.out, self.settings)
        self.journal.done(event.key, done)
        self._end(SceneResult(scene=self.scenes[event.key], done=done))

    def _fail(self, key: str, reason: str, traceback: str | None = None) -> None:
        sweep(self.works[key])
        self.journal.failed(key, reason)
        self._end(SceneResult(scene=self.scenes[key], reason=reason, traceback=traceback))

    def _lose(self, event: Lost) -> None:
        """Do a scene again: with the others where it was not the cause, else once alone, when all others are done."""
        key = event.key
        if event.suspect and key in self.retried:
            self._fail(key, f"{event.reason}, a second time with nothing beside it")
            return
        sweep(self.works[key])
        self.works[key] = replacing_outputs(self.works[key], overwrite=True)  # some may be in place already
        self.under_way.discard(key)
        if event.suspect:
            self.retried.add(key)
            self.lost.append(key)
        else:
            self.pending.appendleft(key)

    def _end(self, result: SceneResult) -> None:
        self.under_way.discard(result.scene.key)
        self.results.append(result)
        self.listener.ended(result)


def done_scene(result: WrittenScene, out: Path, settings: str) -> DoneScene:
    """What the journal keeps of a scene's result."""
    written = {path.relative_to(out).as_posix(): identity for path, identity in result.outputs.items()}
    return DoneScene(
        settings=settings,
        inputs=result.inputs,
        outputs={path: identity.size for path, identity in written.items()},
        report=result.report,
        written=written,
    )

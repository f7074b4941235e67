"""One batch from a folder of brackets to a folder of results."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hdrfuse.batch.decision import Decision, Keep, Merge, Refuse, decide, make_folders, sweep
from hdrfuse.batch.engine import BatchListener, Engine, SceneResult
from hdrfuse.batch.journal import JOURNAL, Journal, Past, open_journal, read_past
from hdrfuse.batch.local import Inherited, LocalScheduler
from hdrfuse.batch.placement import PlannedScene, plan_scenes
from hdrfuse.batch.scales import differing_scales
from hdrfuse.batch.scheduler import Scheduler
from hdrfuse.batch.settings import BatchSettings
from hdrfuse.batch.summary import Account
from hdrfuse.batch.work import SceneWork
from hdrfuse.batch.workers import check_here, plan_workers
from hdrfuse.brackets.discovered import Discovery, Grouping
from hdrfuse.brackets.discovery import find_scenes
from hdrfuse.errors import BracketError, HdrfuseError, OutputError, StoppedError, UsageError
from hdrfuse.formats.atomic import folder_problem, remove_unfinished
from hdrfuse.merge_report import MergeReport
from hdrfuse.stopping import stop_requests
from hdrfuse.text import counted

MOST_WORKERS = 1024
"""More processes than any machine has cores for."""

OUT = "hdr"
"""Where results go below the root unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What the user asked for."""

    root: Path
    out: Path
    settings: BatchSettings = field(default_factory=BatchSettings)
    group: Grouping = "auto"
    workers: int | None = None
    """None = as many as the machine takes."""
    timeout_s: float | None = None
    overwrite: bool = False
    page: bool = True
    shown: Mapping[str, str] = field(default_factory=dict)
    """Options that are not the defaults, for the page."""

    def check(self) -> None:
        """Refuse, before anything is read, what is known to fail. Raises a BadInputError of its kind."""
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise UsageError(f"--workers {self.workers}: 1 to {MOST_WORKERS} was expected")
        if self.timeout_s is not None and not 0 < self.timeout_s < math.inf:
            raise UsageError(
                f"--timeout {self.timeout_s:g}: more than 0 seconds were expected, and no more than can pass"
            )
        if (problem := folder_problem(self.out, makes_folder=True)) is not None:
            raise OutputError(f"{self.out}: cannot be written into: {problem}; --out names another folder")
        check_here(self.settings.options)

    def discover(self, listener: BatchListener | None = None) -> tuple[Discovery, list[PlannedScene]]:
        """Find the scenes and name their files. Raises BracketError where there is none, UsageError for equal names."""
        inside = self.out.resolve() != self.root.resolve()
        listener = listener or BatchListener()
        results = [folder for folder in {self.out, self.root / OUT} if (folder / JOURNAL).is_file()]
        exclude = {*results, self.out} if inside else ()
        discovery = find_scenes(self.root, group=self.group, exclude=exclude, progress=listener.discover)
        if not discovery.scenes:
            raise BracketError(f"{self.root}: no bracket found{_say_what_else(discovery)}")
        return discovery, plan_scenes(discovery, self.out, self.settings, page=self.page)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What a batch would do."""

    discovery: Discovery
    scenes: tuple[PlannedScene, ...]
    problems: Mapping[str, str]
    """Why a scene cannot be merged, by its name."""
    warnings: tuple[str, ...]


def rehearse(request: BatchRequest) -> Rehearsal:
    """Find what would be merged into what, and write nothing; what is known to fail before pixels are read fails alike.

    Raises BadInputError of a kind where the batch cannot begin.
    """
    request.check()
    discovery, scenes = request.discover()
    settings, past = request.settings.identity(), read_past(request.out)
    problems: dict[str, str] = {}
    warnings = [*discovery.warnings]
    for scene in scenes:
        match _decide(scene, request, past, settings):
            case Keep(warnings=kept):
                warnings += kept
            case Refuse(reason=reason):
                problems[scene.key] = reason
            case Merge(work=work):
                try:
                    warnings += [f"{scene.key}: {warning}" for warning in work.job.check_frames()]
                except HdrfuseError as error:
                    problems[scene.key] = str(error)
    return Rehearsal(discovery=discovery, scenes=tuple(scenes), problems=problems, warnings=tuple(warnings))


Schedule = Callable[[Sequence[SceneWork], Journal], tuple[Scheduler, int]]
"""Gives the scheduler for some work, and how many workers it has."""


def run_batch(
    request: BatchRequest, listener: BatchListener | None = None, *, schedule: Schedule | None = None
) -> Account:
    """Merge every scene below a folder that is new, has changed or failed before, and write the account.

    Ctrl-C ends it with StoppedError; whatever was done stays done. Raises BadInputError of a kind where the batch
    cannot begin, WriteError where the journal or the account cannot be written. A scene that fails raises nothing.
    """
    started_at, clock = datetime.now().astimezone(), time.monotonic()
    listener = listener or BatchListener()
    request.check()
    discovery, scenes = request.discover(listener)
    for warning in discovery.warnings:
        listener.warn(warning)
    _make_out(request.out)
    with open_journal(request.out) as journal, stop_requests() as stop:
        notes = [*discovery.warnings, *_noted(_journal_damage(journal), listener)]
        settings = request.settings.identity()
        results, to_do = _sort_out(scenes, request, journal, settings)
        _tell_results(results.values(), listener)
        workers = 0
        if to_do:
            scheduler, workers = (schedule or _locally(request))([work for _, work in to_do], journal)
            engine = Engine(
                scheduler=scheduler, journal=journal, out=request.out, settings=settings, listener=listener, stop=stop
            )
            listener.begin(len(scenes), len(to_do), workers)
            journal.run(root=request.root.resolve(), settings=settings)
            all_ended = engine.run(to_do)
            results |= {result.scene.key: result for result in engine.results}
            if not all_ended:
                done = sum(not each.failed for each in results.values())
                are_done = f"{done} of {counted(len(scenes), 'scene is', 'scenes are')} done"
                raise StoppedError(f"interrupted: {are_done}; the same command does the rest")
        ended = tuple(results[scene.key] for scene in scenes)
        notes += _noted(differing_scales(_reports(ended)), listener)
        account = Account(
            discovery=discovery, out=request.out, results=ended, started_at=started_at,
            seconds=time.monotonic() - clock, method=request.settings.options.method, workers=workers,
            settings=request.shown, notes=tuple(notes),
        )  # fmt: skip
        account.write(page=request.page)
        return account


def _make_out(out: Path) -> None:
    """Make the folder of the results. Raises OutputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made: {error.strerror}; --out names another folder") from error


def _journal_damage(journal: Journal) -> list[str]:
    """What to say of a journal that cannot be read whole."""
    damaged = journal.past.damaged
    return [f"{journal.path}: {counted(damaged, 'damaged line')} ignored"] if damaged else []


def _noted(warnings: Iterable[str], listener: BatchListener) -> list[str]:
    """The warnings, of which the listener has been told."""
    noted = list(warnings)
    for warning in noted:
        listener.warn(warning)
    return noted


def _tell_results(results: Iterable[SceneResult], listener: BatchListener) -> None:
    """Say what is known of scenes with nothing to do."""
    for result in results:
        for warning in result.warnings:
            listener.warn(warning)
        if result.failed:
            listener.ended(result)


def _reports(results: Sequence[SceneResult]) -> Iterator[tuple[str, MergeReport]]:
    """Name and report of every scene that is done."""
    return ((each.scene.key, each.done.report) for each in results if each.done is not None)


def _sort_out(
    scenes: Sequence[PlannedScene], request: BatchRequest, journal: Journal, settings: str
) -> tuple[dict[str, SceneResult], list[tuple[PlannedScene, SceneWork]]]:
    """Scenes with nothing to do, by name, and those to merge; what killed workers left is removed."""
    results: dict[str, SceneResult] = {}
    to_do: list[tuple[PlannedScene, SceneWork]] = []
    remove_unfinished(request.out)  # the account's files; a scene's lie where it is
    for scene in scenes:
        if scene.key in journal.past.begun:
            sweep(scene.work)
        decision = _decide(scene, request, journal.past, settings)
        if isinstance(decision, Merge):
            try:
                make_folders(decision.work)
            except OSError as error:
                decision = Refuse(reason=f"{error.filename}: cannot be made a folder: {error.strerror}")
        match decision:
            case Keep(done=done, warnings=warnings):
                results[scene.key] = SceneResult(scene=scene, done=done, earlier=True, warnings=warnings)
            case Refuse(reason=reason):
                results[scene.key] = SceneResult(scene=scene, reason=reason)
            case Merge():
                to_do.append((scene, decision.work))
    return results, to_do


def _decide(scene: PlannedScene, request: BatchRequest, past: Past, settings: str) -> Decision:
    try:
        return decide(scene, request.out, past, settings, overwrite=request.overwrite)
    except OSError as error:
        return Refuse(reason=f"{error.filename}: cannot be looked at: {error.strerror}")


def _locally(request: BatchRequest) -> Schedule:
    """Schedule work on this machine."""

    def schedule(works: Sequence[SceneWork], journal: Journal) -> tuple[Scheduler, int]:
        scenes = [work.job.scene for work in works]
        workers = None if request.workers is None else min(request.workers, len(works))
        preparations = plan_workers(request.settings.options, scenes, workers=workers)[: len(works)]
        inherited = Inherited(journal.descriptor)
        return LocalScheduler(preparations, timeout_s=request.timeout_s, inherited=inherited), len(preparations)

    return schedule


def _say_what_else(discovery: Discovery) -> str:
    """What was found instead of brackets, in words."""
    unread = f"; {discovery.unread}" if discovery.unread else ""
    if not discovery.leftovers:
        return unread or "; expected folders or series of photos with different exposures"
    first = discovery.leftovers[0]
    files = sum(len(each.paths) for each in discovery.leftovers)
    return f" in {counted(files, 'file')}; {first.paths[0].name}: {first.reason}{unread}"

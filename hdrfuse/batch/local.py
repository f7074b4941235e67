"""The scheduler of one machine: worker processes, one a GPU or a few on the processor."""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import reduction, resource_tracker, spawn
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from hdrfuse.batch.scheduler import Event, Failed, Finished, Lost, Work
from hdrfuse.batch.worker import HELD_WHILE_STARTING, Busy, Message, Ready, Refused, work_in_process
from hdrfuse.errors import HdrfuseError

MOST_UNMERGED = 2
"""Pieces of work that a worker merges or reads ahead; one more may be being written."""

MOMENT_S = 0.1
GRACE_S = 20.0
"""How long a worker may take to finish writing when the batch ends."""

MOST_FAILED_STARTS = 5
"""Workers in a row that may die before they are ready."""


@dataclass
class Inherited:
    """A file descriptor that every worker shall keep open."""

    descriptor: int

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _receive, (reduction.DupFd(self.descriptor),)


def _receive(descriptor: object) -> object:
    return descriptor.detach()  # type: ignore[attr-defined]


@dataclass(kw_only=True)
class Assignment:
    """A piece of work that a worker has, and the time that it took so far without waiting."""

    work: Work
    step: str | None = None
    since_s: float = 0.0
    spent_s: float = 0.0

    def turn(self, step: str | None) -> None:
        """A step begins, or none is under way."""
        self.spent_s, self.step, self.since_s = self.busy_s, step, time.monotonic()

    @property
    def busy_s(self) -> float:
        """Seconds that its steps took, the one under way included."""
        return self.spent_s + (time.monotonic() - self.since_s if self.step is not None else 0.0)


@dataclass(kw_only=True)
class WorkerHandle:
    """A worker process, seen from the batch."""

    preparation: Callable[[], None]
    process: SpawnProcess
    connection: Connection
    is_ready: bool = False
    held: dict[str, Assignment] = field(default_factory=dict)

    @property
    def unmerged(self) -> int:
        """Pieces of work that it has not merged yet."""
        return sum(held.step != "writing" for held in self.held.values())


class LocalScheduler:
    """Worker processes of this machine, started when there is work for them and replaced when they die."""

    def __init__(
        self, preparations: Sequence[Callable[[], None]], *, timeout_s: float | None = None,
        inherited: Inherited | None = None,
    ) -> None:  # fmt: skip
        """Have as many workers as there are preparations, each of which a worker runs before its first work.

        A piece of work whose steps take longer than `timeout_s` fails, and its worker is replaced.
        """
        self.free = list(preparations)
        self.timeout_s = timeout_s
        self.inherited = inherited
        self.most = len(self.free)
        self.workers: list[WorkerHandle] = []
        self.waiting: deque[Work] = deque()
        self.failed_starts = 0

    @property
    def slots(self) -> int:
        """How many pieces of work it can hold."""
        return self.most * (MOST_UNMERGED + 1)

    def submit(self, work: Work, *, alone: bool = False) -> None:
        """Take a piece of work; `alone`, every worker but one is stopped first, to free its memory."""
        if alone:
            self.most = 1
            for worker in self.workers[1:]:
                self._end(worker)
        self.waiting.append(work)

    def collect(self) -> Sequence[Event]:
        """Wait a moment for news. Raises HdrfuseError where no worker can start."""
        self._start_workers()
        self._assign()
        wait([each for worker in self.workers for each in (worker.connection, worker.process.sentinel)], MOMENT_S)
        events = [event for worker in list(self.workers) for event in self._news(worker)]
        events += [event for worker in list(self.workers) for event in self._overdue(worker)]
        return events

    def stop(self) -> Sequence[Event]:
        """Let the workers finish the files that they are writing -> what was done meanwhile."""
        self.waiting.clear()
        for worker in self.workers:
            worker.process.terminate()
        events: list[Event] = []
        until = time.monotonic() + GRACE_S
        while self.workers and time.monotonic() < until:
            wait([worker.process.sentinel for worker in self.workers], MOMENT_S)
            events += [event for worker in list(self.workers) for event in self._news(worker)]
        self.close()
        return [event for event in events if isinstance(event, Finished | Failed)]

    def close(self) -> None:
        """Kill what still runs."""
        for worker in list(self.workers):
            self._end(worker)

    def _start_workers(self) -> None:
        """Start a worker where one more would have something to do."""
        while self.waiting and self.free and len(self.workers) < min(self.most, self._under_way):
            preparation = self.free.pop(0)
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=work_in_process, args=(theirs, preparation, self.inherited), daemon=True, name="hdrfuse-worker"
            )
            with starting_quietly():
                process.start()
            theirs.close()
            self.workers.append(WorkerHandle(preparation=preparation, process=process, connection=ours))

    @property
    def _under_way(self) -> int:
        return len(self.waiting) + sum(len(worker.held) for worker in self.workers)

    def _assign(self) -> None:
        """Give work to the workers that have least of it."""
        while self.waiting:
            able = [worker for worker in self.workers if worker.is_ready and worker.unmerged < self._most_unmerged]
            if not able:
                return
            worker = min(able, key=lambda worker: worker.unmerged)
            work = self.waiting.popleft()
            worker.held[work.key] = Assignment(work=work)
            try:
                worker.connection.send(work)
            except OSError:
                return  # it is dead, which the next news will say

    @property
    def _most_unmerged(self) -> int:
        """One while workers still come that would merge what others read ahead."""
        return MOST_UNMERGED if all(worker.is_ready for worker in self.workers) else 1

    def _news(self, worker: WorkerHandle) -> Iterator[Event]:
        """Everything that a worker has said, and whether it died."""
        is_dead = not worker.process.is_alive()  # asked first: its last words come before its death
        try:
            while worker.connection.poll():
                yield from self._take(worker, worker.connection.recv())
        except (EOFError, OSError):
            worker.process.join(MOMENT_S)  # it is about to die of what its status will say
            is_dead = True
        if is_dead and worker in self.workers:
            self._end(worker)
            if not worker.is_ready:
                self.failed_starts += 1
                if self.failed_starts > MOST_FAILED_STARTS:
                    raise HdrfuseError(f"no worker can start: {cause_of_death(worker.process.exitcode)}")
            reason = cause_of_death(worker.process.exitcode)
            yield from (Lost(key=key, reason=reason) for key in worker.held)

    def _take(self, worker: WorkerHandle, message: Message) -> Iterator[Event]:
        match message:
            case Ready():
                worker.is_ready, self.failed_starts = True, 0
            case Refused(error):
                raise error
            case Busy(key, step):
                if key in worker.held:
                    worker.held[key].turn(step)
            case Finished() | Failed() | Lost():
                worker.held.pop(message.key, None)
                yield message
            case _:
                yield message

    def _overdue(self, worker: WorkerHandle) -> Iterator[Event]:
        """Replace a worker whose work takes too long; its other work is to be done again."""
        if self.timeout_s is None:
            return
        overdue = [key for key, held in worker.held.items() if held.step is not None and held.busy_s > self.timeout_s]
        if not overdue:
            return
        self._end(worker)
        for key, held in worker.held.items():
            if key in overdue:
                yield Failed(
                    key=key, reason=f"no result after {self.timeout_s:g} s of {held.step}: given up (--timeout)"
                )
            else:
                yield Lost(key=key, reason="its worker was needed elsewhere", suspect=False)

    def _end(self, worker: WorkerHandle) -> None:
        """Kill a worker; another can take its place."""
        self.workers.remove(worker)
        self.free.append(worker.preparation)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


@contextmanager
def starting_quietly() -> Iterator[None]:
    """Start worker processes that say nothing of what befalls them before they are told what to do.

    Until `work_in_process` an interrupt of the whole group would be a traceback, so it waits; and so would be a batch
    that is killed between the start of an interpreter and the words to it, for which multiprocessing has no option.
    """
    command_line = spawn.get_command_line

    def quiet_command_line(**handles: int) -> list[str]:
        words = command_line(**handles)
        program = words.index("-c") + 1
        words[program] = f"try: {words[program]}\nexcept EOFError: pass"
        return words

    resource_tracker.ensure_running()  # once and first: it unblocks signals when it starts
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_WHILE_STARTING)
    spawn.get_command_line = quiet_command_line
    try:
        yield
    finally:
        spawn.get_command_line = command_line
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def cause_of_death(exit_code: int | None) -> str:
    """Say in words how a worker ended."""
    if exit_code is None or exit_code >= 0:
        return f"its worker ended with status {exit_code}"
    name = signal.Signals(-exit_code).name
    if name == "SIGKILL":
        return "its worker was killed (SIGKILL), as systems do when memory runs out"
    return f"its worker crashed ({name})"

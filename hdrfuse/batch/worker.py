"""A worker process: reads the next scene and writes the last one while it merges one between."""

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hdrfuse.batch.scheduler import Advanced, Event, Failed, Finished, Lost, Started, Steps, Work
from hdrfuse.errors import HdrfuseError, is_out_of_memory, reason_of
from hdrfuse.memory import keep_freed_blocks
from hdrfuse.text import traceback_of

PROGRESS_EVERY_S = 0.2

HELD_WHILE_STARTING = (signal.SIGINT, signal.SIGHUP)
"""Signals that a terminal sends to every process; a worker is started with them blocked."""

KILLED_BEFORE_OTHERS = "500"
"""What Linux shall add to a worker's score, of 1000, when it looks for a process to kill for its memory."""


@dataclass(frozen=True)
class Ready:
    """The worker can take work."""


@dataclass(frozen=True)
class Refused:
    """The worker cannot work at all."""

    error: Exception


@dataclass(frozen=True)
class Busy:
    """A step of a piece of work begins (its deadline runs) or, where `step` is None, none is under way."""

    key: str
    step: str | None


Message = Event | Ready | Refused | Busy


class Stopped(BaseException):
    """The batch asked this worker to end."""


@dataclass(kw_only=True)
class Piece:
    """One piece of work and how far it is."""

    work: Work
    steps: Steps | None = None


class Worker:
    """The three steps in three threads, at most one piece of work in each; the main thread merges."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.sending = threading.Lock()
        self.told_s: dict[str, float] = {}
        self.inbox: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.was_read: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        self.was_merged: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self.may_read = threading.Semaphore(1)
        self.may_write = threading.Semaphore(1)

    def run(self) -> None:
        """Work until the batch says to stop; then finish writing what is being written."""
        writer = threading.Thread(target=self.write_all, daemon=True)
        try:
            for loop in (self.receive_all, self.read_all):
                threading.Thread(target=loop, daemon=True).start()
            writer.start()
            self.merge_all()
        except Stopped:
            self.was_merged.put(None)
            writer.join()

    def send(self, message: Message) -> None:
        """Tell the batch; one that is gone needs no telling."""
        with self.sending, contextlib.suppress(OSError):
            self.connection.send(message)

    def receive_all(self) -> NoReturn:
        """Take work in as it comes."""
        while True:
            try:
                self.inbox.put(self.connection.recv())
            except (EOFError, OSError):
                os._exit(1)  # the batch is gone

    def read_all(self) -> NoReturn:
        """Read one piece ahead of the merge."""
        while True:
            piece = Piece(work=self.inbox.get())
            self.may_read.acquire()
            if not self.takes(piece, "reading", self.read):
                self.may_read.release()
            else:
                self.was_read.put(piece)

    def merge_all(self) -> NoReturn:
        """Merge one piece after the other."""
        while True:
            piece = self.was_read.get()
            self.may_read.release()
            if self.takes(piece, "merging", self.merge):
                self.may_write.acquire()  # no third piece is merged while the first is still written
                self.was_merged.put(piece)

    def write_all(self) -> None:
        """Write what was merged."""
        while (piece := self.was_merged.get()) is not None:
            self.takes(piece, "writing", self.write)
            self.may_write.release()

    def read(self, piece: Piece) -> None:
        """Begin a piece of work."""
        self.send(Started(key=piece.work.key, worker=os.getpid()))
        key = piece.work.key
        piece.steps = piece.work.start(lambda stage, share: self.advance(key, stage, share))
        piece.steps.read()

    def merge(self, piece: Piece) -> None:
        """Do the main part of a piece of work."""
        assert piece.steps is not None
        piece.steps.merge()

    def write(self, piece: Piece) -> None:
        """End a piece of work."""
        assert piece.steps is not None
        self.send(Finished(key=piece.work.key, result=piece.steps.write()))

    def takes(self, piece: Piece, step: str, action: Callable[[Piece], None]) -> bool:
        """Take a step of a piece of work -> whether it succeeded; what went wrong has been told."""
        key = piece.work.key
        self.send(Busy(key, step))
        try:
            action(piece)
        except Exception as error:
            piece.steps = None
            self.send(outcome_of(key, error))
            return False
        self.send(Busy(key, None))
        return True

    def advance(self, key: str, stage: str, share: float) -> None:
        """Tell progress, but not too often."""
        now = time.monotonic()
        if now - self.told_s.get(key, 0.0) >= PROGRESS_EVERY_S:
            self.told_s = {key: now}
            self.send(Advanced(key=key, stage=stage, share=share))


def outcome_of(key: str, error: Exception) -> Failed | Lost:
    """What an exception means for a piece of work; without other pieces beside it, memory may suffice."""
    if is_out_of_memory(error):
        return Lost(key=key, reason=reason_of(error))
    if isinstance(error, HdrfuseError):
        return Failed(key=key, reason=str(error))
    reason = f"unexpected {type(error).__name__}: {reason_of(error)}"
    return Failed(key=key, reason=reason, traceback=traceback_of(error))


def work_in_process(connection: Connection, prepare: Callable[[], None], inherited: object) -> None:
    """Be a worker: the whole life of its process. `inherited` is only kept, as what it locks is in use."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the batch decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILLED_BEFORE_OTHERS)
    keep_freed_blocks()
    threading.Thread(target=_end_with_the_batch, daemon=True).start()
    worker = Worker(connection)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_WHILE_STARTING)
        try:
            prepare()
        except Exception as error:  # whatever it is, the batch has to hear it
            known = isinstance(error, HdrfuseError)
            worker.send(Refused(error if known else HdrfuseError(f"no worker can start: {error!r}")))
            return
        worker.send(Ready())
        worker.run()
    except Stopped:
        pass
    finally:
        del inherited
        os._exit(0)  # threads may still be reading


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _end_with_the_batch() -> None:
    """Leave at once when the batch is gone, however it went: nobody would note what is still done."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

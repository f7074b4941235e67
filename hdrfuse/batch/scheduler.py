"""Schedulers: whoever runs a batch's work, here or on many machines, and what it tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hdrfuse.progress import Progress


class Steps(Protocol):
    """One piece of work under way: three steps, each taken once, in order, perhaps in different threads."""

    def read(self) -> None:
        """Fetch what the work needs."""

    def merge(self) -> object:
        """Compute."""

    def write(self) -> object:
        """Write the files -> the result, which can be sent to another process."""


class Work(Protocol):
    """A piece of work that can be sent to another process."""

    @property
    def key(self) -> str:
        """Name of the work, unique within a batch."""

    def start(self, progress: Progress) -> Steps:
        """Return its steps, which tell their progress."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A worker has begun to read a piece of work."""

    key: str
    worker: int
    """Its process."""


@dataclass(frozen=True, kw_only=True)
class Advanced:
    """How far a piece of work has come."""

    key: str
    stage: str
    share: float
    """Of the whole piece, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A piece of work is done, its files in place."""

    key: str
    result: object
    """What its steps returned."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A piece of work failed, and would again."""

    key: str
    reason: str
    """One line."""
    traceback: str | None = None
    """Where, for a failure that nobody foresaw."""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A piece of work went down with its worker; it may succeed elsewhere."""

    key: str
    reason: str
    suspect: bool = True
    """Whether it may have been the cause; not where another piece of the same worker was."""


Event = Started | Advanced | Finished | Failed | Lost


class Scheduler(Protocol):
    """Runs work. Whoever calls it decides what to do again, and keeps the journal."""

    @property
    def slots(self) -> int:
        """How many pieces of work it can hold."""

    def submit(self, work: Work, *, alone: bool = False) -> None:
        """Take a piece of work; `alone`, with all the memory there is: the caller has nothing else under way."""

    def collect(self) -> Sequence[Event]:
        """Wait a moment for news -> what happened, in order. Raises HdrfuseError where no work can be done at all."""

    def stop(self) -> Sequence[Event]:
        """End everything, leaving no half-written file -> what was done meanwhile; the rest is forgotten."""

    def close(self) -> None:
        """End everything at once; harmless after `stop`."""

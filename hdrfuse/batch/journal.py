"""The journal of an output folder: what was begun, done and failed there, line by line, whatever kills the batch."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from hdrfuse import __version__
from hdrfuse.batch.forms import is_line
from hdrfuse.batch.identity import FileIdentity
from hdrfuse.errors import OutputError, WriteError
from hdrfuse.merge_report import MergeReport

JOURNAL = "journal.jsonl"

LONGEST_LINE_BYTES = 1 << 20
"""A line longer than this is none of ours: that of a bracket of 32 frames has 20 kB."""

PATIENCE_S, ORPHANS_PATIENCE_S = 2.0, 60.0
"""How long a batch waits for another one to end; for the workers of one that was just killed, longer."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a scene's results were made from, as far as may be replaced without asking."""

    root: str
    """Absolute path of the searched folder."""
    captured_at: str | None = None

    def could_be(self, other: "Origin") -> bool:
        """Whether both are one scene, its photographs perhaps edited since: other folders or days are others."""
        days = {self.captured_at, other.captured_at} - {None}
        return self.root == other.root and len(days) < 2


@dataclass(frozen=True, kw_only=True)
class DoneScene:
    """A scene whose results are all in place."""

    settings: str
    """Identity of the settings that they were made with."""
    inputs: tuple[FileIdentity, ...]
    outputs: dict[str, int]
    """Bytes of each file, by its path below the output folder."""
    report: MergeReport
    written: dict[str, FileIdentity] = field(default_factory=dict)
    """Each file as it was written, by the same path; empty where hdrfuse 0.1.0 wrote it."""

    def as_json(self) -> dict[str, Any]:
        """What the journal's line says of it, plain types."""
        return {
            "settings": self.settings,
            "inputs": [asdict(each) for each in self.inputs],
            "outputs": self.outputs,
            "report": self.report.as_json(),
            "written": {path: asdict(each) for path, each in self.written.items()},
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        written = line.get("written") or {}
        return cls(
            settings=line["settings"],
            inputs=tuple(map(FileIdentity.from_json, line["inputs"])),
            outputs=dict(line["outputs"]),
            report=MergeReport.from_json(line["report"]),
            written={path: FileIdentity.from_json(each) for path, each in written.items()},
        )


@dataclass(kw_only=True)
class Past:
    """What a journal says of earlier runs."""

    done: dict[str, DoneScene] = field(default_factory=dict)
    """By the scene's name below the output folder; not where another attempt began since."""
    begun: dict[str, list[str]] = field(default_factory=dict)
    """Outputs of scenes that were begun and neither done nor failed since."""
    owned: dict[str, Origin] = field(default_factory=dict)
    """Outputs that a batch began to write, by path, and what from."""
    written: dict[str, FileIdentity] = field(default_factory=dict)
    """Outputs as they were when a scene was last done, by path, whatever was begun since."""
    damaged: int = 0
    """Lines that could not be read."""

    def learn(self, entry: dict[str, Any]) -> None:
        """Take in one line, which is as `forms` says."""
        match entry["event"]:
            case "begun":
                origin = Origin(root=entry["root"], captured_at=entry.get("captured_at"))
                self.done.pop(entry["scene"], None)
                self.begun[entry["scene"]] = list(entry["outputs"])
                self.owned |= dict.fromkeys(entry["outputs"], origin)
            case "done":
                done = self.done[entry["scene"]] = DoneScene.from_json(entry)
                sizes = done.outputs.items()
                self.written |= {path: FileIdentity(name=Path(path).name, size=size) for path, size in sizes}
                self.written |= done.written
                self.begun.pop(entry["scene"], None)
            case "failed":
                self.begun.pop(entry["scene"], None)


class Journal:
    """An open journal, which no other batch can open meanwhile; every line is on the disk when a call returns."""

    def __init__(self, path: Path, descriptor: int, past: Past) -> None:
        self.path = path
        self.descriptor = descriptor
        """Processes that inherit it keep the lock: they may still be writing."""
        self.past = past

    def run(self, *, root: Path, settings: str) -> None:
        """Note that a run begins. Raises WriteError."""
        self._append({"event": "run", "hdrfuse": __version__, "root": str(root), "settings": settings, "at": _now(),
                      "pid": os.getpid()})  # fmt: skip

    def begun(self, scene: str, origin: Origin, outputs: Sequence[str]) -> None:
        """Note, before the first byte is written, which files are to become a scene's. Raises WriteError."""
        self._append({"event": "begun", "scene": scene, **asdict(origin), "outputs": list(outputs)})

    def done(self, scene: str, result: DoneScene) -> None:
        """Note that all files of a scene are in place. Raises WriteError."""
        self._append({"event": "done", "scene": scene, "at": _now(), **result.as_json()})

    def failed(self, scene: str, reason: str) -> None:
        """Note that a scene failed. Raises WriteError."""
        self._append({"event": "failed", "scene": scene, "at": _now(), "reason": reason})

    def _append(self, entry: dict[str, Any]) -> None:
        """Add one line, whole or not at all, and learn it."""
        line = (json.dumps(entry) + "\n").encode()
        before = os.lseek(self.descriptor, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += os.write(self.descriptor, line[written:])
            os.fsync(self.descriptor)
        except OSError as error:
            os.ftruncate(self.descriptor, before)
            raise WriteError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.past.learn(entry)


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open an output folder's journal, or begin one; a line that was cut off is dropped.

    Raises OutputError where another batch has it open, it is no file or the system refuses.
    """
    path = folder / JOURNAL
    try:
        is_new = not path.exists()
        if not is_new:
            _check_regular(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        _lock(path, descriptor)
        if is_new:
            _sync_folder(path)
        _drop_cut_line(descriptor)
        yield Journal(path, descriptor, _replay(descriptor))
    finally:
        os.close(descriptor)


def read_past(folder: Path) -> Past:
    """What an output folder's journal says, which stays as it is. Raises OutputError where it cannot be read."""
    path = folder / JOURNAL
    try:
        if not path.exists():
            return Past()
        _check_regular(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _replay(descriptor)
    finally:
        os.close(descriptor)


def _check_regular(path: Path) -> None:
    if not path.is_file():
        raise OutputError(f"{path}: is no regular file; expected a batch's journal, or none")


def _lock(path: Path, descriptor: int) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            runner = _runner(descriptor)
            patience_s = PATIENCE_S if runner is None or _is_running(runner) else ORPHANS_PATIENCE_S
            if time.monotonic() - began > patience_s:
                named = "" if runner is None else f" (process {runner})"
                raise OutputError(
                    f"{path.parent}: another batch is writing there{named}; wait for it, or give another --out"
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise OutputError(f"{path}: cannot be locked: {error.strerror}") from error
        else:
            return


def _runner(descriptor: int) -> int | None:
    """The process that began the last run."""
    pids = [entry["pid"] for entry in _entries(descriptor) if entry is not None and entry["event"] == "run"]
    return pids[-1] if pids else None


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _replay(descriptor: int) -> Past:
    past = Past()
    for entry in _entries(descriptor):
        if entry is None:
            past.damaged += 1
        else:
            past.learn(entry)
    return past


def _drop_cut_line(descriptor: int) -> None:
    """Cut what stands behind the last end of a line."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - LONGEST_LINE_BYTES)
        last = os.pread(descriptor, end - start, start).rfind(b"\n")
        if last >= 0:
            end = start + last + 1
            break
        end = start
    if end < os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, end)


def _entries(descriptor: int) -> Iterator[dict[str, Any] | None]:
    """What each whole line says, None for one that no batch wrote."""
    with open(descriptor, "rb", closefd=False) as stream:
        stream.seek(0)
        for line in _whole_lines(stream):
            yield None if line is None else _entry(line)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Each line that ends, None for one that is longer than any batch's."""
    is_rest = False
    while part := stream.readline(LONGEST_LINE_BYTES):
        ends = part.endswith(b"\n")
        if ends:
            yield None if is_rest else part
        is_rest = not ends


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if is_line(entry) else None


def _sync_folder(path: Path) -> None:
    """Make a new file's name survive a power cut."""
    try:
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror}") from error


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")

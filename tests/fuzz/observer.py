"""The parent's side: hands files to a child process, sees what they do to it, and starts another when it dies."""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hdrfuse

TESTS = Path(__file__).parents[1]

PATIENCE_S = 5.0
"""For a child to end that has nothing more to read."""

START_S = 600.0
"""For a child to start, import what it needs and read the sound file."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost."""

    processor_s: float = 20.0
    memory_mb: float = 600.0
    """Above the idle process, which has read the sound file."""
    wall_s: float = 240.0
    """When a process that uses no processor time is given up: 12 others may share its core."""


class Observer:
    """A child process that reads files, for as many files as it survives."""

    def __init__(self, scratch: Path, sound: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.sound = sound
        self.printed = scratch / "printed.txt"
        self.child: subprocess.Popen[bytes] | None = None
        self.reports = -1
        self.outcome = ""
        """Of the last file: "read", or what it was refused with."""

    def __enter__(self) -> "Observer":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def faults_of(self, path: Path) -> list[str]:
        """Let the child read a file -> what is wrong with how that went, in words."""
        if self.child is None:
            self.start()
        report = self.ask(path, wall_s=self.limits.wall_s)
        self.outcome = report["outcome"]
        faults = [] if report["fault"] is None else [report["fault"]]
        if report["processor_s"] > self.limits.processor_s:
            faults.append(f"{report['processor_s']:.0f} processor seconds")
        if report["peak_mb"] - report["idle_mb"] > self.limits.memory_mb:
            faults.append(f"{report['peak_mb'] - report['idle_mb']:.0f} MB above the idle process")
        if printed := self.printed.read_text(errors="replace").strip():
            faults.append(f"printed: {printed[-1500:]}")
            os.truncate(self.printed, 0)
        return faults

    def start(self) -> None:
        """Start a child that reads the sound file first."""
        self.reports, theirs = os.pipe()
        path = os.pathsep.join((str(TESTS), str(Path(hdrfuse.__file__).parents[1])))
        with self.printed.open("ab") as printed:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "fuzz.reader", str(self.limits.processor_s), str(theirs)],
                stdin=subprocess.PIPE, stdout=printed, stderr=printed, pass_fds=(theirs,), cwd=self.printed.parent,
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        os.close(theirs)
        self.ask(self.sound, wall_s=START_S)

    def ask(self, path: Path, *, wall_s: float) -> dict[str, Any]:
        """Hand a path over and wait for its report, or for the child's end."""
        assert self.child is not None
        assert self.child.stdin is not None
        self.child.stdin.write(f"{path}\n".encode())
        self.child.stdin.flush()
        answer = b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self.reports], [], [], wall_s)
            part = os.read(self.reports, 1 << 16) if ready else b""
            if not part:
                return dead(self.end(), hung=not ready)
            answer += part
        return json.loads(answer)

    def end(self) -> int:
        """End the child -> its exit status, negative for a signal."""
        if self.child is None:
            return 0
        if self.child.stdin is not None:
            self.child.stdin.close()
        try:
            status = self.child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = self.child.wait()
        os.close(self.reports)
        self.child = None
        return status


def dead(status: int, *, hung: bool) -> dict[str, Any]:
    """Return the report of a file that its reader did not survive."""
    name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    fault = "hung" if hung else "too many processor seconds" if name == "SIGXCPU" else f"the process died: {name}"
    return {"outcome": "", "fault": fault, "processor_s": 0.0, "peak_mb": 0.0, "idle_mb": 0.0}

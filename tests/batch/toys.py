"""Work that takes no pictures: what a scheduler can be tested with."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from merge_reports import frame_report, merge_report

from hdrfuse.errors import ImageError, UsageError
from hdrfuse.formats import Capture
from hdrfuse.merge_report import NetworkReport
from hdrfuse.progress import Progress

REPORT = merge_report(
    frame_report(
        "a.jpg", -2.0, ghost_fraction=0.1, shift_px=1.5, registration="homography",
        capture=Capture(
            exposure_time_s=0.01, iso=100.0, captured_at=datetime(2024, 5, 4, 16, 20), camera="Body A", bracket_shot=1
        ),
    ),
    frame_report("b.jpg", 0.0, path=None),
    unseen_fraction=0.25, peak_memory_mb=97.7,
    network=NetworkReport(
        weights="fast", sha256="ab", frames=("a.jpg", "b.jpg", "b.jpg"), share=0.5, tile_px=128, tiles=1,
        settled_tiles=0, device="cpu", precision="float32",
    ),
)  # fmt: skip
"""What a merge says of itself."""


@dataclass(frozen=True, kw_only=True)
class Toy:
    """Work that behaves as it is told."""

    key: str
    does: str = "well"
    notes: Path | None = None
    """A folder in which it says that it ran."""

    def start(self, progress: Progress) -> "ToySteps":
        return ToySteps(self, progress)


class ToySteps:
    def __init__(self, toy: Toy, progress: Progress) -> None:
        self.toy, self.progress = toy, progress

    def read(self) -> None:
        self.progress("reading", 0.1)
        if self.toy.notes is not None:
            with (self.toy.notes / self.toy.key).open("a") as notes:
                notes.write(f"{os.getpid()}\n")
        if self.toy.does == "unreadable":
            raise ImageError(f"{self.toy.key}.jpg: is empty")

    def merge(self) -> None:
        BEHAVIOURS[self.toy.does](self.toy)

    def write(self) -> dict[str, Any]:
        if self.toy.does == "slow to write":
            assert self.toy.notes is not None
            (self.toy.notes / "writing").touch()
            time.sleep(1.0)
            (self.toy.notes / "written").touch()
        return {"key": self.toy.key, "process": os.getpid()}


def sleep(toy: Toy) -> None:
    time.sleep(600)


def meet_another(toy: Toy) -> None:
    """Wait for a second process to be in its merge."""
    assert toy.notes is not None
    (toy.notes / f"{toy.key}.merging").touch()
    while len(list(toy.notes.glob("*.merging"))) < 2:
        time.sleep(0.02)


def kill_itself(toy: Toy) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(toy: Toy) -> None:
    assert toy.notes is not None
    if len((toy.notes / toy.key).read_text().splitlines()) == 1:
        kill_itself(toy)


def run_out_of_memory(toy: Toy) -> None:
    raise MemoryError


def do_the_unforeseen(toy: Toy) -> None:
    raise ZeroDivisionError("no luck")


BEHAVIOURS: dict[str, Callable[[Toy], None]] = {
    "well": lambda toy: None, "unreadable": lambda toy: None, "slow to write": lambda toy: None, "hangs": sleep,
    "meets": meet_another, "dies": kill_itself, "dies once": die_once, "memory": run_out_of_memory,
    "unforeseen": do_the_unforeseen,
}  # fmt: skip


def ready() -> None:
    """Nothing to prepare."""


def refuse() -> None:
    raise UsageError("--steps 0: 1 or more was expected")


def die_young() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

"""How far a merge has come, how long each stage took and how much memory it needed."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, float], None]
"""Called with the stage's name and the share of the whole that is done."""


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


class Clock:
    """Seconds a stage, and the progress of the whole."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.done = 0.0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, done_after: float) -> Iterator[Callable[[float], None]]:
        """Time a stage, after which the share `done_after` of the whole is done -> what hears the stage's own share."""
        started = time.perf_counter()
        before = self.done

        def advance(share: float) -> None:
            if self.progress is not None:
                self.progress(name, (1.0 - share) * before + share * done_after)

        advance(0.0)
        yield advance
        self.seconds[name] = round(time.perf_counter() - started, 3)
        self.done = done_after
        advance(1.0)

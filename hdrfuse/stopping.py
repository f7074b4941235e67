"""How a run of hours is asked to end: Ctrl-C, SIGTERM and SIGHUP let it finish its step and keep what is done."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
PATIENCE_S = 2.0
"""A second Ctrl-C later than this ends at once; sooner, it is the same one, passed on by torchrun."""


class StopRequest:
    """Whether somebody asked the run to end."""

    def __init__(self) -> None:
        self.first: float | None = None

    def __call__(self) -> bool:
        """Return whether the run shall end."""
        return self.first is not None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note a signal. Raises KeyboardInterrupt for a second, later Ctrl-C."""
        now = time.monotonic()
        if self.first is None:
            self.first = now
        elif number == signal.SIGINT and now - self.first > PATIENCE_S:
            raise KeyboardInterrupt


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Collect requests to end while the block runs."""
    request = StopRequest()
    with _handled_by(request.receive):
        yield request


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore requests to end in the block; processes that it starts ignore them for good."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def signals_held() -> Iterator[None]:
    """Let a request to end wait for the end of the block, which takes a moment and shall not be done by halves."""
    held: list[int] = []
    try:
        with _handled_by(lambda number, frame: held.append(number)):
            yield
    finally:
        if held:
            signal.raise_signal(held[0])


def ignore_signals() -> None:
    """Ignore requests to end from now on: the work is done, and nothing is left that could be interrupted."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Handle the signals otherwise, but those that are ignored already (nohup); only a main thread has handlers."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    if threading.current_thread() is not threading.main_thread():
        replaced = {}
    for number in replaced:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in replaced.items():
            signal.signal(number, old)

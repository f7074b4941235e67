"""How the program is asked to end: Ctrl-C, SIGTERM and SIGHUP interrupt it; a run of hours finishes its step first."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Handler = Callable[[int, FrameType | None], None] | signal.Handlers

PATIENCE_S = 2.0
"""A second Ctrl-C later than this ends at once; sooner, it is the same one, passed on by torchrun."""

AGAIN_AFTER_S = 0.05
"""Longer than a destructor takes."""


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


class Interrupted(KeyboardInterrupt):
    """A signal wants the program to end.

    A kind of its own, as Python kills itself by SIGINT at its exit where a plain KeyboardInterrupt once went through
    code that a library runs on import, whatever was made of it later.
    """


class Interruption:
    """Whether a signal has interrupted the program, whatever became of the exception that it raised."""

    def __init__(self) -> None:
        self.last: float | None = None
        self.number = signal.SIGINT

    def __call__(self) -> bool:
        """Return whether one has."""
        return self.last is not None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Raise Interrupted, but for a second signal only later: files are being removed meanwhile."""
        now = time.monotonic()
        if self.last is None or now - self.last > PATIENCE_S:
            self.last, self.number = now, signal.Signals(number)
            raise Interrupted

    def unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        """Interrupt again in a moment, where Python had to drop the exception: inside a destructor, a callback."""
        if not isinstance(lost.exc_value, Interrupted):
            sys.__unraisablehook__(lost)
            return
        self.last = None
        threading.Timer(AGAIN_AFTER_S, _send_to_main_thread, [self.number]).start()


def _send_to_main_thread(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # it ends what the main thread waits for
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Let the signals raise Interrupted while the block runs, but those that somebody handles or ignores."""
    interruption = Interruption()
    before, sys.unraisablehook = sys.unraisablehook, interruption.unraisable
    try:
        with _handled_by(interruption.receive, instead_of=(signal.SIG_DFL, signal.default_int_handler)):
            yield interruption
    finally:
        sys.unraisablehook = before


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
def _handled_by(handler: Handler, *, instead_of: Collection[Handler] | None = None) -> Iterator[None]:
    """Handle the signals otherwise, but those that are ignored already (nohup); only a main thread has handlers."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    if instead_of is not None:
        replaced = {number: old for number, old in replaced.items() if old in instead_of}
    if threading.current_thread() is not threading.main_thread():
        replaced = {}
    for number in replaced:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in replaced.items():
            if signal.getsignal(number) == handler:  # not where the block has ended all handling
                signal.signal(number, old)

"""Silence for native decoders that print on their own: the caller turns their failure into one message."""

import ctypes
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import TextIO

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


class _Passing(io.TextIOBase):
    """A stream that drops what silent threads write and passes on the others' text, past the redirection."""

    def __init__(self, stream: TextIO, kept: int | None, silent: Counter[int]) -> None:
        self._stream, self._kept, self._silent = stream, kept, silent

    def write(self, text: str) -> int:
        if self._silent[get_ident()]:
            return len(text)
        if self._kept is None:
            return self._stream.write(text)
        os.write(self._kept, text.encode(self._stream.encoding or "utf-8", "replace"))
        return len(text)

    def settle(self) -> None:
        """Go on as the stream itself, for whoever has taken hold of this one: the redirection is over."""
        self._kept = None

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


class _Redirection:
    """Both standard streams of the process led nowhere, for as long as any thread wants silence."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._silent = Counter[int]()
        self._kept: dict[int, int] = {}
        self._streams: dict[str, tuple[TextIO, _Passing]] = {}

    def begin(self) -> None:
        """Silence this thread, and the native code of all."""
        with self._lock:
            if not self._silent.total():
                self._redirect()
            self._silent[get_ident()] += 1

    def end(self) -> None:
        """Let this thread speak again, and native code once no thread wants silence."""
        with self._lock:
            self._silent[get_ident()] -= 1
            if not self._silent.total():
                self._silent.clear()
                self._restore()

    def _redirect(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            for name, descriptor in (("stdout", STANDARD_OUTPUT), ("stderr", STANDARD_ERROR)):
                stream = getattr(sys, name)
                own = _descriptor(stream) == descriptor
                with suppress(OSError, ValueError):
                    if own:
                        stream.flush()  # what waits there is no noise
                with suppress(OSError):  # it is closed
                    self._kept[descriptor] = os.dup(descriptor)
                    os.dup2(nowhere, descriptor)
                if stream is not None:
                    passing = _Passing(stream, self._kept.get(descriptor) if own else None, self._silent)
                    self._streams[name] = (stream, passing)
                    setattr(sys, name, passing)
        finally:
            os.close(nowhere)

    def _restore(self) -> None:
        _flush_native()
        for name, (stream, passing) in self._streams.items():
            passing.settle()
            if getattr(sys, name) is passing:  # else somebody has set another one meanwhile
                setattr(sys, name, stream)
        for descriptor, kept in self._kept.items():
            os.dup2(kept, descriptor)
            os.close(kept)
        self._streams.clear()
        self._kept.clear()


_redirection = _Redirection()


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what native decoders print while the block runs, in several threads at once if need be.

    OpenEXR's binding writes to Python's standard output; libpng, libtiff, LibRaw and OpenEXR to the process's standard
    error, and OpenJPH to its standard output. Those two are silent for the native code of every thread, so the block is
    kept to the one call that needs it; what Python's other threads print reaches its reader.
    """
    _redirection.begin()
    try:
        yield
    finally:
        _redirection.end()


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):  # a stream in memory, or a closed one
        return None


def _flush_native() -> None:
    """Empty C's buffers while they lead nowhere: what native code has printed to a pipe still waits in them."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)

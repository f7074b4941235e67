"""Silence for native decoders that print on their own: the caller turns their failure into one message."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from threading import Lock, get_ident
from typing import TextIO

STANDARD_ERROR = 2

_one_at_a_time = Lock()


class _Muted(io.TextIOBase):
    """A stream that drops what one thread writes and passes on the others' text."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._muted_thread = get_ident()

    def write(self, text: str) -> int:
        return len(text) if get_ident() == self._muted_thread else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what native decoders print about damage while the block runs.

    OpenEXR's binding writes to Python's standard output, OpenEXR and LibRaw themselves to the process's
    standard error. The latter is silent for every thread, so the block is kept to the one call that needs it.
    """
    with _one_at_a_time, _standard_error_nowhere():
        if sys.stdout is None:
            yield
        else:
            with redirect_stdout(_Muted(sys.stdout)):
                yield


@contextmanager
def _standard_error_nowhere() -> Iterator[None]:
    try:
        kept = os.dup(STANDARD_ERROR)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)

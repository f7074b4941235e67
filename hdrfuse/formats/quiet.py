"""Silence for native decoders that print on their own: the caller turns their failure into one message."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

OUTPUT, ERRORS = 1, 2

_one_at_a_time = Lock()


@contextmanager
def silenced() -> Iterator[None]:
    """Send what is written to the process's standard output and error nowhere while the block runs.

    OpenEXR and LibRaw print about damage from C++, past any Python stream. It holds for the whole process,
    so the block is kept to the one native call that needs it.
    """
    with _one_at_a_time:
        kept = [(stream, os.dup(stream)) for stream in (OUTPUT, ERRORS) if _is_open(stream)]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            for stream, _ in kept:
                os.dup2(nowhere, stream)
            yield
        finally:
            for stream, copy in kept:
                os.dup2(copy, stream)
                os.close(copy)
            os.close(nowhere)


def _is_open(stream: int) -> bool:
    try:
        os.fstat(stream)
    except OSError:
        return False
    return True

"""Whole files or none: written beside their place, made durable, then renamed into it."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hdrfuse.errors import HdrfuseError, OutputError, WriteError
from hdrfuse.formats.kinds import WRITABLE_SUFFIXES

LONGEST_STEM = 100
"""Characters of a file's name that its temporary name keeps."""

TOKEN = r"\.[0-9a-f]{8}\.tmp"
TOKEN_LENGTH = 13


def check_writable(path: Path, *, overwrite: bool, suffixes: frozenset[str] = WRITABLE_SUFFIXES) -> None:
    """See before the work whether `path` can be written. Raises OutputError that says why not."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: cannot write {path.suffix!r} files; expected {' '.join(sorted(suffixes))}")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; expected a file's name")
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path}: exists already; --overwrite replaces it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: folder {path.parent} is not writable")


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there becomes `path` when the block ends well.

    Whatever ends the block otherwise, an interrupt included, leaves `path` as it was and nothing beside it.
    Raises OutputError if `path` exists and may not be replaced, WriteError if the system refuses (full disk).
    """
    temporary = path.with_name(f".{path.stem[:LONGEST_STEM]}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        if overwrite:
            temporary.replace(path)
        else:
            _move_to_free_name(temporary, path)
        _sync(path.parent)
    except HdrfuseError:
        raise
    except FileExistsError as error:
        raise OutputError(f"{path}: exists already; --overwrite replaces it") from error
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what killed writers of `path` left beside it; nobody may be writing it now.

    A temporary file may have been written through a temporary file of its own.
    """
    stem, suffix = f".{path.stem[:LONGEST_STEM]}", re.escape(path.suffix)
    kept = min(TOKEN_LENGTH, max(0, LONGEST_STEM - len(stem)))
    once = re.escape(stem) + TOKEN + suffix
    twice = re.escape(f".{stem[:LONGEST_STEM]}") + rf"[.0-9a-ftmp]{{{kept}}}" + TOKEN + suffix
    unfinished = re.compile(f"{once}|{twice}")
    with suppress(OSError):
        for entry in path.parent.iterdir():
            if unfinished.fullmatch(entry.name):
                entry.unlink(missing_ok=True)


def _move_to_free_name(temporary: Path, path: Path) -> None:
    """Rename, but never over a file that another process put there meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError from None
        temporary.replace(path)


def _sync(path: Path) -> None:
    """Make a file's content or a folder's names survive a power cut."""
    if path.is_dir() and os.name != "posix":
        return  # other systems do not open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

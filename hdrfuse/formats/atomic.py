"""Whole files or none: written beside their place, made durable, then renamed into it."""

import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hdrfuse.errors import HdrfuseError, OutputError, WriteError, reason_of
from hdrfuse.formats.names import LONGEST_NAME_BYTES, cut
from hdrfuse.formats.writers import unwritten, writable_suffixes
from hdrfuse.text import counted

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is ever taken for abandoned
    fcntl = None  # type: ignore[assignment]

LONGEST_STEM = 100
"""Bytes of a file's name that its temporary name keeps: with the token it fits the 255 that file systems allow."""

TEMPORARY = re.compile(r"\..*\.([0-9a-f]{8})([0-9a-f]{8})\.tmp(\.[^.]*)?", re.DOTALL)

_in_use: set[Path] = set()
"""Temporary files that this process is writing."""


def check_writable(
    path: Path, *, overwrite: bool, suffixes: frozenset[str] | None = None, makes_folder: bool = False
) -> None:
    """See before the work whether `path` can be written; without `suffixes`, as a result of any format.

    With `makes_folder` its folder need not be there yet. Raises OutputError that says why not.
    """
    suffixes = writable_suffixes() if suffixes is None else suffixes
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: {unwritten(path)}; expected {' '.join(sorted(suffixes))}")
    if (length := len(os.fsencode(path.name))) > LONGEST_NAME_BYTES:
        raise OutputError(f"{path}: a name of {counted(length, 'byte')}; file systems take {LONGEST_NAME_BYTES}")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; expected a file's name")
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path}: exists already; --overwrite replaces it")
    if (problem := folder_problem(path.parent, makes_folder=makes_folder)) is not None:
        raise OutputError(f"{path}: {problem}")


def folder_problem(folder: Path, *, makes_folder: bool) -> str | None:
    """Say why nothing can be written into a folder that is there or, with `makes_folder`, can be made; else None."""
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        return f"{there} is a file; a folder was expected"
    if there != folder and not makes_folder:
        return f"there is no folder {folder}"
    return None if os.access(there, os.W_OK | os.X_OK) else f"folder {there} is not writable"


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there becomes `path` when the block ends well.

    Whatever ends the block otherwise, an interrupt included, leaves `path` as it was and nothing beside it. A
    temporary path of this process is given back as it is, for its own writer to rename.
    Raises OutputError if `path` exists and may not be replaced, WriteError if the system refuses (full disk).
    """
    if path in _in_use:
        with _named_by(path):
            yield path
        return
    with temporary_beside(path) as temporary:
        yield temporary
        place({path: temporary}, overwrite=overwrite)


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, locked as long as this process lives, and remove it at the end.

    Raises WriteError that names `path`, for the block's OSError too.
    """
    with _named_by(path):
        temporary, descriptor = _claimed(path)
    _in_use.add(temporary)
    try:
        with _named_by(path):
            yield temporary
    finally:
        _in_use.discard(temporary)
        if descriptor is not None:
            os.close(descriptor)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def place(temporaries: Mapping[Path, Path], *, overwrite: bool) -> None:
    """Rename temporary files to their paths, all of them; if one cannot be, what was there before comes back.

    Raises OutputError where a path exists and may not be replaced, WriteError where the system refuses.
    """
    for path, temporary in temporaries.items():
        with _named_by(path):
            _sync(temporary)
    asides: dict[Path, Path] = {}
    placed: list[Path] = []
    with ExitStack() as locks:
        try:
            for path in temporaries if overwrite and len(temporaries) > 1 else ():
                with _named_by(path):
                    if os.path.lexists(path):
                        asides[path] = _kept_aside(path)
                        locks.enter_context(_in_sight(asides[path]))
            for path, temporary in temporaries.items():
                with _named_by(path):
                    if overwrite:
                        temporary.replace(path)
                    else:
                        _move_to_free_name(temporary, path)
                    placed.append(path)
                    _sync(path.parent)
        except BaseException:
            _take_back(placed if len(temporaries) > 1 else [], asides)
            raise
        finally:
            for aside in asides.values():
                with suppress(OSError):
                    aside.unlink()


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes of this host left in a folder under temporary names; files in use stay.

    A name is one of ours if it bears the mark of this host, and abandoned if nobody holds its lock: systems give
    locks back however their owner ends, and process numbers say nothing across containers. Where a file system
    does not lock, nothing is removed.
    """
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - a tenth of iterdir's time, where a folder holds thousands
            found = TEMPORARY.fullmatch(name)
            if found is not None and found[2] == _mark(found[1]):
                with suppress(OSError), _in_sight(folder / name) as is_abandoned:
                    if is_abandoned:
                        (folder / name).unlink()


def _temporary_name(path: Path) -> Path:
    """A hidden name beside `path` that nobody can foresee."""
    token = secrets.token_hex(4)
    return path.with_name(f".{cut(path.stem, LONGEST_STEM)}.{token}{_mark(token)}.tmp{path.suffix}")


def _mark(token: str) -> str:
    """What follows the random part of a temporary name: no user's file bears it, nor another host's."""
    return hashlib.blake2s(f"hdrfuse {socket.gethostname()} {token}".encode(), digest_size=4).hexdigest()


def _claimed(path: Path) -> tuple[Path, int | None]:
    """Make a temporary file, through no link that lies in its place -> its path, and what holds its lock."""
    while True:
        temporary = _temporary_name(path)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if fcntl is None:
            os.close(descriptor)  # Windows renames no open file
            return temporary, None
        if _is_locked(descriptor) is not False and temporary.exists():
            return temporary, descriptor
        os.close(descriptor)  # it was taken for abandoned between the two calls


def _is_locked(descriptor: int) -> bool | None:
    """Lock a file for this process -> whether that succeeded; None on a system or file system without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def _in_sight(path: Path) -> Iterator[bool]:
    """Hold the lock of a temporary file that exists -> whether it could be had; links and devices have none."""
    descriptor = None
    try:
        with suppress(OSError):
            descriptor = None if fcntl is None else os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        yield descriptor is not None and stat.S_ISREG(os.fstat(descriptor).st_mode) and _is_locked(descriptor) is True
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _take_back(placed: Sequence[Path], asides: dict[Path, Path]) -> None:
    """Remove what was placed, and put back what was there before; what cannot be put back stays aside."""
    for path in placed:
        aside = asides.pop(path, None)
        with suppress(OSError):
            if aside is None:
                path.unlink()
            else:
                aside.replace(path)


def _kept_aside(path: Path) -> Path:
    """Keep what is at a path under a temporary name too, without moving it -> that name."""
    aside = _temporary_name(path)
    try:
        os.link(path, aside, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(path, aside, follow_symlinks=False)
    return aside


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


@contextmanager
def _named_by(path: Path) -> Iterator[None]:
    """Turn what the system refuses into errors that name `path`."""
    try:
        yield
    except HdrfuseError:
        raise
    except FileExistsError as error:
        raise OutputError(f"{path}: exists already; --overwrite replaces it") from error
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {reason_of(error)}") from error


def _sync(path: Path) -> None:
    """Make a file's content or a folder's names survive a power cut."""
    if path.is_dir() and os.name != "posix":
        return  # other systems do not open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

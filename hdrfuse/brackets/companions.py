"""Companions: the JPEG that a camera wrote beside a RAW file of one exposure, whatever it called them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from hdrfuse.errors import ImageError
from hdrfuse.formats import RAW_SUFFIXES, Capture, read_capture
from hdrfuse.formats.kinds import raw_is_readable
from hdrfuse.text import counted, worded

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg"})

MOST_IN_A_SECOND = 120
"""Files; more of one second are a clock that stands still. Phones take 30 pictures in it at most."""

SAME_TIME_RATIO = 1.01
"""Exposure times this close are the same: files round them to other fractions."""


def once_each(files: Sequence[Path], known: Mapping[Path, Capture]) -> tuple[list[Path], list[str]]:
    """Drop one of each RAW file and its JPEG, as phones name them apart -> the other files and warnings.

    The RAW file stays, the JPEG where rawpy is missing. `known` holds captures that have been read already.
    """
    raws = [path for path in files if _is_raw(path)]
    jpegs = [path for path in files if path.suffix.lower() in JPEG_SUFFIXES]
    if not raws or not jpegs:
        return list(files), []
    jpeg_of = companions({path: known[path] if path in known else _capture(path) for path in (*raws, *jpegs)})
    if raw_is_readable():
        dropped = set(jpeg_of.values())
        return [path for path in files if path not in dropped], []
    warning = (
        f"{counted(len(jpeg_of), 'RAW file is', 'RAW files are')} left out for the pictures of the same moment beside "
        f"{worded(len(jpeg_of), 'it', 'them')}: "
        "reading RAW needs `pip install hdrfuse[raw]`"
    )
    return [path for path in files if path not in jpeg_of], [warning] if jpeg_of else []


def companions(captures: Mapping[Path, Capture]) -> dict[Path, Path]:
    """Each RAW file's JPEG: of the same camera, second and fraction of it, no other file being so.

    Without fractions, only where there are as many RAW files as JPEGs and each has one of its second and exposure
    time.
    """
    moments: dict[tuple[str, datetime], list[Path]] = defaultdict(list)
    for path, capture in captures.items():
        if capture.camera is not None and capture.captured_at is not None:
            moments[capture.camera, capture.captured_at.replace(tzinfo=None)].append(path)
    pairs: dict[Path, Path] = {}
    for (_, moment), paths in moments.items():
        if moment.microsecond and (pair := _pair(paths)):
            pairs |= [pair]
    left = len(captures) - 2 * len(pairs)
    by_second = [
        pair
        for (_, moment), paths in moments.items()
        if not moment.microsecond and len(paths) <= MOST_IN_A_SECOND
        for raw in filter(_is_raw, paths)
        if (pair := _pair([raw, *(path for path in paths if path != raw and _as_long(captures, raw, path))]))
    ]
    counted = Counter(path for pair in by_second for path in pair)
    if 2 * len(by_second) == left and max(counted.values(), default=0) == 1:
        pairs |= by_second
    return pairs


def _pair(paths: Sequence[Path]) -> tuple[Path, Path] | None:
    """A RAW file and the one other file there is."""
    raws = [path for path in paths if _is_raw(path)]
    others = [path for path in paths if not _is_raw(path)]
    return (raws[0], others[0]) if len(raws) == len(others) == 1 else None


def _as_long(captures: Mapping[Path, Capture], one: Path, other: Path) -> bool:
    mine, theirs = captures[one].exposure_time_s, captures[other].exposure_time_s
    return mine is not None and theirs is not None and 1 / SAME_TIME_RATIO <= mine / theirs <= SAME_TIME_RATIO


def _is_raw(path: Path) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def _capture(path: Path) -> Capture:
    try:
        return read_capture(path)
    except ImageError:
        return Capture()  # a damaged file is a frame, and reading the bracket will say what is wrong with it

"""Leftovers: why shots are in no bracket."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from hdrfuse.brackets.bracket_score import alike, differ, one_aperture, pause_s
from hdrfuse.brackets.discovered import Leftover, LeftoverKind
from hdrfuse.brackets.shots import Shot
from hdrfuse.errors import HdrfuseError
from hdrfuse.formats.reading import first_line
from hdrfuse.text import counted

LONGEST_PAUSE_S = 5.0
"""Frames within this many seconds of each other were meant as one series."""

METERED = "exposures differ, but not as a bracket's do"
APERTURE = "the aperture changes where a bracket changes the time"


def leftovers_of(shots: Sequence[Shot]) -> list[Leftover]:
    """Report consecutive shots that are in no bracket, those that belong together in one."""
    return [_leftover(series) for series in _series(shots)]


def interrupted_bracket(shots: Sequence[Shot], reason: str) -> Leftover:
    """Report a part of a bracket."""
    return Leftover(paths=_paths(shots), kind=LeftoverKind.INTERRUPTED, reason=reason)


def unreadable(shots: Sequence[Shot], error: Exception) -> Leftover:
    """Report shots that an error kept from being divided."""
    reason = f"cannot be divided into scenes: {what_went_wrong(error)}"
    return Leftover(paths=_paths(shots), kind=LeftoverKind.UNREADABLE, reason=reason)


def what_went_wrong(error: Exception) -> str:
    """Say it in a line: an error of ours says it all, another one's kind says most."""
    return str(error) if isinstance(error, HdrfuseError) else f"unexpected {type(error).__name__}: {first_line(error)}"


def single(shot: Shot) -> Leftover:
    """Report a picture by itself."""
    if shot.header is None:
        return _leftover([shot])
    return Leftover(paths=(shot.path,), kind=LeftoverKind.SINGLE, reason="no other frame belongs to it")


def _leftover(shots: Sequence[Shot]) -> Leftover:
    first = shots[0]
    paths = _paths(shots)
    if first.header is None:
        return Leftover(paths=paths, kind=LeftoverKind.UNREADABLE, reason=first.problem or "cannot be read")
    if first.ev is None:
        count = "it" if len(shots) == 1 else "them"
        reason = f"no exposure time in {count}, and no EV in the name"
        return Leftover(paths=paths, kind=LeftoverKind.UNEXPOSED, reason=reason)
    if first.capture.exposure_mode == "bracket":
        return interrupted_bracket(shots, f"{_frames(shots)} of a bracket, others are missing")
    if len(shots) == 1:
        return single(first)
    if not any(differ(*pair) for pair in itertools.pairwise(shots)):
        reason = f"{_frames(shots)} of equal exposure: a burst or a focus stack"
        return Leftover(paths=paths, kind=LeftoverKind.BURST, reason=reason)
    reason = METERED if one_aperture(shots) else APERTURE
    return Leftover(paths=paths, kind=LeftoverKind.NO_BRACKET, reason=reason)


def _series(shots: Sequence[Shot]) -> Iterator[list[Shot]]:
    """Cut where something else begins."""
    series: list[Shot] = []
    for shot in shots:
        if series and not _goes_on(series, shot):
            yield series
            series = []
        series.append(shot)
    if series:
        yield series


def _goes_on(series: Sequence[Shot], shot: Shot) -> bool:
    last = series[-1]
    if last.header is None or shot.header is None:
        return last.header is shot.header and last.problem == shot.problem
    if last.ev is None or shot.ev is None:
        return last.ev is shot.ev
    pause = pause_s(last, shot)
    if not alike(last, shot) or pause is None or not -LONGEST_PAUSE_S <= pause <= LONGEST_PAUSE_S:
        return False
    return len(series) == 1 or differ(last, shot) == differ(series[-2], last)


def _paths(shots: Sequence[Shot]) -> tuple[Path, ...]:
    return tuple(shot.path for shot in shots)


def _frames(shots: Sequence[Shot]) -> str:
    return counted(len(shots), "frame")

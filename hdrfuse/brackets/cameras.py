"""Cameras: the shots of each body, in the order in which it took them."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from hdrfuse.brackets.shots import Shot
from hdrfuse.formats import RAW_SUFFIXES

SHORTEST_RUN = 3
"""Frames of ascending time that show that names, not times, are in order."""

SHARE_OF_RUNS = 12
"""Names are in order if times descend at most once in so many frames."""

NEAR_ROLLOVER = 50
"""How close to its highest and lowest numbers a counter that rolled over has come."""


def by_camera(shots: Sequence[Shot]) -> list[list[Shot]]:
    """Split shots, given in the natural order of their names, by camera, each in shooting order.

    A file that cannot be read goes with the one before it.
    """
    streams: dict[tuple[object, ...], list[Shot]] = defaultdict(list)
    key = next((_camera(shot) for shot in shots if shot.header is not None), ())
    for shot in shots:
        if shot.header is not None:
            key = _camera(shot)
        streams[key].append(shot)
    return [in_shooting_order(_on_one_clock(stream)) for stream in streams.values()]


def in_shooting_order(shots: Sequence[Shot]) -> list[Shot]:
    """Order shots, given in the natural order of their names.

    By time, and by name where times are equal or missing. Where times ascend along the names but for a few
    breaks, the runs between stay together: a clock that was set back, or a second body of the same model.
    """
    listed = unroll_counter(shots)
    clocks_s = _fill_clocks(listed)
    if clocks_s is None:
        return listed
    cuts = [index for index in range(1, len(listed)) if clocks_s[index] < clocks_s[index - 1]]
    runs = [range(start, end) for start, end in itertools.pairwise([0, *cuts, len(listed)])]
    if len(runs) <= max(2, len(listed) // SHARE_OF_RUNS) and min(map(len, runs)) >= SHORTEST_RUN:
        runs.sort(key=lambda run: clocks_s[run[0]])
        return [listed[index] for run in runs for index in run]
    return [listed[index] for index in sorted(range(len(listed)), key=lambda index: (clocks_s[index], index))]


def unroll_counter(shots: Sequence[Shot]) -> list[Shot]:
    """Put IMG_9999 before IMG_0001 where a counter rolled over."""
    listed: list[Shot] = []
    for _, run in itertools.groupby(shots, key=lambda shot: shot.counter and shot.counter[0]):
        listed += _unroll_run(list(run))
    return listed


def _unroll_run(shots: list[Shot]) -> list[Shot]:
    """Names of one counter, in natural order: those behind the largest gap first if both ends of the range are near."""
    numbers = [shot.counter[1] for shot in shots if shot.counter is not None]
    jumps = [after - before for before, after in itertools.pairwise(numbers)]
    if not jumps or min(jumps) < 0 or max(jumps) <= 2 * NEAR_ROLLOVER:
        return shots
    highest = 10 ** max(len(str(numbers[-1])), 4) - 1
    if numbers[0] > NEAR_ROLLOVER or numbers[-1] < highest - NEAR_ROLLOVER:
        return shots
    cut = 1 + jumps.index(max(jumps))
    return shots[cut:] + shots[:cut]


def _camera(shot: Shot) -> tuple[object, ...]:
    """What tells one body's shots of one format from others."""
    suffix = shot.path.suffix.lower()
    capture = shot.capture
    return capture.camera, capture.body_serial, "raw" if suffix in RAW_SUFFIXES else suffix.replace("jpeg", "jpg")


def _on_one_clock(shots: Sequence[Shot]) -> list[Shot]:
    """Count time in UTC where every shot states its zone; otherwise clocks stay as they were read."""
    moments = [shot.capture.captured_at for shot in shots]
    if not all(moment is None or moment.tzinfo for moment in moments):
        return list(shots)
    return [
        shot if moment is None else replace(shot, clock_s=moment.timestamp())
        for shot, moment in zip(shots, moments, strict=True)
    ]


def _fill_clocks(shots: Sequence[Shot]) -> list[float] | None:
    """Time of each shot, of the one before it where it has none; None if no shot has one."""
    known = [shot.clock_s for shot in shots if shot.clock_s is not None]
    if not known:
        return None
    clocks_s, last = [], known[0]
    for shot in shots:
        last = last if shot.clock_s is None else shot.clock_s
        clocks_s.append(last)
    return clocks_s

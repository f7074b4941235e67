"""Repeats: frames of equal exposure within a bracket, as cameras take them that come to a limit."""

from collections.abc import Sequence
from typing import Literal

MOST_REPEATS = 2
"""Frames of an exposure that is there already; more of them are a burst or a series of its own."""

LIMITS_S = (1 / 2000, 15.0)
"""Shutters end at 1/2000 s to 1/8000 s and at 15 s to 60 s, where a bracket that goes beyond repeats itself."""

Place = Literal["none", "middle", "end"]


def place_of_repeats(ladder: Sequence[float], distinct_ev: float) -> Place | None:
    """Where a bracket's ladder repeats a rung: nowhere, once in its middle, or at one end.

    None for a ladder of other repeats, or of less than three rungs: that is no bracket.
    """
    rungs = distinct_rungs(ladder, distinct_ev)
    if len(rungs) == len(ladder):
        return "none"
    counts = [sum(abs(each - rung) < distinct_ev for each in ladder) for rung in rungs]
    repeated = [index for index, count in enumerate(counts) if count > 1]
    if len(repeated) > 1 or len(rungs) < 3 or counts[repeated[0]] - 1 > MOST_REPEATS:
        return None
    if repeated[0] in (0, len(rungs) - 1):
        return "end"
    return "middle" if counts[repeated[0]] == 2 else None


def distinct_rungs(ladder: Sequence[float], distinct_ev: float) -> list[float]:
    """Rungs in ascending order, each once."""
    rungs: list[float] = []
    for rung in sorted(ladder):
        if not rungs or rung - rungs[-1] >= distinct_ev:
            rungs.append(rung)
    return rungs


def snap_rungs(ladder: Sequence[float], distinct_ev: float) -> list[float]:
    """The ladder with rungs that are equal but for rounding made equal."""
    rungs = distinct_rungs(ladder, distinct_ev)
    return [max(each for each in rungs if each <= rung) for rung in ladder]

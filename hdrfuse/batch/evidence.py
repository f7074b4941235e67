"""Evidence that consecutive shots are one bracket, and how strong it is: the camera's word, steps, order, pauses."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hdrfuse.batch.shots import Shot

DISTINCT_EV = 0.19
"""Frames of a bracket differ at least so much: a third of a stop, as cameras round 1/13 s and 1/15 s."""

EVEN_EV = 0.4
"""Steps that differ less are equal ones, rounded."""

LEAST_SPAN_EV = {"auto": 0.5, "dialled": 0.9, "manual": 0.9, "metered": 1.2}
"""What a bracket spans at least."""

LONGEST_PAUSE_S = {"auto": 20.0, "dialled": 20.0, "manual": 30.0, "metered": 3.0}
"""Between the end of one exposure and the start of the next. People who set each exposure by hand take their time."""

LONGEST_PAUSE_IN_A_PAIR_S = 5.0
METERED_STEP_EV = 0.6
"""Exposures that nobody set vary by less from one frame to the next."""

SAME_FOCAL_LENGTH = 1.02
CLOCK_ERROR_S = 1.0
"""Times in whole seconds, or written late by a busy camera, may run backwards by this much."""

BRACKET_COST, UNEVEN_COST, UNORDERED_COST, PAIR_COST, START_COST = 1.0, 0.6, 0.2, 0.3, 0.1
PAUSE_COST_PER_S = 0.03
"""In frames: how many more a bracket must have to be preferred in spite of a cost. A bracket costs a frame, so that
none is torn apart to find room for a lone one; the longest pause costs less, so that steps go on over it."""


def pause_s(before: Shot, after: Shot) -> float | None:
    """Seconds between two shots beyond their exposures; a dark frame may follow a long one. None if unknown."""
    if before.clock_s is None or after.clock_s is None:
        return None
    exposures_s = 2.0 * (before.capture.exposure_time_s or 0.0) + (after.capture.exposure_time_s or 0.0)
    return max(after.clock_s - before.clock_s - exposures_s, min(after.clock_s - before.clock_s, 0.0))


def continues(before: Shot, after: Shot) -> bool:
    """Whether a shot may follow another in one bracket: alike in everything but exposure, and soon enough."""
    if not alike(before, after) or before.ev is None or after.ev is None or before.ev_source != after.ev_source:
        return False
    pause = pause_s(before, after)
    if pause is not None:
        return -CLOCK_ERROR_S <= pause <= max(LONGEST_PAUSE_S.values())
    if (before.clock_s is None) != (after.clock_s is None):
        return False
    return neighbours_by_name(before, after)


def alike(before: Shot, after: Shot, *, sizes: bool = True) -> bool:
    """Whether two frames are of one camera's one setting: size, encoding, focal length, exposure mode."""
    if before.header is None or after.header is None:
        return False
    one, other = before.header, after.header
    if sizes and (one.width, one.height, one.channels) != (other.width, other.height, other.channels):
        return False
    if one.linear != other.linear or one.dtype != other.dtype:
        return False
    mine, theirs = one.capture, other.capture
    if (mine.camera, mine.exposure_mode) != (theirs.camera, theirs.exposure_mode):
        return False
    if (mine.iso is None, mine.f_number is None) != (theirs.iso is None, theirs.f_number is None):
        return False
    if mine.focal_length_mm is None or theirs.focal_length_mm is None:
        return mine.focal_length_mm == theirs.focal_length_mm
    ratio = mine.focal_length_mm / theirs.focal_length_mm
    return 1 / SAME_FOCAL_LENGTH <= ratio <= SAME_FOCAL_LENGTH


def neighbours_by_name(before: Shot, after: Shot) -> bool:
    """Whether names alone make two files neighbours: one name counted on, or one name with several EVs."""
    if before.ev_source == "exposure.txt":
        return True
    if before.ev_source == "file name":
        return before.wording == after.wording
    mine, theirs = before.counter, after.counter
    if mine is None or theirs is None or mine[0] != theirs[0]:
        return False
    return theirs[1] - mine[1] in (0, 1) or (theirs[1] <= 1 and set(str(mine[1])) == {"9"})


def differ(before: Shot, after: Shot) -> bool:
    """Whether two frames can be in one bracket by their exposures: another EV, or another time with another ISO."""
    by_ev = before.ev is not None and after.ev is not None and abs(before.ev - after.ev) >= DISTINCT_EV
    times = before.shutter_ev, after.shutter_ev
    return by_ev or (None not in times and abs((times[0] or 0.0) - (times[1] or 0.0)) >= DISTINCT_EV)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A run of shots that can be one bracket."""

    score: float
    """In frames."""
    how: str
    """A key of LEAST_SPAN_EV: "auto", the camera says so; "dialled", exposure compensation was; "manual"; "metered"."""
    steps: tuple[float, ...]
    """EV of each frame beyond the first one's."""
    centre_ev: float | None = None
    """Middle of the shifts that the camera states; None where it states none."""


def judge(shots: Sequence[Shot]) -> Verdict | None:
    """Judge two and more shots, each of which `continues` the one before; None where they form no bracket."""
    evs = [shot.ev for shot in shots if shot.ev is not None]
    ladder = ladder_of(shots)
    shifts = [_shift(shot) for shot in shots]
    how = _how(shots, evs, shifts)
    if ladder is None or how is None or max(evs) - min(evs) < LEAST_SPAN_EV[how]:
        return None
    pauses = [pause for pair in itertools.pairwise(shots) if (pause := pause_s(*pair)) is not None]
    longest = LONGEST_PAUSE_IN_A_PAIR_S if len(shots) == 2 and how != "auto" else LONGEST_PAUSE_S[how]
    if max(pauses, default=0.0) > longest or (how != "auto" and not one_aperture(shots)):
        return None
    widths = [after - before for before, after in itertools.pairwise(sorted(ladder))]
    even = max(widths) - min(widths) <= EVEN_EV
    monotone, centred = is_monotone(ladder), is_centred(ladder)
    in_order = monotone or (even and centred)
    sorted_names = shots[0].ev_source in ("file name", "exposure.txt") and shots[0].clock_s is None
    told = how == "auto" and None not in shifts and len(set(shifts)) == len(shots)
    if not (told or in_order or (even and (sorted_names or how in ("auto", "dialled")))):
        return None
    if how == "metered" and (len(shots) < 3 or not even or not in_order or min(widths) < METERED_STEP_EV):
        return None
    score = len(shots) - BRACKET_COST - PAUSE_COST_PER_S * sum(max(pause, 0.0) for pause in pauses)
    score -= 0.0 if even else UNEVEN_COST
    score -= 0.0 if in_order else UNORDERED_COST
    score -= PAIR_COST if len(shots) == 2 else 0.0
    score -= 0.0 if shifts[0] == 0.0 or shots[0].capture.bracket_shot == 1 else START_COST
    stated = [shift for shift in shifts if shift is not None] if how in ("auto", "dialled") else []
    centre_ev = (min(stated) + max(stated)) / 2 if len(set(stated)) > 1 else None
    return Verdict(score=score, how=how, steps=tuple(ev - ladder[0] for ev in ladder), centre_ev=centre_ev)


def ladder_of(shots: Sequence[Shot]) -> list[float] | None:
    """What the steps are taken of: EVs, or times where ISO follows them; None where both repeat."""
    for rungs in ([shot.ev for shot in shots], [shot.shutter_ev for shot in shots]):
        known = [rung for rung in rungs if rung is not None]
        ordered = sorted(known)
        if len(known) == len(shots) and all(b - a >= DISTINCT_EV for a, b in itertools.pairwise(ordered)):
            return known
    return None


def is_monotone(ladder: Sequence[float]) -> bool:
    """Whether exposures only rise or only fall."""
    return list(ladder) in (sorted(ladder), sorted(ladder, reverse=True))


def is_centred(ladder: Sequence[float]) -> bool:
    """Whether the middle exposure comes first, as in 0 - + and 0 -2 -1 +1 +2."""
    return len(ladder) % 2 == 1 and sorted(ladder)[len(ladder) // 2] == ladder[0]


def one_aperture(shots: Sequence[Shot]) -> bool:
    """Whether the f-number stays."""
    return len({shot.capture.f_number for shot in shots}) == 1


def _how(shots: Sequence[Shot], evs: Sequence[float], shifts: Sequence[float | None]) -> str | None:
    """Who varied the exposure; None where the camera's own marks speak against one bracket."""
    numbers = [shot.capture.bracket_shot for shot in shots]
    if any(numbers) and any(b != (a or 0) + 1 for a, b in itertools.pairwise(numbers)):
        return None
    by_shift = None not in shifts and len(set(shifts)) > 1
    if by_shift and not _ranked_alike(evs, [shift or 0.0 for shift in shifts]):
        return None
    mode = shots[0].capture.exposure_mode
    if mode == "bracket":
        return "auto"
    if by_shift:
        return "dialled"
    return "metered" if mode == "auto" else "manual"


def _ranked_alike(evs: Sequence[float], shifts: Sequence[float]) -> bool:
    """Whether no two shifts are equal, and a higher one never gives a lower exposure."""
    ordered = sorted(zip(shifts, evs, strict=True))
    return all(b[0] - a[0] > DISTINCT_EV and b[1] >= a[1] - EVEN_EV for a, b in itertools.pairwise(ordered))


def _shift(shot: Shot) -> float | None:
    """How far the exposure was moved on purpose: the maker note's word, else EXIF's bias."""
    capture = shot.capture
    return capture.exposure_bias_ev if capture.bracket_shift_ev is None else capture.bracket_shift_ev

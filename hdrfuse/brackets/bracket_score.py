"""Evidence that consecutive shots are one bracket, and how strong it is: the camera's word, steps, order, pauses."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hdrfuse.brackets.repeated_exposures import Place, distinct_rungs, place_of_repeats, snap_rungs
from hdrfuse.brackets.shots import Shot
from hdrfuse.formats.orientation import stored_size

DISTINCT_EV = 0.19
"""Frames of a bracket differ at least so much: a third of a stop, as cameras round 1/13 s and 1/15 s."""

EVEN_EV, EVEN_SHARE = 0.4, 0.3
"""Steps that differ less, or less than this share of them, are equal ones: shutters are set in thirds of a stop."""

NEARLY_EVEN = 2.5
"""How many times as wide one step may be as another where the camera says that it brackets."""

LEAST_SPAN_EV = {"auto": 0.5, "dialled": 0.9, "manual": 0.9, "unsaid": 0.9, "metered": 1.2}
"""What a bracket spans at least, by who varied the exposure."""

LONGEST_PAUSE_S = {"auto": 20.0, "dialled": 20.0, "manual": 30.0, "unsaid": 10.0, "metered": 3.0}
"""Between the end of one exposure and the start of the next. People who set each exposure by hand take their time."""

LONGEST_PAUSE_IN_A_PAIR_S = 5.0
METERED_STEP_EV = 0.6
"""Exposures that nobody set vary by less from one frame to the next."""

SAME_FOCAL_LENGTH = 1.02
CLOCK_ERROR_S = 1.0
"""Times in whole seconds, or written late by a busy camera, may run backwards by this much."""

SOONEST_TURN_S = 2.0
"""Sooner after a frame nobody has turned the camera: another orientation is its sensor's mistake."""

BRACKET_COST, UNEVEN_COST, UNORDERED_COST, PAIR_COST, START_COST, REPEAT_COST = 1.0, 0.6, 0.2, 0.3, 0.1, 0.1
PAUSE_COST_PER_S, PAUSE_BY_HAND_COST_PER_S, LONGEST_PAUSE_COST = 0.1, 0.03, 0.8
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
    if one.channels != other.channels and sizes:
        return False
    if sizes and (one.width, one.height) != (other.width, other.height) and not _is_turned_by_mistake(before, after):
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


def _is_turned_by_mistake(before: Shot, after: Shot) -> bool:
    """Whether two frames are stored alike and follow faster than anybody turns a camera."""
    if before.header is None or after.header is None or stored_size(before.header) != stored_size(after.header):
        return False
    pause = pause_s(before, after)
    return pause is None or pause <= SOONEST_TURN_S


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
    """Whether two frames can be in one bracket by their exposures.

    They have another EV, another time with another ISO, or another shift of a camera that came to its longest time.
    """
    by_ev = before.ev is not None and after.ev is not None and abs(before.ev - after.ev) >= DISTINCT_EV
    return by_ev or any(
        mine is not None and theirs is not None and abs(mine - theirs) >= DISTINCT_EV
        for mine, theirs in ((before.shutter_ev, after.shutter_ev), (before.shift_ev, after.shift_ev))
    )


@dataclass(frozen=True, kw_only=True)
class BracketScore:
    """A run of shots that can be one bracket."""

    score: float
    """In frames."""
    how: str
    """A key of LEAST_SPAN_EV: "auto", the camera itself; "dialled", exposure compensation; "manual"; "metered"."""
    steps: tuple[float, ...]
    """EV of each frame beyond the first one's."""
    centre_ev: float | None = None
    """Middle of the shifts that the camera states; None where it states none."""
    repeats: Place = "none"
    """Where an exposure comes twice; `grouping` asks for more evidence then."""


def judge(shots: Sequence[Shot]) -> BracketScore | None:
    """Judge two and more shots, each of which `continues` the one before; None where they form no bracket."""
    shifts = stated_shifts(shots)
    how = _how(shots, shifts)
    ladder = ladder_of(shots, shifts)
    evs = [shot.ev for shot in shots if shot.ev is not None]
    repeats = None if ladder is None else place_of_repeats(ladder, DISTINCT_EV)
    if how is None or ladder is None or repeats is None or max(evs) - min(evs) < LEAST_SPAN_EV[how]:
        return None
    pauses_s = [max(pause, 0.0) for pair in itertools.pairwise(shots) if (pause := pause_s(*pair)) is not None]
    longest_s = LONGEST_PAUSE_IN_A_PAIR_S if len(shots) == 2 and how != "auto" else LONGEST_PAUSE_S[how]
    if max(pauses_s, default=0.0) > longest_s or (how != "auto" and not one_aperture(shots)):
        return None
    rungs = distinct_rungs(ladder, DISTINCT_EV)
    widths = [after - before for before, after in itertools.pairwise(rungs)]
    even = max(widths) - min(widths) <= max(EVEN_EV, EVEN_SHARE * sum(widths) / len(widths))
    nearly_even = even or (how == "auto" and max(widths) <= NEARLY_EVEN * min(widths))
    ordered = is_monotone(ladder) or (is_centred(ladder) and nearly_even)
    listed = shots[0].ev_source in ("file name", "exposure.txt") and shots[0].clock_s is None  # by name: - 0 + or + - 0
    told = how in ("auto", "dialled") and shifts is not None
    if not (ordered or told or (even and listed)):
        return None
    if repeats != "none" and not (ordered and _repeats_in_time(shots)):
        return None
    if how in ("metered", "unsaid") and (len(rungs) < 3 or not even or min(widths) < METERED_STEP_EV):
        return None
    first = shots[0].capture
    cost_per_s = PAUSE_BY_HAND_COST_PER_S if how == "manual" else PAUSE_COST_PER_S
    cost = (
        BRACKET_COST
        + UNEVEN_COST * (not even)
        + UNORDERED_COST * (not ordered)
        + PAIR_COST * (len(shots) == 2)
        + REPEAT_COST * (repeats != "none")
        + START_COST * (shots[0].shift_ev != 0.0 and first.bracket_shot != 1)
        + sum(min(cost_per_s * pause, LONGEST_PAUSE_COST) for pause in pauses_s)
    )
    centre_ev = (min(ladder) + max(ladder)) / 2 if told else None
    steps = tuple(rung - ladder[0] for rung in ladder)
    return BracketScore(score=len(shots) - cost, how=how, steps=steps, centre_ev=centre_ev, repeats=repeats)


def ladder_of(shots: Sequence[Shot], shifts: list[float] | None) -> list[float] | None:
    """What the steps are taken of: the `shifts` that the camera states, else EVs, else times where ISO follows them.

    EVs some of which are equal are the last resort.
    The camera's word comes first because it is exact: times are rounded, and end at the longest or shortest it has.
    """
    if shifts is not None:
        return shifts
    for rungs in ([shot.ev for shot in shots], [shot.shutter_ev for shot in shots]):
        known = [rung for rung in rungs if rung is not None]
        ordered = sorted(known)
        if len(known) == len(shots) and all(b - a >= DISTINCT_EV for a, b in itertools.pairwise(ordered)):
            return known
    evs = [shot.ev for shot in shots if shot.ev is not None]
    return snap_rungs(evs, DISTINCT_EV) if len(evs) == len(shots) else None


def stated_shifts(shots: Sequence[Shot]) -> list[float] | None:
    """How far each exposure was moved, if the camera says it of all, no two are equal and EVs rise with them."""
    shifts = [shot.shift_ev for shot in shots if shot.shift_ev is not None]
    if len(shifts) < len(shots):
        return None
    pairs = sorted((shift, shot.ev) for shift, shot in zip(shifts, shots, strict=True) if shot.ev is not None)
    rising = all(b[0] - a[0] >= DISTINCT_EV and b[1] >= a[1] - EVEN_EV for a, b in itertools.pairwise(pairs))
    return shifts if rising and len(pairs) == len(shots) else None


def is_monotone(ladder: Sequence[float]) -> bool:
    """Whether exposures only rise or only fall."""
    return list(ladder) in (sorted(ladder), sorted(ladder, reverse=True))


def is_centred(ladder: Sequence[float]) -> bool:
    """Whether the middle exposure comes first and each side in order, as in 0 - +, 0 -1 +1 -2 +2, 0 -2 -1 +1 +2."""
    if len(ladder) % 2 == 0 or sorted(ladder)[len(ladder) // 2] != ladder[0]:
        return False
    below, above = ([rung for rung in ladder[1:] if (rung < ladder[0]) is side] for side in (True, False))
    return is_monotone(below) and is_monotone(above)


def _repeats_in_time(shots: Sequence[Shot]) -> bool:
    """Whether equal exposures follow each other no later than others do: a pause parts what only looks like one."""
    pauses = [(pause_s(*pair), differ(*pair)) for pair in itertools.pairwise(shots)]
    longest_s = max((pause for pause, parted in pauses if parted and pause is not None), default=0.0)
    return all(parted or pause is None or pause <= longest_s + CLOCK_ERROR_S for pause, parted in pauses)


def one_aperture(shots: Sequence[Shot]) -> bool:
    """Whether the f-number stays."""
    return len({shot.capture.f_number for shot in shots}) == 1


def _how(shots: Sequence[Shot], shifts: list[float] | None) -> str | None:
    """Who varied the exposure; None where the camera's own marks speak against one bracket."""
    numbers = [shot.capture.bracket_shot for shot in shots]
    if any(numbers) and any(b != (a or 0) + 1 for a, b in itertools.pairwise(numbers)):
        return None
    mode = shots[0].capture.exposure_mode
    if len({shot.shift_ev for shot in shots}) > 1 and mode != "manual" and shifts is None:
        return None  # in manual mode some cameras write what their meter thinks
    if mode == "bracket":
        return "auto"
    if shifts is not None:
        return "dialled"
    if mode is None and shots[0].ev_source == "EXIF" and (shots[0].clock_s is not None or len(shots) == 2):
        return "unsaid"
    return "metered" if mode == "auto" else "manual"

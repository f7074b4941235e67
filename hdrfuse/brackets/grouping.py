"""Grouping: which consecutive shots of a camera are brackets, by the best division of all of them at once."""

import itertools
from collections.abc import Sequence

from hdrfuse.brackets.bracket_score import alike, continues, differ, is_centred, judge, pause_s
from hdrfuse.brackets.discovered import MOST_FRAMES
from hdrfuse.brackets.doubtful import Doubtful, halves_of
from hdrfuse.brackets.repeated_exposures import MOST_REPEATS
from hdrfuse.brackets.shots import Shot
from hdrfuse.brackets.spans import SAME_STEP_EV, Span, go_by, has_steps
from hdrfuse.formats.orientation import stored_size

PATTERN_GAIN = 0.4
"""What it counts, in frames, that steps are those of another bracket of the camera's."""

EQUAL_PAIR_COST, STRANGER_COST, COUNTED_PAUSE_COST_PER_S, MOST_COST = 0.6, 0.5, 0.02, 2.0
"""Against a group of a given number of frames: two of one exposure, other names' prefix, pauses."""


def brackets_of(shots: Sequence[Shot]) -> list[Span]:
    """Divide a camera's shots, in shooting order, into brackets; what is in none is left out."""
    candidates = _candidates(shots)
    chosen = _best_segmentation(len(shots), candidates)
    repeated = [
        span.bracket_score.steps
        for span in chosen
        if span.bracket_score
        and any(other is not span and has_steps(other, span.bracket_score.steps) for other in chosen)
    ]
    if repeated and len(repeated) < len(chosen):
        known = {tuple(round(step, 1) for step in steps): steps for steps in repeated}.values()
        favoured = [
            (span, score + PATTERN_GAIN * any(has_steps(span, steps) for steps in known))
            for span, score in candidates
            if not any(go_by(half, steps) for half in halves_of(span) for steps in known)
        ]
        chosen = _best_segmentation(len(shots), favoured)
    return [
        Span(
            start=span.start,
            end=span.end,
            bracket_score=span.bracket_score,
            complete=not _is_interrupted(index, chosen),
        )
        for index, span in enumerate(chosen)
    ]


def groups_of(shots: Sequence[Shot], count: int) -> list[Span]:
    """Divide a camera's shots into groups of `count`; single frames between them are left out where that fits better.

    A file that cannot be read counts as a frame: the scene that it is in fails and says so.
    """
    candidates = []
    for start in range(len(shots) - count + 1):
        cost = _counted_cost(shots[start : start + count])
        if cost is not None:
            candidates.append((Span(start=start, end=start + count), count - min(cost, MOST_COST) * count / 5))
    return _best_segmentation(len(shots), candidates)


def is_one_bracket(shots: Sequence[Shot]) -> bool:
    """Whether all shots are one bracket, sizes aside."""
    follow = all(alike(*pair, sizes=False) for pair in itertools.pairwise(shots))
    return len(shots) > 1 and follow and all(shot.ev is not None for shot in shots) and judge(shots) is not None


def _candidates(shots: Sequence[Shot]) -> list[tuple[Span, float]]:
    """Every run that can be a bracket, with its score."""
    certain: list[tuple[Span, float]] = []
    doubtful: list[tuple[Span, float]] = []
    for start in range(len(shots)):
        repeats = 0
        for end in range(start + 1, min(start + MOST_FRAMES, len(shots))):
            last = shots[end]
            repeats += not all(differ(shots[i], last) for i in range(start, end))
            if not continues(shots[end - 1], last) or repeats > MOST_REPEATS:
                break
            bracket_score = judge(shots[start : end + 1])
            if bracket_score is not None:
                span = Span(start=start, end=end + 1, bracket_score=bracket_score)
                (certain if bracket_score.repeats == "none" else doubtful).append((span, bracket_score.score))
    meant = Doubtful(shots, [span for span, _ in doubtful])
    return certain + [(span, score) for span, score in doubtful if meant.holds(span)]


def _best_segmentation(count: int, candidates: Sequence[tuple[Span, float]]) -> list[Span]:
    """Pick runs that do not overlap, of the highest sum of scores; of equal ones the earlier runs."""
    ending: list[list[tuple[Span, float]]] = [[] for _ in range(count + 1)]
    for span, score in candidates:
        ending[span.end].append((span, score))
    best: list[tuple[float, Span | None]] = [(0.0, None)]
    for end in range(1, count + 1):
        best.append((best[end - 1][0], None))
        for span, score in ending[end]:
            total = best[span.start][0] + score
            if score > 0.0 and total > best[end][0] + 1e-9:
                best[end] = (total, span)
    chosen, at = [], count
    while at > 0:
        span_here = best[at][1]
        if span_here is None:
            at -= 1
        else:
            chosen.append(span_here)
            at = span_here.start
    return chosen[::-1]


def _is_interrupted(index: int, spans: Sequence[Span]) -> bool:
    """Whether a run is some of a neighbour's longer pattern, in its order, and not whole in itself."""
    span = spans[index]
    around = [spans[other] for other in (index - 1, index + 1) if 0 <= other < len(spans)]
    repeats = any(other is not span and has_steps(other, span.steps) for other in spans)
    return not repeats and any(_is_part(span, whole) for whole in around)


def _is_part(span: Span, whole: Span) -> bool:
    own, all_of_it = (tuple(dict.fromkeys(each.steps)) for each in (span, whole))  # a repeated exposure is none more
    if len(own) >= len(all_of_it):
        return False
    if not any(_holds_in_turn(all_of_it[at:], [first + step for step in own]) for at, first in enumerate(all_of_it)):
        return False
    if len(own) % 2 != len(all_of_it) % 2:
        return True
    centres = [each.bracket_score.centre_ev if each.bracket_score else None for each in (span, whole)]
    if centres[0] is not None and centres[1] is not None:
        return abs(centres[0] - centres[1]) > SAME_STEP_EV / 2
    return is_centred(all_of_it) and not is_centred(own)


def _holds_in_turn(steps: Sequence[float], some: Sequence[float]) -> bool:
    """Whether some steps are among others in their order, perhaps with others between."""
    rest = iter(steps)
    return all(any(abs(step - each) <= SAME_STEP_EV for each in rest) for step in some)


def _counted_cost(shots: Sequence[Shot]) -> float | None:
    """Cost of a group, in frames; None where its frames cannot be merged."""
    read = [shot for shot in shots if shot.header is not None]
    sizes = {(shot.header.width, shot.header.height) for shot in read if shot.header}
    stored_sizes = {stored_size(shot.header) for shot in read if shot.header}
    exposed = [shot for shot in shots if shot.ev is not None]
    pairs = itertools.combinations(exposed, 2)
    equal = sum(not differ(*pair) for pair in pairs)
    if len(sizes) > 1 and len(stored_sizes) > 1:
        return None
    if len(exposed) == len(shots) and equal == len(shots) * (len(shots) - 1) // 2:
        return None
    cost = EQUAL_PAIR_COST * equal
    for before, after in itertools.pairwise(shots):
        pause = pause_s(before, after)
        cost += 0.0 if pause is None else COUNTED_PAUSE_COST_PER_S * abs(pause)
        if before.counter and after.counter and before.counter[0] != after.counter[0]:
            cost += STRANGER_COST
    return cost

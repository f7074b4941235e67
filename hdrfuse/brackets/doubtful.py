"""Doubtful runs: those that repeat an exposure may be one bracket, or two, a part of a burst, one and a single."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

from hdrfuse.brackets.bracket_score import CLOCK_ERROR_S, continues, differ, pause_s
from hdrfuse.brackets.repeated_exposures import LIMITS_S
from hdrfuse.brackets.shots import Shot
from hdrfuse.brackets.spans import Span, go_by, has_steps


class Doubtful:
    """All runs of a stream that repeat an exposure, which bear each other out."""

    def __init__(self, shots: Sequence[Shot], spans: Sequence[Span]) -> None:
        self.shots = shots
        self.by_length: dict[int, list[Span]] = defaultdict(list)
        self.by_start: dict[int, list[Span]] = defaultdict(list)
        self.by_end: dict[int, list[Span]] = defaultdict(list)
        for span in spans:
            self.by_length[span.length].append(span)
            self.by_start[span.start].append(span)
            self.by_end[span.end].append(span)
        self.best: dict[int, Span] = {}
        """Of the runs around two equal frames in the middle the one of the highest score, by the second frame."""
        for span in spans:
            if (at := _second_equal(span)) is not None:
                known = self.best.get(span.start + at)
                if known is None or _score(span) > _score(known):
                    self.best[span.start + at] = span

    def holds(self, span: Span) -> bool:
        """Whether a run is one bracket.

        Its exposures go on past two equal ones in the middle by unlike halves; or the camera came to its shortest or
        longest time; or the same run comes again, each set apart. Nobody sets what is metered: that must come again.
        """
        if span.bracket_score is None or self._borders_on_equal(span):
            return False
        if span.bracket_score.how != "metered":
            at = _second_equal(span)
            if at is not None and self.best[span.start + at] is span and not go_by(*halves_of(span)):
                return True
            if span.bracket_score.repeats == "end" and is_at_a_limit(self.shots[span.start : span.end]):
                return True
        return self._is_set_apart(span) and any(
            (other.end <= span.start or other.start >= span.end)
            and has_steps(other, span.steps)
            and self._is_set_apart(other)
            for other in self.by_length[span.length]
        )

    def _borders_on_equal(self, span: Span) -> bool:
        """Whether frames of the exposure at an end go on beyond it."""
        return any(self._go_on(at) and not differ(self.shots[at - 1], self.shots[at]) for at in (span.start, span.end))

    def _is_set_apart(self, span: Span) -> bool:
        """Whether longer pauses than its own lie around a run, or runs that go by the same steps."""
        own = self.shots[span.start : span.end]
        longest_s = max(pause_s(*pair) or 0.0 for pair in itertools.pairwise(own))
        for at, neighbours in ((span.start, self.by_end[span.start]), (span.end, self.by_start[span.end])):
            if not self._go_on(at) or any(has_steps(other, span.steps) for other in neighbours):
                continue
            pause = pause_s(self.shots[at - 1], self.shots[at])
            if pause is None or pause <= longest_s + CLOCK_ERROR_S:
                return False
        return True

    def _go_on(self, at: int) -> bool:
        """Whether the shot at a place may belong to the one before it."""
        return 0 < at < len(self.shots) and continues(self.shots[at - 1], self.shots[at])


def halves_of(span: Span) -> list[list[float]]:
    """Steps before and behind two equal frames in the middle of a bracket; nothing where there are none."""
    at, steps = _second_equal(span), span.steps
    return [] if at is None else [[*steps[:at]], [step - steps[at] for step in steps[at:]]]


def _second_equal(span: Span) -> int | None:
    """Place of the second of two equal frames that follow each other in the middle of a bracket."""
    if span.bracket_score is None or span.bracket_score.repeats != "middle":
        return None
    return next((at for at in range(1, span.length) if span.steps[at] == span.steps[at - 1]), None)


def _score(span: Span) -> float:
    return span.bracket_score.score if span.bracket_score else 0.0


def is_at_a_limit(shots: Sequence[Shot]) -> bool:
    """Whether frames of equal exposure are as short or as long as shutters go."""
    equal = [shot for shot in shots if any(other is not shot and not differ(other, shot) for other in shots)]
    times_s = [shot.capture.exposure_time_s or 1.0 for shot in equal]
    return max(times_s) <= LIMITS_S[0] or min(times_s) >= LIMITS_S[1]

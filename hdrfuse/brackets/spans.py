"""Spans: runs of a camera's shots, and whether they go by the same steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from hdrfuse.brackets.bracket_score import BracketScore

SAME_STEP_EV = 0.35


@dataclass(frozen=True, kw_only=True)
class Span:
    """Shots `start` to `end` (not included) of a stream."""

    start: int
    end: int
    bracket_score: BracketScore | None = None
    complete: bool = True
    """False for a part of a bracket whose neighbour shows what is missing."""

    @property
    def length(self) -> int:
        """Number of frames."""
        return self.end - self.start

    @property
    def steps(self) -> tuple[float, ...]:
        """EV of each frame beyond the first one's; none where nobody judged them."""
        return self.bracket_score.steps if self.bracket_score else ()


def has_steps(span: Span, steps: Sequence[float]) -> bool:
    """Whether a bracket goes by these steps, in their order."""
    return go_by(span.steps, steps)


def go_by(own: Sequence[float], steps: Sequence[float]) -> bool:
    """Whether steps are the same, in the same order."""
    return len(own) == len(steps) and all(abs(a - b) <= SAME_STEP_EV for a, b in zip(own, steps, strict=True))

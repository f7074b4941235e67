"""Limits of settings: which numbers a constant may be, beside the field that holds it.

A number must be above 0 unless its field is annotated otherwise: lengths, variances and counts of nothing leave
nothing defined.
"""

import math
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Annotated, get_type_hints

from hdrfuse.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What every number of a setting must be."""

    zero: bool = False
    """Whether it may be 0."""
    negative: bool = False
    """Whether it may be less."""
    rising: bool = False
    """Whether each of several must be larger than the one before."""

    def allow(self, value: float | tuple[float, ...]) -> bool:
        """Whether a setting may have a value."""
        numbers = value if isinstance(value, tuple) else (value,)
        signs = all(number > 0 or (number == 0 and self.zero) or (number < 0 and self.negative) for number in numbers)
        rises = all(later > earlier for earlier, later in pairwise(numbers))
        return signs and all(map(math.isfinite, numbers)) and (rises or not self.rising)

    def __str__(self) -> str:
        """In words, as a message has them."""
        sign = "any number" if self.negative else "0 or more" if self.zero else "more than 0"
        return f"{sign}, each larger than the one before" if self.rising else sign


NotNegative = Annotated[float, Limits(zero=True)]
"""For what is added or multiplied with: 0 turns it off."""

Range = Annotated[tuple[float, float], Limits(zero=True, rising=True)]
"""From one number to a larger one."""

ANY_SIGN = Limits(zero=True, negative=True)


class Settings:
    """Base of frozen dataclasses of numbers, which are checked when an instance is made."""

    def __post_init__(self) -> None:
        """Raise UsageError for a value that its field may not have."""
        for each in fields(self):  # type: ignore[arg-type] # those that name this base are dataclasses
            check_limits(type(self), each.name, getattr(self, each.name))


def check_limits(settings: type, name: str, value: float | tuple[float, ...]) -> None:
    """Raise UsageError for a value that a field of a dataclass may not have."""
    hint = get_type_hints(settings, include_extras=True)[name]
    limits = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Limits)), Limits())
    if not limits.allow(value):
        shown = ":".join(f"{number:g}" for number in value) if isinstance(value, tuple) else f"{value:g}"
        raise UsageError(f"{name} {shown}: {limits} was expected")

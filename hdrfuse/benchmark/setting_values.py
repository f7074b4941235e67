"""Values of settings: which constants there are, what may be tried instead, and another value for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from threading import Lock
from typing import Any

import numpy as np

from hdrfuse.deghosting.blend_settings import BLEND
from hdrfuse.deghosting.coarse_to_fine import COARSE_TO_FINE
from hdrfuse.errors import UsageError
from hdrfuse.imaging.calibration.black import BLACK
from hdrfuse.imaging.calibration.correspondences import TONE_PAIRS
from hdrfuse.imaging.calibration.fit import FIT
from hdrfuse.imaging.calibration.spacing import SPACING
from hdrfuse.imaging.calibration.white_level import WHITE_LEVEL
from hdrfuse.imaging.merging.color_mapping import COLOR_MAPPING
from hdrfuse.imaging.merging.consistency_settings import CONSISTENCY
from hdrfuse.imaging.merging.ghosts import GHOSTS
from hdrfuse.imaging.merging.highlights import CLIPPING, HIGHLIGHTS
from hdrfuse.imaging.merging.scatter import SCATTER
from hdrfuse.imaging.merging.structure import STRUCTURE
from hdrfuse.imaging.merging.weights import WEIGHTS
from hdrfuse.imaging.preparation import PREPARATION
from hdrfuse.imaging.radiometry import NOISE
from hdrfuse.imaging.registration.matching_settings import MATCHING
from hdrfuse.imaging.registration.motion_settings import MOTION
from hdrfuse.imaging.registration.register import REGISTRATION
from hdrfuse.setting_limits import check_limits

Value = float | tuple[float, ...]

SETTINGS: Mapping[str, Any] = {
    "black": BLACK,
    "blend": BLEND,
    "clipping": CLIPPING,
    "coarse_to_fine": COARSE_TO_FINE,
    "color_mapping": COLOR_MAPPING,
    "consistency": CONSISTENCY,
    "fit": FIT,
    "ghosts": GHOSTS,
    "highlights": HIGHLIGHTS,
    "matching": MATCHING,
    "motion": MOTION,
    "noise": NOISE,
    "preparation": PREPARATION,
    "registration": REGISTRATION,
    "scatter": SCATTER,
    "spacing": SPACING,
    "structure": STRUCTURE,
    "tone_pairs": TONE_PAIRS,
    "weights": WEIGHTS,
    "white_level": WHITE_LEVEL,
}
"""Groups of settings by name: the frozen instances that functions have as their defaults."""

FACTORS = (0.5, 1.0, 2.0)
"""Values that are measured where none are named, as multiples of the one in use."""

_ONE_AT_A_TIME = Lock()


def setting_names(name: str) -> list[str]:
    """Settings `group.field` that a name stands for, a group's for all of its fields.

    Raises UsageError for a name that is none.
    """
    group, _, field = name.partition(".")
    known = [each.name for each in fields(SETTINGS[group])] if group in SETTINGS else []
    if field in known:
        return [name]
    if known and not field:
        return [f"{group}.{each}" for each in known]
    expected = f"one of {group}'s: {', '.join(known)}" if known else f"GROUP.NAME, of {', '.join(SETTINGS)}"
    raise UsageError(f"--setting {name}: {expected} was expected")


def value_of(name: str) -> Value:
    """Value in use."""
    group, _, field = name.partition(".")
    value: Value = getattr(SETTINGS[group], field)
    return value


def parse_values(text: str, name: str) -> list[Value]:
    """Read values of a setting such as `1,2.5`, or `0.1:0.5,0.2:0.6` where it has two numbers.

    Raises UsageError for anything else, and for a value that the setting may not have.
    """
    like = value_of(name)
    size = len(like) if isinstance(like, tuple) else 1
    try:
        found = [tuple(float(number) for number in value.split(":")) for value in text.split(",")]
    except ValueError:
        found = []
    if not found or any(len(value) != size or not np.isfinite(value).all() for value in found):
        form = "numbers with commas between" if size == 1 else f"{size} numbers with colons between, or several such"
        raise UsageError(f"--values {text}: {form} were expected")
    values = [_typed(value, like) for value in found]
    for value in values:
        _check(name, value)
    return values


def tried_values(name: str, text: str | None) -> list[Value]:
    """Values of a setting to be measured, the one in use among them, in order. Raises UsageError."""
    in_use = value_of(name)
    numbers = in_use if isinstance(in_use, tuple) else (in_use,)
    if text is not None:
        found = parse_values(text, name)
    else:
        found = [_typed(tuple(factor * number for number in numbers), in_use, least=1) for factor in FACTORS]
    return sorted({*found, in_use}, key=lambda value: value if isinstance(value, tuple) else (value,))


@contextmanager
def varied(name: str, value: Value) -> Iterator[None]:
    """Let a setting have another value for a while, in the whole process, one setting at a time.

    Frozen instances are the defaults of many functions, so it is their field that changes, not a name; and a merge's
    own threads see it, as they would not see a context's. Other threads that vary one wait. Raises UsageError for a
    value that the setting may not have.
    """
    group, _, field = name.partition(".")
    _check(name, value)
    with _ONE_AT_A_TIME:
        in_use = value_of(name)
        object.__setattr__(SETTINGS[group], field, value)
        try:
            yield
        finally:
            object.__setattr__(SETTINGS[group], field, in_use)


def shown(value: Value) -> str:
    """A value as `--values` spells it."""
    return ":".join(f"{number:g}" for number in (value if isinstance(value, tuple) else (value,)))


def _check(name: str, value: Value) -> None:
    group, _, field = name.partition(".")
    try:
        check_limits(type(SETTINGS[group]), field, value)
    except UsageError as error:
        raise UsageError(f"--values: {group}.{error}") from None


def _typed(value: tuple[float, ...], like: Value, *, least: int | None = None) -> Value:
    """A value with whole numbers where the setting's are, of `least` at least if that is given."""
    numbers = like if isinstance(like, tuple) else (like,)
    typed = tuple(
        (round(number) if least is None else max(round(number), least)) if isinstance(each, int) else float(number)
        for number, each in zip(value, numbers, strict=True)
    )
    return typed if isinstance(like, tuple) else typed[0]

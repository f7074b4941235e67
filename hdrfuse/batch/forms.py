"""Forms: what the lines of a journal must look like, so that nothing behind has to doubt them."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

Form = Callable[[Any], bool]
"""Whether a value out of JSON is as it should be."""

DEEPEST = 16
"""Lists and objects in each other; a merge's report goes 5 deep."""

LARGEST_COUNT = 2**63
LARGEST_PID = 2**31


def is_shallow(value: object) -> bool:
    """Whether a value is nested no deeper than DEEPEST: what is written out again goes by recursion."""
    level = [value]
    for _ in range(DEEPEST):
        level = [each for outer in level for each in _held_by(outer)]
    return not level


def is_text(value: object) -> bool:
    """Whether it is text that can be a file's name and be written to a page."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def is_moment(value: object) -> bool:
    """Whether it is a date and time in ISO 8601."""
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_count(value: object) -> bool:
    """Whether it is a whole number, 0 or more, of 64 bits."""
    return type(value) is int and 0 <= value < LARGEST_COUNT


def is_process(value: object) -> bool:
    """Whether it can be a process's number."""
    return type(value) is int and 0 < value < LARGEST_PID


def is_number(value: object) -> bool:
    """Whether it is a number, whole or not."""
    return isinstance(value, float) or (type(value) is int and abs(value) < LARGEST_COUNT)


def is_duration(value: object) -> bool:
    """Whether it is a number of seconds."""
    return isinstance(value, int | float) and is_number(value) and math.isfinite(value) and value >= 0


def optional(form: Form) -> Form:
    """None, or what the form says."""
    return lambda value: value is None or form(value)


def many(form: Form) -> Form:
    """Any number of values of a form."""
    return lambda value: isinstance(value, list) and all(map(form, value))


def mapping(form: Form) -> Form:
    """Values of a form by text."""
    return lambda value: isinstance(value, dict) and all(is_text(key) and form(each) for key, each in value.items())


def fields(**forms: Form) -> Form:
    """Values by name, each of its form; what else there is is of no account. A missing one counts as None."""
    return lambda value: isinstance(value, dict) and all(form(value.get(name)) for name, form in forms.items())


def _held_by(value: object) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


FILE = fields(name=is_text, size=is_count, mtime_ns=is_number, sha256=is_text)

FRAME = fields(
    name=is_text,
    ev=is_number,
    ev_source=is_text,
    gain_ev=is_number,
    noise=fields(shot=is_number, read=is_number),
    ghost_fraction=is_number,
    shift_px=optional(is_number),
    registration=optional(is_text),
    ev_interval=optional(lambda value: many(is_number)(value) and len(value) == 2),
    path=optional(is_text),
    capture=fields(
        exposure_time_s=optional(is_number),
        f_number=optional(is_number),
        iso=optional(is_number),
        exposure_bias_ev=optional(is_number),
        captured_at=optional(is_moment),
        camera=optional(is_text),
        lens=optional(is_text),
        focal_length_mm=optional(is_number),
        body_serial=optional(is_text),
        exposure_mode=optional(is_text),
        bracket_shift_ev=optional(is_number),
        bracket_shot=optional(is_count),
    ),
)


def is_report(value: object) -> bool:
    """Whether it is a merge's report, as `MergeReport.from_json` reads it; 0.1.0 wrote no `unseen_fraction`."""
    return _REPORT(value) and isinstance(value, dict) and value["reference"]["index"] < len(value["inputs"])


_REPORT = fields(
    hdrfuse=is_text,
    scene=is_text,
    method=is_text,
    inputs=many(FRAME),
    reference=fields(index=is_count),
    size=lambda value: isinstance(value, list) and len(value) == 2 and all(map(is_count, value)),
    response=fields(curve=is_text, residual_ev=optional(is_number), srgb_residual_ev=optional(is_number)),
    ghost_fraction=is_number,
    filled_fraction=is_number,
    unseen_fraction=optional(is_number),
    outputs=mapping(is_text),
    warnings=many(is_text),
    seconds=mapping(is_duration),
    peak_memory_mb=optional(is_number),
    network=optional(
        fields(
            weights=is_text,
            sha256=is_text,
            frames=many(is_text),
            share=is_number,
            tile_px=is_count,
            tiles=is_count,
            settled_tiles=is_count,
            device=is_text,
            precision=is_text,
            prior=optional(is_text),
        )
    ),
)

LINES: dict[str, Form] = {
    "run": fields(root=is_text, settings=is_text, pid=is_process),
    "begun": fields(scene=is_text, root=is_text, captured_at=optional(is_moment), outputs=many(is_text)),
    "done": fields(
        scene=is_text, settings=is_text, inputs=many(FILE), outputs=mapping(is_count),
        written=optional(mapping(FILE)), report=is_report,
    ),
    "failed": fields(scene=is_text, reason=is_text),
}  # fmt: skip
"""By the line's event. An event that a later version adds is of no account."""


def is_line(value: object) -> bool:
    """Whether it is what a batch writes into a line."""
    if not isinstance(value, dict) or not isinstance(value.get("event"), str) or not is_shallow(value):
        return False
    form = LINES.get(value["event"])
    return form is None or form(value)

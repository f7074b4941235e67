"""`hdrfuse info`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import console_of
from hdrfuse.errors import BracketError
from hdrfuse.text import in_columns

if TYPE_CHECKING:
    from hdrfuse.inspection import BracketInspection

MOST_SHOWN = 12
"""Items of a list."""

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|SCENE...", show_default=False,
        help="A folder or several files: a bracket. One file: a picture, a merged result or a weights file.",
    ),
]  # fmt: skip


def info(
    context: typer.Context,
    files: FilesArgument,
    exposures: o.StatedExposuresOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Show what hdrfuse reads from files: exposures and where they come from, sizes, colours, EXIF, ranges.

    Example: hdrfuse info shots/beach
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.brackets.exposure import parse_evs  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.inspection import BracketInspection, inspect

    inspection = inspect(files, exposures=None if exposures is None else parse_evs(exposures))
    bracket = inspection if isinstance(inspection, BracketInspection) else None
    if json:
        console.json(inspection.as_json())
    else:
        console.result(*(described(inspection.as_json()) if bracket is None else frame_table(bracket)))
    for warning in () if bracket is None else bracket.warnings:
        console.warn(warning)
    if bracket is not None and bracket.problem:
        raise BracketError(bracket.problem)


def frame_table(bracket: "BracketInspection") -> list[str]:
    """One line a frame, in columns as wide as their contents."""
    rows = [("", "EV", "from", "time", "f", "ISO", "size", "bits", "colours", "camera")]
    for file, exposure in zip(bracket.files, bracket.exposures or [None] * len(bracket.files), strict=True):
        header, capture = file.header, file.header.capture
        rows.append((
            header.path.name,
            "-" if exposure is None else f"{exposure.ev:+.2f}",
            "-" if exposure is None else exposure.source,
            shutter(capture.exposure_time_s),
            "-" if capture.f_number is None else f"{capture.f_number:g}",
            "-" if capture.iso is None else f"{capture.iso:g}",
            f"{header.width} x {header.height}",
            f"{file.bits}{' linear' if header.linear else ''}",
            file.color_space or "own primaries",
            capture.camera or "-",
        ))  # fmt: skip
    return in_columns(rows)


def described(report: dict[str, Any]) -> list[str]:
    """One line a fact, nested ones under dotted names."""
    facts = dict(flat(report))
    width = max(map(len, facts))
    return [f"{name.ljust(width)}  {value}" for name, value in facts.items()]


def flat(report: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Names and values of a nested report, those left out that are not known."""
    facts = []
    for name, value in report.items():
        if isinstance(value, dict):
            facts += flat(value, f"{prefix}{name}.")
        elif value is not None:
            facts.append((prefix + name, shown(value)))
    return facts


def shown(value: object) -> str:
    """A fact in a line: of a long list its ends, of a list of records the last."""
    match value:
        case float():
            return f"{value:.6g}"
        case dict():
            return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
        case [*records, dict(last)]:
            return f"{len(records) + 1}, the last: {shown(last)}"
        case [first, second, *others, last] if len(others) > MOST_SHOWN:
            return f"{len(others) + 3}: {shown(first)} {shown(second)} ... {shown(last)}"
        case list() | tuple():
            return " ".join(map(shown, value))
        case _:
            return str(value)


def shutter(time_s: float | None) -> str:
    """An exposure time as cameras show it: 1/60, 0.5, 2."""
    if time_s is None:
        return "-"
    return f"1/{1 / time_s:.0f}" if time_s < 0.3 else f"{time_s:g}"

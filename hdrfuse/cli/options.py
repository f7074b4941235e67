"""The options that commands share and no dataclass holds, each with its help."""

import math
from pathlib import Path
from typing import Annotated

import typer

from hdrfuse.cli.method_option import complete_method, help_methods, known_method, list_methods
from hdrfuse.command_option import INPUT, OUTPUT, CommandOption
from hdrfuse.formats.writers import default_writer, known_writers


def finite(number: float | None) -> float | None:
    """Refuse what no range of Typer's does: NaN, and infinity where there is no upper limit."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} was found; expected a finite number")
    return number


SceneArgument = Annotated[
    list[Path], typer.Argument(metavar="SCENE...", help="A folder, or two and more image files.", show_default=False)
]
ExposuresOption = Annotated[
    str | None,
    typer.Option(
        metavar="EV,EV,...|estimate",
        help="Exposures, e.g. -2,0,2, in the order of the files (a folder's in natural order), or estimate: measured "
        "in the pictures, with their uncertainty; overrides everything.",
        rich_help_panel=INPUT,
    ),
]
StatedExposuresOption = Annotated[
    str | None,
    typer.Option(
        "--exposures",
        metavar="EV,EV,...",
        help="Exposures, e.g. -2,0,2, in the order of the files (a folder's in natural order); overrides everything.",
        rich_help_panel=INPUT,
    ),
]
ReferenceOption = Annotated[
    str,
    typer.Option(
        metavar="auto|INDEX|NAME",
        help="The frame whose motion the result shows: the middle exposure, 0-based in exposure order, or a name.",
        rich_help_panel=INPUT,
    ),
]
MethodOption = Annotated[
    str, CommandOption(help_methods, metavar=list_methods, check=known_method, complete=complete_method)
]

OutOption = Annotated[
    Path | None,
    CommandOption(
        lambda: f"FILE{result_suffixes()}; default: <scene>{default_writer().suffixes[0]} beside the scene.",
        panel=OUTPUT, metavar="FILE", flags=("--out", "-o"), show_default=False)
]  # fmt: skip
GhostMapOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="Write a picture of what was taken from where.", rich_help_panel=OUTPUT),
]
SaveResponseOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Save the response curve for --response.", rich_help_panel=OUTPUT),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel=OUTPUT)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object with everything known.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Details, and tracebacks of errors.")]


def result_suffixes() -> str:
    """Return the suffixes of results, as a list in words: ".exr, .hdr or .tif"."""
    *others, last = (writer.suffixes[0] for writer in known_writers())
    return f"{', '.join(others)} or {last}" if others else last

"""The options that commands share, each with its help."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from hdrfuse.defaults import Method
from hdrfuse.errors import UsageError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Tonemap = Literal["mu-law", "reinhard", "drago", "mantiuk"]
Compression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]

INPUT, NETWORK, OUTPUT = "Input", "Network", "Output"


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
AlignOption = Annotated[
    bool, typer.Option("--align/--no-align", help="Undo the camera's motion.", rich_help_panel=INPUT)
]
ResponseOption = Annotated[
    str,
    typer.Option(
        metavar="auto|srgb|gamma|linear|debevec|FILE",
        help="The frames' response curve: calibrated from the bracket, a known one (gamma is 2.2), or a saved one.",
        rich_help_panel=INPUT,
    ),
]
MethodOption = Annotated[Method, typer.Option(help="lfdiff is the network; classical needs none.")]
BlendOption = Annotated[
    bool,
    typer.Option(
        "--blend/--no-blend",
        help="Blend the noise-optimal radiance back in where the network agrees, or show the network alone.",
        rich_help_panel=NETWORK,
    ),
]
WeightsOption = Annotated[
    str | None, typer.Option(metavar="FILE|NAME", help="Weights file, or a shipped name.", rich_help_panel=NETWORK)
]
DeviceOption = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where the network runs.", rich_help_panel=NETWORK)
]
PrecisionOption = Annotated[Precision, typer.Option(help="The network's numbers.", rich_help_panel=NETWORK)]
TileOption = Annotated[
    str,
    typer.Option(metavar="auto|PIXELS", help="Side of the tiles that the network sees.", rich_help_panel=NETWORK),
]
StepsOption = Annotated[int, typer.Option(help="Sampling steps of the diffusion.", rich_help_panel=NETWORK)]
SeedOption = Annotated[int, typer.Option(help="Equal seeds give equal pictures.", rich_help_panel=NETWORK)]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="FILE.exr, .hdr or .tif; default: <scene>.exr beside the scene.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
PreviewOption = Annotated[
    bool,
    typer.Option("--preview/--no-preview", help="Write a JPEG to look at beside the result.", rich_help_panel=OUTPUT),
]
TonemapOption = Annotated[Tonemap, typer.Option(help="How the preview is made.", rich_help_panel=OUTPUT)]
GhostMapOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="Write a picture of what was taken from where.", rich_help_panel=OUTPUT),
]
SaveResponseOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Save the response curve for --response.", rich_help_panel=OUTPUT),
]
HalfOption = Annotated[
    bool | None,
    typer.Option("--half/--float", help="Bits of an .exr: 16 (default) or 32.", show_default=False,
                 rich_help_panel=OUTPUT),
]  # fmt: skip
CompressionOption = Annotated[
    Compression | None,
    typer.Option(help="Compression of an .exr; default: zip.", show_default=False, rich_help_panel=OUTPUT),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.", rich_help_panel=OUTPUT)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object with everything known.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Details, and tracebacks of errors.")]


def tile_px(text: str) -> int | None:
    """Side of the tiles in pixels, None for auto. Raises UsageError where it is no number."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--tile {text}: auto or a number of pixels was expected") from None

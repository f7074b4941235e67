"""Options of scenes that are made to be merged, of which the truth is known."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from hdrfuse.cli.options import finite
from hdrfuse.errors import UsageError

PANEL = "Made scenes"

Bits = Literal["8", "16"]
BITS: dict[Bits, Literal[8, 16]] = {"8": 8, "16": 16}

LARGEST_PIXELS = 200_000_000
"""Of a scene: more is no photograph's size."""

SeedsOption = Annotated[
    int, typer.Option(min=1, max=10_000, help="How many scenes of each kind of motion.", rich_help_panel=PANEL)
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="WxH", help="Size of the scenes.", show_default="768x512; procedural 1024x768", rich_help_panel=PANEL
    ),
]
BitsOption = Annotated[Bits, typer.Option(help="Bits a channel of frames made from images.", rich_help_panel=PANEL)]
NoiseOption = Annotated[
    float,
    typer.Option(
        min=0.0, max=1e6, callback=finite, help="Variance of the sensor's noise, ISO 200 = 1.", rich_help_panel=PANEL
    ),
]
MoversOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default="folders named foreground among the images",
        help="Cut-outs (*.out.png) and photos that move in front of images.", rich_help_panel=PANEL,
    ),
]  # fmt: skip


def parse_size(text: str, option: str = "--size") -> tuple[int, int]:
    """Read a size like `1024x768`. Raises UsageError for anything else, and for what is no photograph's size."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    width, height = (int(match[1]), int(match[2])) if match is not None else (0, 0)
    if not 0 < width * height <= LARGEST_PIXELS:
        most = f"{LARGEST_PIXELS // 1_000_000} megapixels at most"
        raise UsageError(f"{option} {text}: width and height like 1024x768 were expected, {most}")
    return width, height

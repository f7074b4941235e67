"""Options of scenes that are made to be merged, of which the truth is known."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hdrfuse.cli.options import finite
from hdrfuse.command_option import CommandOption
from hdrfuse.errors import UsageError

PANEL = "Made scenes"

BITS: dict[str, Literal[8, 16]] = {"8": 8, "16": 16}

LARGEST_PIXELS = 200_000_000
"""Of a scene: more is no photograph's size."""


def parse_size(text: str, option: str = "--size") -> tuple[int, int]:
    """Read a size like `1024x768`. Raises UsageError for anything else, and for what is no photograph's size."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    width, height = (int(match[1]), int(match[2])) if match is not None else (0, 0)
    if not 0 < width * height <= LARGEST_PIXELS:
        most = f"{LARGEST_PIXELS // 1_000_000} megapixels at most"
        raise UsageError(f"{option} {text}: width and height like 1024x768 were expected, {most}")
    return width, height


def parse_given_size(text: str | None) -> tuple[int, int] | None:
    """Read the size, if one was given. Raises UsageError."""
    return None if text is None else parse_size(text)


SeedsOption = Annotated[
    int, CommandOption("How many scenes of each kind of motion.", panel=PANEL, least=1, most=10_000)
]


@dataclass(frozen=True, kw_only=True)
class MadeScenes:
    """What scenes are made of, and how they are photographed."""

    size: Annotated[
        tuple[int, int] | None,
        CommandOption(
            "Size of the scenes.",
            panel=PANEL,
            metavar="WxH",
            show_default="768x512; procedural 1024x768",
            kind=str | None,
            read=parse_given_size,
        ),
    ] = None
    """(width, height); None = the usual one of their kind."""
    seeds: SeedsOption = 8
    noise: Annotated[
        float,
        CommandOption("Variance of the sensor's noise, ISO 200 = 1.", panel=PANEL, least=0.0, most=1e6, check=finite),
    ] = 1.0
    movers: Annotated[
        Path | None,
        CommandOption(
            "Cut-outs (*.out.png) and photos that move in front of images.",
            panel=PANEL,
            metavar="DIR",
            show_default="folders named foreground among the images",
        ),
    ] = None
    bits: Annotated[
        Literal[8, 16],
        CommandOption(
            "Bits a channel of frames made from images.",
            panel=PANEL,
            kind=Literal["8", "16"],
            spelled="16",
            read=BITS.__getitem__,
        ),
    ] = 16

"""`hdrfuse bench`."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.command import Command
from hdrfuse.cli.console import console_of
from hdrfuse.cli.made_scenes import MadeScenes
from hdrfuse.errors import UsageError

What = Literal["speed", "quality", "images", "stacks", "settings", "all"]

WhatOption = Annotated[What, typer.Option(help="What is measured.")]
MegapixelsOption = Annotated[str, typer.Option(metavar="MP,MP,...", help="Speed: sizes of the photographs.")]
RepeatOption = Annotated[
    int, typer.Option(min=1, max=1000, help="Speed: runs of each tool, in turn; the median counts.")
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False,
        help="Also: quality on scenes made from the HDR images in DIR that training never reads.",
    ),
]  # fmt: skip
CameraOption = Annotated[
    bool,
    typer.Option(
        "--camera",
        help="Images, settings: frames as cameras' JPEG engines write them, scored after one smooth tone a channel.",
    ),
]
StacksOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False,
        help="Also: steps that no frame shows, noise and calibration of your own brackets, one folder each in DIR.",
    ),
]  # fmt: skip
StillOption = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME,...", show_default=False, help="Stacks: folders in which nothing moved."),
]
SettingOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", show_default=False,
        help="Settings: the constant that is varied, such as blend.fill_error, or a group of them: blend.",
    ),
]  # fmt: skip
ValuesOption = Annotated[
    str | None,
    typer.Option(metavar="V,V,...", help="Settings: its values.", show_default="half, once and twice the one in use"),
]


@Command
def bench(
    context: typer.Context,
    *,
    what: WhatOption = "all",
    megapixels: MegapixelsOption = "1.5,24",
    repeat: RepeatOption = 3,
    made: MadeScenes,
    images: ImagesOption = None,
    camera: CameraOption = False,
    stacks: StacksOption = None,
    still: StillOption = None,
    setting: SettingOption = None,
    values: ValuesOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Measure speed and quality on this machine, beside OpenCV on the same pictures.

    Example: hdrfuse bench --what speed --megapixels 1.5
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.benchmark.request import BenchmarkRequest  # imports numpy: keep `hdrfuse --help` instant

    request = BenchmarkRequest(
        what=what, sizes_mp=parse_megapixels(megapixels), repetitions=repeat,
        size=made.size, seeds=range(made.seeds), noise=made.noise, bits=made.bits, images=images, movers=made.movers,
        camera=camera, stacks=stacks, still=() if still is None else still.split(","), setting=setting, values=values,
    )  # fmt: skip
    with console.progress() as progress:
        results = request.run(progress)
        progress("done", 1.0)
    for warning in results.warnings:
        console.warn(warning)
    if json:
        console.json(results.as_json())
    else:
        console.result(*results.as_text(width=max(120, shutil.get_terminal_size().columns)).split("\n"))


def parse_megapixels(text: str) -> list[float]:
    """Read sizes like `1.5,24`. Raises UsageError for anything that is no photograph's size."""
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(0.01 <= size <= 200 for size in sizes):
        raise UsageError(f"--megapixels {text}: numbers from 0.01 to 200 with commas between were expected")
    return sizes

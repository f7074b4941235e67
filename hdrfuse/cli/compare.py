"""`hdrfuse compare`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import console_of
from hdrfuse.cli.eval import ClipOption, VdpPresetOption
from hdrfuse.errors import OutputError

ImageArgument = Annotated[
    Path, typer.Argument(metavar="A", help="The picture that is judged: .exr, .hdr or float .tif.", show_default=False)
]
ReferenceArgument = Annotated[
    Path, typer.Argument(metavar="B", help="What it is compared with, such as the truth.", show_default=False)
]
WhiteOption = Annotated[
    float | None,
    typer.Option(metavar="VALUE", callback=o.finite,
                 show_default="the shortest frame's white if `hdrfuse merge` wrote B or A, else B's peak, at least 1",
                 help="Value of both files that counts as 1."),
]  # fmt: skip
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE.png", show_default="<A>.difference.png beside A",
                 help="Picture of A, B and the error."),
]  # fmt: skip
PictureOption = Annotated[bool, typer.Option("--picture/--no-picture", help="Write that picture.")]


def compare(
    context: typer.Context,
    image: ImageArgument,
    reference: ReferenceArgument,
    white: WhiteOption = None,
    clip: ClipOption = True,
    vdp_preset: VdpPresetOption = "safnet",
    out: OutOption = None,
    picture: PictureOption = True,
    overwrite: o.OverwriteOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Score a finished HDR file against another, by the papers' metrics, and draw the difference.

    Example: hdrfuse compare beach.exr truth.exr
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.evaluation.file_comparison import PICTURE_LEGEND, compare_files  # imports numpy: keep `--help` instant
    from hdrfuse.evaluation.protocol import Protocol
    from hdrfuse.formats import check_writable, write_png
    from hdrfuse.formats.names import fitting

    place = out or image.with_name(fitting(image.stem, ".difference.png"))
    if picture:
        check_writable(place, overwrite=overwrite, suffixes=frozenset({".png"}))
        if place.resolve() in (image.resolve(), reference.resolve()):
            raise OutputError(f"{place}: is one of the inputs; expected another name")
    protocol = Protocol(clip=clip, vdp_preset=vdp_preset)
    comparison = compare_files(image, reference, protocol, white=white)
    if picture:
        write_png(place, comparison.picture, overwrite=overwrite)
    if json:
        console.json({**comparison.as_json(protocol), "picture": str(place) if picture else None})
        return
    console.result(*comparison.table(protocol).as_text(width=max(120, shutil.get_terminal_size().columns)).split("\n"))
    if picture:
        console.result(f"{place}  {PICTURE_LEGEND}")

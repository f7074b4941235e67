"""`hdrfuse demo`."""

from pathlib import Path
from typing import Annotated

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import console_of
from hdrfuse.seeds import MOST_SEED

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write, made if it is missing.")]
SeedOption = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Another seed is another bracket.")]


def demo(
    context: typer.Context,
    folder: FolderArgument,
    seed: SeedOption = 0,
    overwrite: o.OverwriteOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Write a small bracket with motion and its ground truth, to try hdrfuse without photos.

    Example: hdrfuse demo demo && hdrfuse merge demo
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.data.demo import write_demo  # imports numpy: keep `hdrfuse --help` instant

    files = write_demo(folder, seed=seed, overwrite=overwrite)
    for path in (*files.frames, files.truth, files.moving):
        console.result(str(path))

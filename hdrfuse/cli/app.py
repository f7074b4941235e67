"""The program: its commands, and the one place where exceptions become exit codes."""

import errno
import warnings
from collections.abc import Callable
from typing import Annotated

import typer
import typer.main

from hdrfuse import __version__
from hdrfuse.cli.batch import batch
from hdrfuse.cli.bench import bench
from hdrfuse.cli.compare import compare
from hdrfuse.cli.console import Console
from hdrfuse.cli.demo import demo
from hdrfuse.cli.eval import evaluate
from hdrfuse.cli.help import explain
from hdrfuse.cli.info import info
from hdrfuse.cli.merge import merge
from hdrfuse.cli.plain_command import PlainCommand
from hdrfuse.cli.train import train
from hdrfuse.errors import OUT_OF_MEMORY, ExitCode, HdrfuseError, is_out_of_memory, reason_of
from hdrfuse.memory import keep_freed_blocks
from hdrfuse.text import traceback_of

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
app.command(cls=PlainCommand)(merge)
app.command(cls=PlainCommand)(batch)
app.command(cls=PlainCommand)(demo)
app.command(cls=PlainCommand)(info)
app.command(cls=PlainCommand)(bench)
app.command("eval", cls=PlainCommand)(evaluate)
app.command(cls=PlainCommand)(compare)
app.command(cls=PlainCommand)(train)
app.command("help", cls=PlainCommand)(explain)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hdrfuse {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ghost-free HDR images from bracketed photos of moving scenes.

    Example: hdrfuse merge shots/beach --out beach.exr
    """


def run(words: list[str], was_interrupted: Callable[[], bool] = lambda: False) -> int:
    """Run the program -> its exit code; whatever goes wrong becomes one line on standard error."""
    console = Console()
    keep_freed_blocks()
    code: int | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they speak to developers; what a user needs to know is ours to say
            code = _run(words or ["--help"], console)
    except (Exception, KeyboardInterrupt) as error:
        if was_interrupted():  # whatever a library made of it: some turn it into errors of their own
            if console.done or code is not None:
                return code or ExitCode.DONE
            error = KeyboardInterrupt().with_traceback(error.__traceback__)
        if console.verbose:
            console.detail(*traceback_of(error).split("\n"))
        code, message = outcome_of(error)
        console.error(message)
    return code


def _run(words: list[str], console: Console) -> int:
    command = typer.main.get_command(app)
    code = command.main(words, prog_name="hdrfuse", standalone_mode=False, obj=console) or ExitCode.DONE
    if code == ExitCode.INTERRUPTED:  # Typer's word for a KeyboardInterrupt
        raise KeyboardInterrupt
    return int(code)


def outcome_of(error: BaseException) -> tuple[ExitCode, str]:
    """What an exception means to the user: the exit code and one line."""
    match error:
        case HdrfuseError():
            return error.exit_code, str(error)
        case typer.TyperException():
            return ExitCode.BAD_INPUT, error.format_message().replace("Value error, ", "")
        case KeyboardInterrupt() | typer.Abort():
            return ExitCode.INTERRUPTED, "interrupted"
        case OSError(errno=errno.ENAMETOOLONG):
            return ExitCode.BAD_INPUT, f"{error.filename}: {error.strerror}"
        case _ if is_out_of_memory(error):
            return ExitCode.FAILED, OUT_OF_MEMORY
        case _:
            return ExitCode.FAILED, f"unexpected {type(error).__name__}: {reason_of(error)} (-v shows where)"

"""The program: its commands, and the one place where exceptions become exit codes."""

import errno
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer
import typer.main

from hdrfuse import __version__
from hdrfuse.cli.batch import batch
from hdrfuse.cli.bench import bench
from hdrfuse.cli.compare import compare
from hdrfuse.cli.console import Console
from hdrfuse.cli.demo import demo
from hdrfuse.cli.eval import evaluate
from hdrfuse.cli.info import info
from hdrfuse.cli.merge import merge
from hdrfuse.cli.train import train
from hdrfuse.errors import OUT_OF_MEMORY, ExitCode, HdrfuseError, is_out_of_memory, reason_of
from hdrfuse.memory import keep_freed_blocks
from hdrfuse.text import traceback_of

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
app.command()(merge)
app.command()(batch)
app.command()(demo)
app.command()(info)
app.command()(bench)
app.command("eval")(evaluate)
app.command()(compare)
app.command()(train)


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program -> its exit code; whatever goes wrong becomes one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    console = Console()
    keep_freed_blocks()
    try:
        with _interrupted_by_signals(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they speak to developers; what a user needs to know is ours to say
            return _run(words or ["--help"], console)
    except (Exception, KeyboardInterrupt) as error:
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


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does, temporary files removed; not where they are ignored."""

    def interrupt(signal_number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    replaced = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)

"""What the user sees: results on stdout; progress, warnings and errors on stderr."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import typer

from hdrfuse.errors import WriteError
from hdrfuse.text import one_line, printable

Progress = Callable[[str, float], None]


class Console:
    """Standard output and error of one command."""

    def __init__(self) -> None:
        self.quiet = False
        self.verbose = False
        self.done = False
        """Whether all that the command was asked for is in place: what ends it then is no interrupt."""

    def finish(self) -> None:
        """Note that all that the command was asked for is in place."""
        self.done = True

    @property
    def on_terminal(self) -> bool:
        """Whether a person sees standard error as it is written."""
        return sys.stderr is not None and sys.stderr.isatty()

    def result(self, *lines: str) -> None:
        """Print a result, each line by itself, to standard output."""
        _print(sys.stdout, *lines)

    def json(self, document: dict[str, Any]) -> None:
        """Print the one JSON object of `--json` to standard output."""
        self.result(*json.dumps(_finite(document), indent=2, allow_nan=False).split("\n"))

    def warn(self, message: str) -> None:
        """Print a warning, unless `-q`."""
        if not self.quiet:
            _print(sys.stderr, f"warning: {one_line(message)}")

    def detail(self, *lines: str) -> None:
        """Print what only `-v` shows, each line by itself."""
        if self.verbose:
            _print(sys.stderr, *lines)

    def note(self, message: str) -> None:
        """Print how far things are where no bar shows it, unless `-q`."""
        if not self.quiet:
            _print(sys.stderr, one_line(message))

    def error(self, message: str) -> None:
        """Print the one line that says why the command failed."""
        _print(sys.stderr, f"error: {one_line(message)}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give a callback (stage, share of the whole that is done): a bar on a terminal, else a line a stage."""
        if self.quiet:
            yield lambda stage, share: None
        elif self.on_terminal:
            yield from _bar()
        else:
            yield _lines()


def console_of(context: typer.Context, *, quiet: bool, verbose: bool) -> Console:
    """Return the console that `main` made, told what `-q` and `-v` say."""
    console = context.obj
    assert isinstance(console, Console)
    console.quiet, console.verbose = quiet, verbose
    return console


def _finite(value: object) -> object:
    """The value with null for what JSON cannot say: NaN and infinity."""
    match value:
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
    return value


def _bar() -> Iterator[Progress]:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    description = TextColumn("{task.description:<30}", markup=False)
    columns = (description, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(stage: str, share: float) -> None:
            bar.update(task, description=printable(stage), completed=max(share, bar.tasks[0].completed))

        yield show


def _lines() -> Progress:
    seen: set[str] = set()

    def show(stage: str, share: float) -> None:
        if stage not in seen:
            seen.add(stage)
            _print(sys.stderr, f"{share:4.0%} {stage}")

    return show


def _print(stream: TextIO | None, *lines: str) -> None:
    """Print lines, whatever characters the names in them hold; a closed stream (`>&-`) takes nothing.

    Raises WriteError where the stream takes nothing more; a reader that went away (`| head`) has seen enough.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    text = "\n".join(map(printable, lines))
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except OSError as error:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())  # or Python tries again when it exits
        if not isinstance(error, BrokenPipeError):
            raise WriteError(f"standard output cannot be written: {error.strerror}") from error

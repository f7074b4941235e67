"""How `hdrfuse batch` shows how far it is: bars for the whole and for each scene, or a line a scene."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hdrfuse.batch.engine import BatchListener, SceneResult
from hdrfuse.batch.scheduler import Advanced, Started
from hdrfuse.cli.console import Console
from hdrfuse.text import counted, one_line, printable, worded

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class BatchLines(BatchListener):
    """A line for every scene that ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.to_do = self.ends = 0

    def warn(self, message: str) -> None:
        """Print it."""
        self.console.warn(message)

    def begin(self, scenes: int, to_do: int, workers: int) -> None:
        """Say what is ahead."""
        self.to_do = to_do
        before = f" of {scenes}" if to_do < scenes else ""
        self.say(f"{to_do}{before} {worded(scenes, 'scene')} to merge; {counted(workers, 'process', 'processes')}")

    def ended(self, result: SceneResult) -> None:
        """Say what became of a scene."""
        if not self.to_do:  # it failed before the first could begin
            self.say(described(result))
            return
        self.ends += 1
        self.say(f"{self.ends}/{self.to_do} {described(result)}")

    def say(self, text: str) -> None:
        """Print to standard error, unless -q."""
        self.console.note(text)


class Bars(BatchLines):
    """A bar for the whole with the time left, and one below it for every scene that is being merged."""

    def __init__(self, console: Console, bar: "Bar") -> None:
        super().__init__(console)
        self.bar = bar
        self.whole = bar.add_task("looking for brackets", total=None)
        self.parts: dict[str, TaskID] = {}

    def discover(self, read: int, files: int) -> None:
        """Move the bar of the search."""
        self.bar.update(self.whole, completed=read, total=files)

    def warn(self, message: str) -> None:
        """Print it above the bars."""
        self.bar.console.print(f"warning: {one_line(message)}", markup=False, highlight=False)

    def begin(self, scenes: int, to_do: int, workers: int) -> None:
        """Begin the bar of the whole anew."""
        self.to_do = to_do
        self.bar.reset(self.whole, total=to_do, description=f"0 of {to_do} {worded(to_do, 'scene')}")

    def started(self, event: Started) -> None:
        """Add a scene's bar."""
        if event.key not in self.parts:
            self.parts[event.key] = self.bar.add_task(f"  {printable(event.key[-40:])}", total=1.0)

    def advanced(self, event: Advanced) -> None:
        """Move a scene's bar."""
        if event.key in self.parts:
            description = f"  {printable(event.key[-40:])}: {event.stage}"
            self.bar.update(self.parts[event.key], completed=event.share, description=description)

    def ended(self, result: SceneResult) -> None:
        """Remove a scene's bar; say so where it failed."""
        key = result.scene.key
        if key in self.parts:
            self.bar.remove_task(self.parts.pop(key))
            self.ends += 1
            description = f"{self.ends} of {self.to_do} {worded(self.to_do, 'scene')}"
            self.bar.update(self.whole, completed=self.ends, description=description)
        if result.failed:
            self.bar.console.print(one_line(described(result)), markup=False, highlight=False)


def described(result: SceneResult) -> str:
    """What became of a scene, in a line."""
    if result.done is None:
        return f"{result.scene.key}: failed: {result.reason}"
    report = result.done.report
    width, height = report.size_px
    count = len(report.warnings)
    warned = f", {counted(count, 'warning')}" if count else ""
    return (
        f"{result.scene.key}: {width} x {height}, {counted(len(report.frames), 'frame')}, "
        f"{report.ghost_fraction:.1%} moved, {report.seconds['total']:.1f} s{warned}"
    )


@contextmanager
def batch_progress(console: Console) -> Iterator[BatchListener]:
    """Give what shows a batch's progress on standard error: bars on a terminal, lines elsewhere, nothing with -q."""
    if console.quiet or not console.on_terminal:
        yield BatchLines(console)
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<44}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bar:
        yield Bars(console, bar)

"""How `hdrfuse train` shows that it learns: a live bar on a terminal, else a line now and then."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hdrfuse.cli.console import Console
from hdrfuse.text import counted, one_line, printable
from hdrfuse.training.loop import Pace, Tick
from hdrfuse.training.plan import Plan
from hdrfuse.training.session import TrainingListener

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

WINDOW_S = 60.0
"""Speed is that of about the last minute."""
SMOOTHING = 0.05
NO_LOSSES = frozenset({"gradient_norm", "patches_per_s", "step", "patches", "minutes"})


class Speed:
    """Steps a second, from when the last ones were taken."""

    def __init__(self) -> None:
        self.taken: deque[tuple[float, int]] = deque()

    def note(self, step: int) -> None:
        """A step is done now."""
        now = time.monotonic()
        self.taken.append((now, step))
        while len(self.taken) > 2 and now - self.taken[0][0] > WINDOW_S:
            self.taken.popleft()

    @property
    def steps_per_s(self) -> float:
        """0 where nothing is known yet."""
        (first, start), (last, end) = self.taken[0], self.taken[-1]
        return (end - start) / (last - first) if last > first else 0.0

    def left(self, tick: Tick, pace: Pace) -> str:
        """Return the time until the last step or the time limit, h:mm:ss, a dash where nothing is known."""
        if not self.steps_per_s:
            return "-"
        seconds = min((tick.steps - tick.step) / self.steps_per_s, (pace.max_minutes - tick.minutes) * 60)
        return str(timedelta(seconds=max(0, round(seconds))))


class TrainingLines(TrainingListener):
    """A line for every line of the log."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.speed = Speed()
        self.decoding = False
        self.last: Tick | None = None

    def decode(self, name: str) -> None:
        """The first image announces all of them."""
        if not self.decoding:
            self.say("decoding images")
        self.decoding = True

    def warn(self, message: str) -> None:
        """Print it."""
        self.console.warn(message)

    def begin(self, plan: Plan, pace: Pace) -> None:
        """Say what is trained."""
        self.plan, self.pace = plan, pace
        recipe = plan.recipe
        cameras = f", {recipe.camera_share:.0%} from cameras' files" if recipe.camera_share else ""
        collages = f", {recipe.collage_share:.0%} collages" if recipe.collage_share else ""
        self.say(
            f"{recipe.objective}, {recipe.preset}: {counted(recipe.steps, 'step')} of {recipe.batch} x "
            f"{recipe.crop_px} px, {recipe.precision}{cameras}{collages}"
        )

    def step(self, tick: Tick) -> None:
        """Count."""
        self.speed.note(tick.step)
        self.last = tick

    def line(self, entry: dict[str, Any]) -> None:
        """Print a line of the log in words."""
        where = f"step {entry['step']} of {self.plan.recipe.steps}"
        if "psnr_mu" in entry:
            self.say(f"{where}: validation PSNR-mu {decibels(entry['psnr_mu'])}")
        elif "patches_per_s" in entry and self.last is not None:
            left = self.speed.left(self.last, self.pace)
            self.say(f"{where}: loss {loss_of(entry):.4f}, {entry['patches_per_s']:.1f} patches/s, {left} left")

    def say(self, text: str) -> None:
        """Print to standard error, unless -q."""
        self.console.note(text)


class Live(TrainingLines):
    """A bar with the loss, the score, the speed and the time left."""

    def __init__(self, console: Console, bar: "Bar") -> None:
        super().__init__(console)
        self.bar = bar
        self.task = bar.add_task("reading", total=None, facts="")
        self.loss = 0.0
        self.score = ""

    def decode(self, name: str) -> None:
        """Show which image."""
        self.bar.update(self.task, description=f"decoding {printable(name)}")

    def warn(self, message: str) -> None:
        """Print it above the bar."""
        self.bar.console.print(f"warning: {one_line(message)}", markup=False, highlight=False)

    def begin(self, plan: Plan, pace: Pace) -> None:
        """Show what is trained."""
        self.plan, self.pace = plan, pace
        self.bar.update(self.task, description=plan.recipe.objective, total=plan.recipe.steps)

    def step(self, tick: Tick) -> None:
        """Move the bar."""
        super().step(tick)
        loss = loss_of(tick.losses)
        self.loss = loss if not self.loss else self.loss + SMOOTHING * (loss - self.loss)
        facts = f"{tick.step}/{tick.steps}  loss {self.loss:.4f}{self.score}"
        if self.speed.steps_per_s:
            patches_per_s = self.speed.steps_per_s * self.plan.recipe.batch
            facts += f"  {patches_per_s:.1f} patches/s  {self.speed.left(tick, self.pace)} left"
        self.bar.update(self.task, completed=tick.step, facts=facts)

    def line(self, entry: dict[str, Any]) -> None:
        """Keep the score."""
        if "psnr_mu" in entry:
            self.score = f"  {decibels(entry['psnr_mu'])}"


def loss_of(values: Mapping[str, float]) -> float:
    """Return the sum of the losses among values by name."""
    return sum(value for name, value in values.items() if name not in NO_LOSSES)


def decibels(score: float | None) -> str:
    """A score as people read it."""
    return "no number" if score is None else f"{score:.2f} dB"


@contextmanager
def train_progress(console: Console) -> Iterator[TrainingListener]:
    """Give what shows a run's progress on standard error: live on a terminal, in lines elsewhere."""
    if console.quiet or not console.on_terminal:
        yield TrainingLines(console)
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[facts]}"),
    )
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bar:
        yield Live(console, bar)

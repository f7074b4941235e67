import io
import math

import pytest
from rich.console import Console as RichConsole
from rich.progress import Progress, TextColumn

from hdrfuse.cli import train_progress
from hdrfuse.cli.console import Console
from hdrfuse.cli.train_progress import Live, Speed, TrainingLines, loss_of
from hdrfuse.training.loop import Pace, Tick
from hdrfuse.training.plan import Plan
from hdrfuse.training.recipe import Recipe

PLAN = Plan(recipe=Recipe(objective="stage1", steps=100, batch=4))


@pytest.fixture
def seconds(monkeypatch):
    """A clock that each look moves on by half a second."""
    now = iter(range(10_000))
    monkeypatch.setattr(train_progress.time, "monotonic", lambda: next(now) / 2)


def tick(step, minutes=0.0):
    return Tick(
        step=step, steps=100, minutes=minutes, losses={"reconstruction": 0.25, "noise": 0.5, "gradient_norm": 9}
    )


def test_the_time_left_is_that_of_the_steps_or_of_the_limit(seconds):
    speed = Speed()
    for step in range(1, 11):
        speed.note(step)
    assert speed.steps_per_s == 2
    assert speed.left(tick(10), Pace()) == "0:00:45"
    assert speed.left(tick(10, minutes=0.9), Pace(max_minutes=1.0)) == "0:00:06"


def test_nothing_is_promised_before_two_steps():
    speed = Speed()
    speed.note(1)
    assert speed.left(tick(1), Pace(max_minutes=math.inf)) == "-"


def test_the_loss_is_the_sum_of_what_is_minimised():
    assert loss_of(tick(1).losses) == 0.75


def test_lines_tell_loss_speed_time_and_score(seconds, capfd):
    lines = TrainingLines(Console())
    lines.decode("a.exr")
    lines.decode("b.exr")
    lines.begin(PLAN, Pace())
    lines.step(tick(1))
    lines.step(tick(2))
    lines.line({"step": 2, "patches": 8, "minutes": 0.1, **tick(2).losses, "patches_per_s": 8.0})
    lines.line({"step": 2, "patches": 8, "minutes": 0.1, "psnr_mu": 40.126})
    lines.line({"step": 2, "patches": 8, "minutes": 0.1, "skipped": ["c.exr: damaged"]})
    assert capfd.readouterr().err.splitlines() == [
        "decoding images",
        "stage1, paper: 100 steps of 4 x 128 px, fp32",
        "step 2 of 100: loss 0.7500, 8.0 patches/s, 0:00:49 left",
        "step 2 of 100: validation PSNR-mu 40.13 dB",
    ]


def test_the_bar_tells_the_same(seconds):
    screen = io.StringIO()
    console = RichConsole(file=screen, width=200, force_terminal=True)
    with Progress(TextColumn("{task.description}|{task.fields[facts]}"), console=console, auto_refresh=False) as bar:
        live = Live(Console(), bar)
        live.decode("a.exr")
        assert bar.tasks[0].description == "decoding a.exr"
        live.begin(PLAN, Pace())
        live.step(tick(1))
        live.line({"step": 1, "patches": 4, "minutes": 0.1, "psnr_mu": 40.126})
        live.step(tick(2))
        live.warn("left out: [b].exr")
        (task,) = bar.tasks
        assert (task.description, task.completed, task.total) == ("stage1", 2, 100)
        assert task.fields["facts"] == "2/100  loss 0.7500  40.13 dB  8.0 patches/s  0:00:49 left"
    assert "warning: left out: [b].exr" in screen.getvalue()

"""What a batch shows while it runs."""

import io
from pathlib import Path

import pytest
from merge_reports import frame_report, merge_report
from rich.console import Console as RichConsole
from rich.progress import Progress, TextColumn

from hdrfuse.batch.engine import SceneResult
from hdrfuse.batch.journal import DoneScene, Origin
from hdrfuse.batch.placement import PlannedScene
from hdrfuse.batch.scheduler import Advanced, Started
from hdrfuse.batch.work import SceneWork
from hdrfuse.brackets.discovered import FoundScene
from hdrfuse.brackets.scene import Scene
from hdrfuse.cli.batch_progress import Bars, BatchLines
from hdrfuse.cli.console import Console
from hdrfuse.job import MergeJob
from hdrfuse.outputs import Outputs

FRAMES = [frame_report(f"{ev}.jpg", ev) for ev in (-2.0, 0.0, 2.0)]
REPORT = merge_report(*FRAMES, size_px=(6000, 4000), ghost_fraction=0.1, seconds={"total": 2.0}, warnings=("odd",))


def ended(name, reason=None):
    scene = Scene(name=name, files=(Path("a.jpg"), Path("b.jpg")), folder=None)
    planned = PlannedScene(
        found=FoundScene(scene=scene, folder=Path(), grouped_by="folder", evs=(0.0, 1.0)),
        work=SceneWork(key=name, job=MergeJob(scene=scene, outputs=Outputs(radiance=Path("a.exr")))),
        outputs=("a.exr",),
        origin=Origin(root="/"),
    )
    done = DoneScene(settings="s", inputs=(), outputs={}, report=REPORT)
    return SceneResult(scene=planned, done=None if reason else done, reason=reason)


def tell(listener):
    listener.discover(3, 12)
    listener.ended(ended("taken", "taken.exr: exists already"))
    listener.begin(4, 2, 1)
    for name in ("beach", "hill [1]"):
        listener.started(Started(key=name, worker=1))
    listener.advanced(Advanced(key="beach", stage="merging", share=0.5))


def test_elsewhere_a_line_tells_of_every_scene_that_ends(capsys):
    lines = BatchLines(Console())
    tell(lines)
    lines.ended(ended("beach"))
    lines.ended(ended("hill [1]", "a.jpg: is\nempty"))
    lines.warn("a card is full")
    assert capsys.readouterr().err.splitlines() == [
        "taken: failed: taken.exr: exists already",
        "2 of 4 scenes to merge; 1 process",
        "1/2 beach: 6000 x 4000, 3 frames, 10.0% moved, 2.0 s, 1 warning",
        "2/2 hill [1]: failed: a.jpg: is empty",
        "warning: a card is full",
    ]


def test_quiet_says_nothing_but_errors(capsys):
    console = Console()
    console.quiet = True
    tell(BatchLines(console))
    assert capsys.readouterr().err == ""


@pytest.fixture
def bar():
    terminal = RichConsole(file=io.StringIO(), force_terminal=True, width=100)
    with Progress(TextColumn("{task.description}", markup=False), console=terminal) as bar:
        yield bar


def test_on_a_terminal_the_whole_and_every_scene_have_a_bar(bar):
    bars = Bars(Console(), bar)
    tell(bars)
    assert [task.description for task in bar.tasks] == ["0 of 2 scenes", "  beach: merging", "  hill [1]"]
    assert bar.tasks[1].completed == 0.5
    bars.ended(ended("beach"))
    bars.ended(ended("hill [1]", "a.jpg: is empty"))
    assert [task.description for task in bar.tasks] == ["2 of 2 scenes"]
    assert bar.tasks[0].completed == bar.tasks[0].total == 2
    assert "hill [1]: failed: a.jpg: is empty" in bar.console.file.getvalue()

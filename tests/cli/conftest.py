"""A bracket of small pictures, and the program to run on it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from hdrfuse.brackets.scene import find_scene
from hdrfuse.cli import main
from hdrfuse.cli.app import app
from hdrfuse.imaging.bracket import read_bracket
from hdrfuse.pipeline import Merged, MergeOptions, merge_bracket

from .brackets import listing, write_bracket


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on standard error, which must be an error's."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        return lines[0]


@pytest.fixture(scope="session")
def program():
    """What Typer makes of the program's functions, which takes as long as a short command."""
    return typer.main.get_command(app)


@pytest.fixture
def run(capfd, monkeypatch, program):
    """Run the program in this process, through the function that the console script calls."""
    monkeypatch.setattr(typer.main, "get_command", lambda app: program)

    def run(*words) -> Outcome:
        capfd.readouterr()
        code = main([str(word) for word in words])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(run):
    """Run a command that must exit 2 with one line that names things, and leave a folder as it was."""

    def refused(folder: Path, *words, naming=(), code: int = 2) -> str:
        before = listing(folder)
        outcome = run(*words)
        assert outcome.code == code, outcome
        assert outcome.out == ""
        for name in [naming] if isinstance(naming, str) else naming:
            assert name in outcome.error
        assert listing(folder) == before
        return outcome.error

    return refused


@pytest.fixture
def start():
    """Start the program as a process of its own."""

    def start(*words, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "hdrfuse", *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    return start


@pytest.fixture
def beach(tmp_path) -> Path:
    """A folder with a bracket of three JPEGs with EXIF, in which a square moves."""
    return write_bracket(tmp_path / "beach")


@pytest.fixture(scope="session")
def merged_beach(tmp_path_factory) -> Merged:
    """What the classical method makes of the beach."""
    scene = find_scene([write_bracket(tmp_path_factory.mktemp("merged") / "beach")])
    return merge_bracket(read_bracket(scene), MergeOptions(method="classical"))


@pytest.fixture
def merged_at_once(monkeypatch, merged_beach) -> None:
    """Let a classical merge of the beach take no time, for what comes before and after it."""
    monkeypatch.setattr("hdrfuse.job.merge_bracket", lambda *arguments, **options: merged_beach)

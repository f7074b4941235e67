"""The README keeps its promises: its commands run, its options exist and its picture is what the code makes."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer.main
from daily import daily
from PIL import Image
from readme.ghost_picture import PICTURE, ghost_picture
from test_architecture import LAYERS

import hdrfuse
from hdrfuse.cli import main
from hdrfuse.cli.app import app
from hdrfuse.cli.help import read_topics
from hdrfuse.data import demo
from hdrfuse.data.procedural import ProceduralBracket
from hdrfuse.errors import ExitCode
from hdrfuse.formats import RadianceFacts, read_header, write_image

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
CHANGELOG = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands

SUFFIXES = {
    "batch": ("--method", "classical", "--workers", "1"),
    "bench": ("--megapixels", "0.06", "--repeat", "1"),
    "eval": ("--seeds", "1", "--size", "48x32", "--motion", "moving"),
    "train": ("--steps", "1", "--batch", "1", "--crop", "32", "--validation", "1", "--workers", "0"),
}
"""Appended to the README's commands that take minutes or hours; all others run letter by letter."""

SHRINKING = 8
"""The demo's frames are so many times smaller here, but for the first commands, which run at full size too."""

MOST_WORDS = 2000
"""A README is read to its end; what does not fit is a topic of `hdrfuse help`."""

INSTALLING = ("python3.11", ".venv/bin/pip", ".venv/bin/pytest")
"""What a README command begins with that CI runs itself, once, before this test."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def shown_commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(part) for line in lines for part in line.split(" && ")]


def hdrfuse_commands() -> list[list[str]]:
    """Arguments of every `hdrfuse` command, in the README's order."""
    return [words[1:] for words in shown_commands() if Path(words[0]).name == "hdrfuse"]


def program() -> list[str]:
    """The console script of this environment, or the module where hdrfuse is not installed."""
    script = Path(sys.executable).with_name("hdrfuse")
    return [str(script)] if script.exists() else [sys.executable, "-m", "hdrfuse"]


def environment(home: Path) -> Mapping[str, str]:
    return {**os.environ, "HOME": str(home), "PYTHONPATH": str(Path(hdrfuse.__file__).parents[1])}


@cache
def small_demo_bracket() -> ProceduralBracket:
    whole = demo.demo_bracket()
    step = (slice(None, None, SHRINKING), slice(None, None, SHRINKING))
    return replace(
        whole,
        frames=tuple(np.ascontiguousarray(frame[step]) for frame in whole.frames),
        truth=np.ascontiguousarray(whole.truth[step]),
        moving=np.ascontiguousarray(whole.moving[step]),
    )


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the demo smaller, so that a command takes a second."""
    small = small_demo_bracket()
    monkeypatch.setattr(demo, "demo_bracket", lambda seed: small)


def write_hdr_images(folder: Path) -> None:
    """The user's own HDR images, which the README's trainings name."""
    folder.mkdir()
    for index in range(8):
        pixels = np.random.default_rng(index).random((64, 128, 3), np.float32)
        write_image(folder / f"image-{index}.hdr", pixels, RadianceFacts())


def test_every_command_that_the_readme_shows_is_known() -> None:
    others = {words[0] for words in shown_commands() if Path(words[0]).name != "hdrfuse"}
    assert others == set(INSTALLING)
    assert len(hdrfuse_commands()) > 8


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize("left_out", daily(1, ["bench", "nothing"]))
def test_the_readmes_commands_run_one_after_the_other_and_write_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], left_out: str
) -> None:
    write_hdr_images(tmp_path / "hdr-images")
    monkeypatch.chdir(tmp_path)
    for arguments in hdrfuse_commands():
        if arguments[0] == left_out:
            continue
        code = main([*arguments, *SUFFIXES.get(arguments[0], ())])
        printed = capfd.readouterr()
        assert code == ExitCode.DONE, f"hdrfuse {shlex.join(arguments)}: {printed.err}"
        assert printed.out.strip(), f"hdrfuse {shlex.join(arguments)} prints nothing"
    named = {word for words in hdrfuse_commands() for word in words if re.search(r"\.(exr|hdr|png|json|jpg)$", word)}
    assert {"demo.exr", "window.hdr", "garden.exr", "garden.ghost.png", "camera.json"} <= named
    assert [name for name in named if not (tmp_path / name).is_file()] == []
    assert (tmp_path / "demo.preview.jpg").is_file()


@pytest.mark.slow
def test_the_first_commands_work_at_full_size_as_they_are_typed(tmp_path: Path) -> None:
    first, second, *_ = hdrfuse_commands()
    for arguments in (first, second):
        subprocess.run([*program(), *arguments], cwd=tmp_path, env=environment(tmp_path), check=True)
    for name in ("demo.exr", "demo/demo-2.jpg"):
        header = read_header(tmp_path / name)
        assert (header.width, header.height) == demo.SIZE


@pytest.mark.usefixtures("small_demo")
def test_the_readmes_python_runs(tmp_path: Path) -> None:
    demo.write_demo(tmp_path / "demo")
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    width, height = (side // SHRINKING for side in demo.SIZE)
    assert done.stdout.startswith(f"({height}, {width}, 3) ")


def test_the_readme_is_short() -> None:
    assert len(README.split()) < MOST_WORDS


def test_every_option_that_the_readme_names_exists() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    options = [option for command in COMMANDS.values() for option in command.params]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", prose)) <= known | {"--help", "--install-completion"}


def test_every_topic_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`hdrfuse help ([a-z-]+)`", README))
    assert named
    assert named <= set(read_topics())


def test_the_map_of_the_package_is_the_architecture_and_stands_in_the_docstring_too() -> None:
    (chart,) = [block for block in blocks("text") if block.startswith("errors")]
    assert chart in hdrfuse.__doc__
    assert len(chart.splitlines()) <= 30
    assert [name for line in chart.splitlines() for name in parts_of(line)] == [part for row in LAYERS for part in row]
    rooms = [room for line in chart.splitlines() for room in rooms_of(line)]
    assert rooms
    package = Path(hdrfuse.__file__).parent
    assert [room for room in rooms if not (package / room).is_dir() and not (package / f"{room}.py").is_file()] == []


def parts_of(line: str) -> list[str]:
    """Names of the package's parts at the beginning of a line of the map."""
    return [] if line.startswith(" ") else line.split("  ")[0].split(", ")


def rooms_of(line: str) -> list[str]:
    """Folders and modules inside a part, which stand indented below it."""
    return line.strip().split("  ")[0].split(", ") if line.startswith(" ") else []


def test_ci_installs_and_tests_with_the_readmes_own_command() -> None:
    (line,) = [line for line in README.splitlines() if "'.[dev]'" in line]
    assert line.startswith("python3.11 -m venv .venv && .venv/bin/pip install ")
    assert line.endswith(" && .venv/bin/pytest -n auto")
    assert "grep -F \"'.[dev]'\" README.md" in (TOP / ".ci" / "run").read_text(encoding="utf-8")


def test_slow_tests_are_left_out_and_have_a_command_of_their_own() -> None:
    assert "-m 'not slow'" in (TOP / "pyproject.toml").read_text(encoding="utf-8")
    assert "pytest -n auto -m slow" in (TOP / ".ci" / "slow").read_text(encoding="utf-8")
    assert "`.ci/slow`" in README


def test_every_command_stands_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"`hdrfuse {name}" not in README] == []


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", CHANGELOG, flags=re.MULTILINE)[0] == hdrfuse.__version__


@pytest.mark.slow
def test_the_readmes_picture_is_made_by_the_project() -> None:
    assert PICTURE.relative_to(TOP).as_posix() in README
    assert PICTURE.stat().st_size < 150_000
    shown, made = np.asarray(Image.open(PICTURE), np.float64), ghost_picture().astype(np.float64)
    assert shown.shape == made.shape
    assert np.sqrt(np.mean((shown - made) ** 2)) < 16

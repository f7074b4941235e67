"""The README keeps its promises: its commands run, its options exist and its picture is what the code makes."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import typer.main
from PIL import Image
from readme.ghost_picture import PICTURE, ghost_picture

import hdrfuse
from hdrfuse.cli.app import app
from hdrfuse.errors import ExitCode
from hdrfuse.formats import RadianceFacts, write_image

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
CHANGELOG = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")

SMALL_BENCH = ("--megapixels", "0.06", "--repeat", "1", "--size", "96x64", "--seeds", "1")
"""Appended to the README's benchmarks, which take minutes."""

SMALL_EVAL = ("--seeds", "1", "--size", "48x32", "--motion", "moving")
"""Appended to the README's evaluations, which take minutes."""

SMALL_BATCH = ("--method", "classical", "--workers", "1")
"""Appended to the README's batches: the network's merges take seconds."""

SMALL_TRAINING = ("--steps", "1", "--batch", "1", "--crop", "32", "--validation", "1", "--workers", "0")
"""Appended to the README's trainings, which take hours."""

SMALL_MERGE = ("--method", "classical")
"""Appended to all but the first of the README's merges."""

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the README has run, one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    write_hdr_images(folder / "hdr-images")
    sizes = {"batch": SMALL_BATCH, "bench": SMALL_BENCH, "eval": SMALL_EVAL, "train": SMALL_TRAINING}
    for arguments in hdrfuse_commands():
        small = sizes.get(arguments[0], ())
        sizes |= {"merge": SMALL_MERGE} if arguments[0] == "merge" else {}
        done = subprocess.run(
            [*program(), *arguments, *small], cwd=folder, env=environment(folder), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == ExitCode.DONE, f"hdrfuse {shlex.join(arguments)}: {done.stderr}"
        assert done.stdout.strip(), f"hdrfuse {shlex.join(arguments)} prints nothing"
    return folder


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


def test_the_readmes_commands_write_what_they_say(folder: Path) -> None:
    named = {word for words in hdrfuse_commands() for word in words if re.search(r"\.(exr|hdr|png|json|jpg)$", word)}
    assert {"demo.exr", "window.hdr", "study.exr", "study.ghost.png", "camera.json"} <= named
    assert [name for name in named if not (folder / name).is_file()] == []
    assert (folder / "demo.preview.jpg").is_file()


def test_the_readmes_python_runs(folder: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(800, 1200, 3) ")


def test_ci_installs_and_tests_with_the_readmes_own_command() -> None:
    (line,) = [line for line in README.splitlines() if "'.[dev]'" in line]
    assert line.startswith("python3.11 -m venv .venv && .venv/bin/pip install ")
    assert line.endswith(" && .venv/bin/pytest -n auto")
    assert "grep -F \"'.[dev]'\" README.md" in (TOP / ".ci" / "run").read_text(encoding="utf-8")


def test_every_command_stands_in_the_readme() -> None:
    commands = typer.main.get_command(app).commands
    assert [name for name in commands if f"`hdrfuse {name}" not in README] == []


@pytest.mark.parametrize("command", ["merge", "batch"])
def test_every_option_of_merge_and_batch_stands_in_the_readme(command: str) -> None:
    missing = [
        option.name
        for option in typer.main.get_command(app).commands[command].params
        if option.param_type_name == "option" and not any(f"`{name}" in README for name in names(option))
    ]
    assert missing == []


def names(option: object) -> list[str]:
    return [name for name in (*option.opts, *option.secondary_opts) if name.startswith("--")]


def test_every_exit_status_stands_in_the_readme() -> None:
    for code in ExitCode:
        assert f"| {int(code)} | " in README


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", CHANGELOG, flags=re.MULTILINE)[0] == hdrfuse.__version__


def test_the_readmes_picture_is_made_by_the_project() -> None:
    assert PICTURE.relative_to(TOP).as_posix() in README
    assert PICTURE.stat().st_size < 150_000
    shown, made = np.asarray(Image.open(PICTURE), np.float64), ghost_picture().astype(np.float64)
    assert shown.shape == made.shape
    assert np.sqrt(np.mean((shown - made) ** 2)) < 16

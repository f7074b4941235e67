"""What a wrong folder is told: the layout that was expected, and what was found instead."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hdrfuse.data.layouts import LAYOUTS, SPLIT_FOLDERS, DatasetLayout
from hdrfuse.data.scenes import open_dataset
from hdrfuse.errors import BadInputError, BracketError, HdrfuseError
from hdrfuse.text import listed

LISTED = 6
"""Entries of a folder that are named."""


@contextmanager
def name_the_layout(name: str, folder: Path) -> Iterator[None]:
    """Let what is wrong with a set's folder say in one line what was expected there, and what is there."""
    try:
        yield
    except BadInputError as error:
        if type(error) not in (BadInputError, BracketError) or name not in LAYOUTS or not folder.is_dir():
            raise
        expected = describe_layout(LAYOUTS[name])
        told = f"{error}; --dataset {name} expects {expected} below {folder}, found {listing(folder)}"
        if others := [other for other in LAYOUTS if other != name and fits(other, folder)]:
            told += f"; it looks like --dataset {' or '.join(others)}"
        raise type(error)(told) from error


def describe_layout(layout: DatasetLayout) -> str:
    """A layout in words: the files of a scene below the test split's folder."""
    test = SPLIT_FOLDERS["test"]
    frames = layout.frames or ("*/{three 16-bit}.tif",)
    scene = f"{test}/{'[PAPER|EXTRA/]' if layout.parts else ''}"
    files = (*frames, layout.exposures, layout.truth)
    return ", ".join(scene + file.replace("*", "<scene>") for file in files)


def listing(folder: Path) -> str:
    """What lies in a folder and in its test split, a few names each."""
    text = _names(folder)
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.casefold() == SPLIT_FOLDERS["test"].casefold():
            scenes = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
            text += f"; in {path.name}: {_names(path)}"
            text += f"; in {path.name}/{scenes[0].name}: {_names(scenes[0])}" if scenes else ""
    return text


def fits(name: str, folder: Path) -> bool:
    """Whether a folder holds another set."""
    try:
        open_dataset(name, folder, "test")
    except HdrfuseError:
        return False
    return True


def _names(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return listed(names, LISTED) or "nothing"

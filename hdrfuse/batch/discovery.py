"""Discovery: every bracket below a folder, whether the folders are scenes or hold many brackets each."""

from collections.abc import Callable, Collection
from pathlib import Path

from hdrfuse.batch.found import Discovery, Grouping

Counting = Callable[[int, int], None]
"""Told how many of how many files have been read."""


def find_scenes(
    root: Path, *, group: Grouping = "auto", exclude: Collection[Path] = (), progress: Counting | None = None
) -> Discovery:
    """Find the scenes below a folder, and what belongs to none of them.

    Folders in `exclude` are not looked into. Files and folders that cannot be read are leftovers. Raises
    BracketError where the root is missing or no folder.
    """
    raise NotImplementedError

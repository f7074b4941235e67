"""Naming: where each scene's outputs belong, and a name for it that no other has there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hdrfuse.brackets.discovered import FoundScene


def place_scenes(scenes: Sequence[FoundScene], root: Path) -> tuple[FoundScene, ...]:
    """Relate the scenes' folders to the root, and number names that come twice in one: beach, beach-2.

    Names that differ by case alone are the same: some file systems hold only one of them.
    """
    taken: set[tuple[Path, str]] = set()
    result = []
    for scene in scenes:
        folder = scene.folder.relative_to(root)
        name, number = scene.name, 1
        while (folder, name.casefold()) in taken:
            number += 1
            name = f"{scene.name}-{number}"
        taken.add((folder, name.casefold()))
        result.append(replace(scene, folder=folder, scene=replace(scene.scene, name=name)))
    return tuple(result)

"""Listing: what would be merged into what, as a table and in plain types."""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hdrfuse.brackets.discovered import Discovery, FoundScene, Leftover
from hdrfuse.text import in_columns

HEADINGS = ("scene", "frames", "files", "EV", "found by", "merged into")
LEFT_OVER = "left over"

Targets = Mapping[FoundScene, Sequence[Path]]
"""What each scene would be merged into."""


def plan_of(
    discovery: Discovery, outputs: Targets | None = None, problems: Mapping[FoundScene, str | None] | None = None
) -> dict[str, Any]:
    """Say in plain types, ready for JSON, what would be merged into what, what cannot be, and what is left over."""
    return {
        "root": str(discovery.root),
        "scenes": [
            {
                "scene": scene.name,
                "folder": scene.folder.as_posix(),
                "files": [str(path) for path in scene.files],
                "evs": [None if ev is None else round(ev, 4) for ev in scene.evs],
                "found_by": scene.grouped_by,
                "exposures": None if scene.exposures is None else list(scene.exposures),
                "exposure_file": None if scene.exposure_file is None else str(scene.exposure_file),
                "captured_at": None if scene.captured_at is None else scene.captured_at.isoformat(),
                "warnings": list(scene.scene.warnings),
                "outputs": [str(path) for path in (outputs or {}).get(scene, ())],
                "problem": (problems or {}).get(scene),
            }
            for scene in discovery.scenes
        ],
        "leftovers": [
            {"files": [str(path) for path in left.paths], "kind": str(left.kind), "reason": left.reason}
            for left in discovery.leftovers
        ],
        "warnings": list(discovery.warnings),
    }


def table_rows(discovery: Discovery, outputs: Targets | None = None) -> list[tuple[str, ...]]:
    """Headings, a row a scene, then a row for leftovers of one kind that follow each other in a folder."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for scene in discovery.scenes:
        rows.append((
            (scene.folder / scene.name).as_posix(),
            str(len(scene.files)),
            ends([path.name for path in scene.files]),
            relative_evs(scene.evs),
            scene.grouped_by,
            " ".join(str(path) for path in (outputs or {}).get(scene, ())),
        ))  # fmt: skip
    for (_, _, reason), run in itertools.groupby(discovery.leftovers, key=_alike):
        paths = [path for left in run for path in left.paths]
        names = [_below(path, discovery.root) for path in paths]
        rows.append((LEFT_OVER, str(len(paths)), ends(names), "", "", reason))
    return rows


def table_lines(discovery: Discovery, outputs: Targets | None = None) -> list[str]:
    """Give the table's rows in columns as wide as their contents."""
    return in_columns(table_rows(discovery, outputs))


def ends(names: Sequence[str]) -> str:
    """Give the first and the last of names."""
    return names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}"


def relative_evs(evs: Sequence[float | None]) -> str:
    """EVs beyond the middle one, "0 -2 +2"; "-" where one is unknown."""
    known = [ev for ev in evs if ev is not None]
    if not known or len(known) < len(evs):
        return "-"
    middle = statistics.median_low(known)
    return " ".join("0" if abs(ev - middle) < 0.05 else f"{ev - middle:+.1f}".removesuffix(".0") for ev in known)


def _alike(left: Leftover) -> tuple[Path, str, str]:
    return left.paths[0].parent, left.kind, left.reason


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

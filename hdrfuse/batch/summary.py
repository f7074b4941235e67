"""The account of a batch: summary.json for scripts, report.html for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hdrfuse import __version__
from hdrfuse.batch.engine import SceneResult
from hdrfuse.brackets.discovered import Discovery, Leftover
from hdrfuse.formats import replacing
from hdrfuse.report.batch_page import write_batch_page
from hdrfuse.report.batch_run import BatchFrame, BatchRun, BatchScene, Status

SUMMARY, PAGE = "summary.json", "report.html"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A batch that has ended."""

    discovery: Discovery
    out: Path
    results: tuple[SceneResult, ...]
    """In the order in which the scenes were found."""
    started_at: datetime
    seconds: float
    method: str
    workers: int
    settings: Mapping[str, str]
    """What was asked for beyond the defaults, by option."""
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Name and reason of everything that is broken: scenes, and files that cannot be read."""
        scenes = [(each.scene.key, each.reason or "") for each in self.results if each.failed]
        files = [(self.below_root(each), each.reason) for each in self.discovery.leftovers if each.is_failure]
        return scenes + files

    @property
    def merged(self) -> int:
        """Scenes done by this run."""
        return sum(not each.failed and not each.earlier for each in self.results)

    @property
    def kept(self) -> int:
        """Scenes done by an earlier run."""
        return sum(each.earlier for each in self.results)

    @property
    def device(self) -> str | None:
        """Where the network ran, by the first scene that says so."""
        networks = (each.done.report.network for each in self.results if each.done is not None)
        return next((network.device for network in networks if network is not None), None)

    @property
    def left_over(self) -> int:
        """Files that belong to no scene."""
        return sum(len(each.paths) for each in self.discovery.leftovers)

    def below_root(self, leftover: Leftover) -> str:
        """Name files that belong to no scene by the first of them."""
        first, *others = (path.relative_to(self.discovery.root).as_posix() for path in leftover.paths)
        return first if not others else f"{first} and {len(others)} more"

    def as_json(self) -> dict[str, Any]:
        """Everything that is known, plain types."""
        root = self.discovery.root
        return {
            "hdrfuse": __version__,
            "root": str(root),
            "out": str(self.out),
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "workers": self.workers,
            "settings": dict(self.settings),
            "counts": {
                "scenes": len(self.results), "merged": self.merged, "kept": self.kept,
                "failed": len(self.failures), "left_over_files": self.left_over,
            },
            "scenes": [_entry(each) for each in self.results],
            "leftovers": [
                {"files": [str(path) for path in each.paths], "kind": str(each.kind), "reason": each.reason}
                for each in self.discovery.leftovers
            ],
            "warnings": list(self.notes),
        }  # fmt: skip

    def write(self, *, page: bool = True) -> list[Path]:
        """Write the summary and the page beside the results -> their paths. Raises WriteError."""
        summary = self.out / SUMMARY
        with replacing(summary, overwrite=True) as temporary:
            temporary.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        if not page:
            return [summary]
        write_batch_page(self.out / PAGE, self.as_page())
        return [summary, self.out / PAGE]

    def as_page(self) -> BatchRun:
        """What the page shows."""
        return BatchRun(
            root=self.discovery.root,
            out=self.out,
            scenes=[_scene(each, self.out) for each in self.results] + self._left_over(),
            started_at=self.started_at,
            seconds=self.seconds,
            version=__version__,
            method=self.method,
            settings=self.settings,
            device=self.device,
            workers=self.workers or None,
            notes=self.notes,
        )

    def _left_over(self) -> list[BatchScene]:
        """Files that belong to no scene, told apart where their names would not."""
        names: dict[str, int] = {}
        scenes = []
        for leftover in self.discovery.leftovers:
            name = self.below_root(leftover)
            names[name] = names.get(name, 0) + 1
            scenes.append(
                BatchScene(
                    name=name if names[name] == 1 else f"{name} ({names[name]})",
                    status=Status.FAILED if leftover.is_failure else Status.SKIPPED,
                    reason=f"{leftover.kind}: {leftover.reason}",
                    frames=_frames(leftover.paths),
                )
            )
        return scenes


def _entry(result: SceneResult) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "scene": result.scene.key,
        "status": "failed" if result.failed else "kept" if result.earlier else "merged",
        "files": [str(path) for path in result.scene.found.files],
        "captured_at": result.scene.origin.captured_at,
    }
    if result.done is None:
        return {**entry, "reason": result.reason, "traceback": result.traceback, "outputs": []}
    return {
        **entry,
        "outputs": list(result.done.outputs),
        "warnings": [*result.warnings, *result.done.report.warnings],
        "report": result.done.report.as_json(),
    }


def _scene(result: SceneResult, out: Path) -> BatchScene:
    scene = result.scene
    if result.done is None:
        return BatchScene(
            name=scene.key, status=Status.FAILED, reason=result.reason, frames=_frames(scene.found.files),
            captured_at=scene.found.captured_at,
        )  # fmt: skip
    pictures = scene.work.pictures
    return BatchScene.of_merge(
        result.done.report,
        name=scene.key,
        files={what: out / name for what, name in _name_outputs(result).items()},
        warnings=result.warnings,
        earlier=result.earlier,
        preview=None if pictures is None else pictures.after,
        naive=None if pictures is None else pictures.before,
        ghost_map=None if pictures is None else pictures.ghosts,
    )


def _name_outputs(result: SceneResult) -> dict[str, str]:
    """Outputs by what they are, below the output folder, wherever that was when they were written."""
    return dict(zip(result.scene.work.job.outputs.files, result.scene.outputs, strict=True))


def _frames(paths: Sequence[Path]) -> tuple[BatchFrame, ...]:
    return tuple(BatchFrame(name=path.name) for path in paths)

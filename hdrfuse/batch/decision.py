"""What is to be done with each scene: keep it, merge it, or leave what is in its place alone."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hdrfuse.batch.identity import are_unchanged
from hdrfuse.batch.journal import DoneScene, Past
from hdrfuse.batch.placement import PlannedScene
from hdrfuse.batch.work import SceneWork
from hdrfuse.errors import HdrfuseError
from hdrfuse.formats.atomic import remove_unfinished


@dataclass(frozen=True, kw_only=True)
class Keep:
    """The results are there and still those of these frames under these settings."""

    done: DoneScene
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Merge:
    """The scene is new, has changed or failed before."""

    work: SceneWork


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """Its files cannot be written."""

    reason: str


Decision = Keep | Merge | Refuse


def decide(scene: PlannedScene, out: Path, past: Past, settings: str, *, overwrite: bool = False) -> Decision:
    """Decide on one scene, and write nothing.

    `settings` is their identity. With `overwrite` everything is merged again, whoever wrote what is there.
    """
    done = None if overwrite else past.done.get(scene.key)
    if done is not None and is_current(done, scene, out, settings):
        edited = _edited_outputs(scene.outputs, out, past)
        warnings = tuple(f"{out / name}: was changed since it was written and is kept" for name in edited)
        return Keep(done=done, warnings=warnings)
    existing = [name for name in scene.outputs if os.path.lexists(out / name)]
    if not overwrite and (reason := _why_foreign(existing, scene, out, past)) is not None:
        return Refuse(reason=reason)
    outputs = replace(scene.work.job.outputs, overwrite=bool(existing))
    try:
        outputs.check(scene.work.job.scene.files, makes_folders=True)
    except HdrfuseError as error:
        return Refuse(reason=str(error))
    return Merge(work=replacing_outputs(scene.work, overwrite=bool(existing)))


def make_folders(work: SceneWork) -> None:
    """Make the folders for a scene's files. Raises OSError; what the page shows it can do without."""
    for folder in {path.parent for path in work.job.outputs.files.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    if work.pictures is not None:
        with suppress(OSError):
            work.pictures.before.parent.mkdir(parents=True, exist_ok=True)


def replacing_outputs(work: SceneWork, *, overwrite: bool) -> SceneWork:
    """The same work, its files to replace what is there or not."""
    return replace(work, job=replace(work.job, outputs=replace(work.job.outputs, overwrite=overwrite)))


def is_current(done: DoneScene, scene: PlannedScene, out: Path, settings: str) -> bool:
    """Whether results are all there, and of these files and settings."""
    return (
        done.settings == settings
        and set(scene.outputs) <= set(done.outputs)
        and all((out / name).is_file() for name in scene.outputs)
        and are_unchanged(done.inputs, scene.work.inputs)
    )


def sweep(work: SceneWork) -> None:
    """Remove what a worker that was killed left of a scene's files under temporary names."""
    work.job.outputs.sweep()
    if work.pictures is not None:
        remove_unfinished(work.pictures.before.parent)


def _edited_outputs(names: Sequence[str], out: Path, past: Past, *, about_to_be_replaced: bool = False) -> list[str]:
    """Outputs that somebody changed since: by size and time, and by their content where it is about to be lost."""
    return [
        name
        for name in names
        if name in past.written and not past.written[name].holds(out / name, whatever_the_time=about_to_be_replaced)
    ]


def _why_foreign(existing: Sequence[str], scene: PlannedScene, out: Path, past: Past) -> str | None:
    """Say why what is there must not be replaced unasked, None where it may."""
    for name in existing:
        owner = past.owned.get(name)
        if owner is None:
            return f"{out / name}: exists already; --overwrite replaces it"
        if not owner.could_be(scene.origin):
            taken = "" if owner.captured_at is None else f", taken {owner.captured_at.replace('T', ' ')}"
            return (
                f"{out / name}: exists already, of other photographs (in {owner.root}{taken}); --overwrite replaces "
                "it, another --out or --name keeps both"
            )
    was_killed = scene.key in past.begun  # it may have written them, and could not note it any more
    if not was_killed and (edited := _edited_outputs(existing, out, past, about_to_be_replaced=True)):
        return f"{out / edited[0]}: was changed since it was written; --overwrite replaces it"
    return None

"""The layout of an output folder: which files each scene gets, and where."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hdrfuse.batch.journal import Origin
from hdrfuse.batch.page_pictures import PagePictures
from hdrfuse.batch.settings import BatchSettings
from hdrfuse.batch.work import SceneWork
from hdrfuse.brackets.discovered import Discovery, FoundScene
from hdrfuse.brackets.exposure import GIVEN
from hdrfuse.errors import UsageError
from hdrfuse.formats.names import fitting
from hdrfuse.formats.writers import WRITERS
from hdrfuse.job import MergeJob
from hdrfuse.outputs import Outputs

PICTURES = ".report"
"""Folder below the output folder that holds the page's pictures."""


@dataclass(frozen=True, kw_only=True)
class PlannedScene:
    """One scene, what it is called and what it becomes."""

    found: FoundScene
    work: SceneWork
    outputs: tuple[str, ...]
    """Paths below the output folder."""
    origin: Origin

    @property
    def key(self) -> str:
        """Its name below the output folder, folders included."""
        return self.work.key


def plan_scenes(discovery: Discovery, out: Path, settings: BatchSettings, *, page: bool = True) -> list[PlannedScene]:
    """Name every scene's files below `out`, the shoot's folders mirrored.

    Raises UsageError where the name's pattern gives two scenes one name.
    """
    root = str(discovery.root.resolve())
    planned: dict[str, PlannedScene] = {}
    for bracket in discovery.scenes:
        scene = _plan_scene(bracket, root, out, settings, page=page)
        if scene.key in planned:
            raise UsageError(
                f"--name {settings.name.text}: {_describe(planned[scene.key].found)} and {_describe(bracket)} would "
                f"both be {scene.key}; add {{scene}} or {{first}}"
            )
        planned[scene.key] = scene
    return list(planned.values())


def _plan_scene(scene: FoundScene, root: str, out: Path, settings: BatchSettings, *, page: bool) -> PlannedScene:
    name = PurePosixPath(scene.folder.as_posix()) / settings.name.fill(scene)
    place = out / name
    first, *others = (place.with_name(fitting(name.name, WRITERS[each].suffixes[0])) for each in settings.formats)
    outputs = Outputs(
        radiance=first,
        copies=tuple(others),
        preview=place.with_name(fitting(name.name, ".preview.jpg")) if settings.display.preview else None,
        ghost_map=place.with_name(fitting(name.name, ".ghost.png")) if settings.ghost_maps else None,
        tonemap=settings.display.tonemap,
        storage=settings.storage,
    )
    job = MergeJob(
        scene=scene.scene,
        outputs=outputs,
        options=settings.options,
        exposures=settings.exposures or scene.exposures,
        exposures_by=scene.exposure_file.name if scene.exposure_file and not settings.exposures else GIVEN,
        reference=settings.reference,
    )
    work = SceneWork(
        key=str(name),
        job=job,
        pictures=PagePictures.of(out / PICTURES, str(name)) if page else None,
        exposure_file=scene.exposure_file,
    )
    return PlannedScene(
        found=scene,
        work=work,
        outputs=tuple(path.relative_to(out).as_posix() for path in outputs.files.values()),
        origin=Origin(
            root=root, captured_at=None if scene.captured_at is None else scene.captured_at.isoformat()
        ),
    )  # fmt: skip


def _describe(scene: FoundScene) -> str:
    return f"{scene.folder / scene.name} ({scene.files[0].name})"

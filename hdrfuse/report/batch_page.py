"""The page of a batch: every scene with its picture, its ghosts, its exposures and what it cost."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from hdrfuse.errors import ImageError
from hdrfuse.formats import replacing
from hdrfuse.imaging.display.ghost_map import LEGEND
from hdrfuse.report import quantities
from hdrfuse.report.batch_run import BatchFrame, BatchRun, BatchScene, Status
from hdrfuse.report.markup import Html, element, joined
from hdrfuse.report.page import document, header, isolated, notes
from hdrfuse.report.picture_slider import Side, captioned, missing, picture, slider
from hdrfuse.report.pictures import PAGE_BYTES, Album, Inlined, ReportPicture, thumbnail
from hdrfuse.report.scene_list import Cell, Column, SceneEntry, scene_list
from hdrfuse.report.table import table

COLUMNS = (
    Column(title="Status"),
    Column(title="Exposures (EV)"),
    Column(title="Ghosts", numeric=True),
    Column(title="Warnings", numeric=True),
    Column(title="Time", numeric=True),
    Column(title="Captured"),
    Column(title="Pixels", numeric=True),
)
OURS, NAIVE = "hdrfuse", "plain merge"
FILES = {"radiance": "HDR image", "preview": "preview", "ghost_map": "ghost map", "response": "response curve"}
"""Words for the keys of `Outputs.files`."""


def write_batch_page(path: Path, run: BatchRun, *, page_bytes: float = PAGE_BYTES) -> None:
    """Write a batch as one self-contained HTML page, whose pictures weigh `page_bytes` at most.

    An earlier page is replaced, or stays where this one cannot be written: then raises WriteError. A picture
    that is missing or damaged leaves a note on the page.
    """
    with replacing(path, overwrite=True) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(batch_page(run, folder=path.parent, page_bytes=page_bytes))


def batch_page(run: BatchRun, *, folder: Path, page_bytes: float = PAGE_BYTES) -> Iterator[str]:
    """Give the page of a batch piece by piece; links to the outputs are relative to `folder`."""
    title = run.root.resolve().name or str(run.root)
    return document(f"{title}: hdrfuse batch", _body(run, title, folder, page_bytes))


def _body(run: BatchRun, title: str, folder: Path, page_bytes: float) -> Iterator[Html]:
    yield header("hdrfuse batch", title, _facts(run))
    yield notes(["Interrupted: not every scene was tried."] if run.interrupted else [], kind="failure")
    yield notes(run.notes, kind="warning")
    given = sum(len(_pictures(scene)) for scene in run.scenes)
    album = Album(shares=given, page_bytes=page_bytes)
    counted = Counter(flag for scene in run.scenes for flag in _flags(scene))
    words = {"failed": "Failed", "skipped": "Skipped", "warned": "With warnings"}
    toggles = {flag: (text, counted[flag]) for flag, text in words.items()}
    entries = (_entry(scene, album, folder) for scene in run.scenes)
    yield from scene_list(COLUMNS, entries, toggles=toggles, count=len(run.scenes))


def _facts(run: BatchRun) -> list[tuple[str, str]]:
    counted = Counter(scene.status for scene in run.scenes)
    earlier = sum(scene.earlier for scene in run.scenes if scene.status is Status.DONE)
    results = {status: f"{counted[status]} {status}" for status in Status if counted[status]}
    if earlier:
        results[Status.DONE] += f" ({earlier} by an earlier run)"
    facts = {
        "Result": ", ".join(results.values()) or "no scenes",
        "Time": quantities.duration(run.seconds),
        "Started": quantities.moment(run.started_at),
        "From": str(run.root),
        "To": str(run.out),
        "Method": f"{run.method}, hdrfuse {run.version}",
        "Device": run.device or "",
        "Scenes at a time": "" if run.workers is None else str(run.workers),
        "Settings": "  ".join(f"{name} {value}".rstrip() for name, value in run.settings.items()),
    }
    return [(name, value) for name, value in facts.items() if value]


def _flags(scene: BatchScene) -> list[str]:
    return [scene.status.value, *(["warned"] if scene.warnings else [])]


def _pictures(scene: BatchScene) -> list[ReportPicture]:
    return [each for each in (scene.preview, scene.naive, scene.ghost_map) if each is not None]


def _entry(scene: BatchScene, album: Album, folder: Path) -> SceneEntry:
    failed = scene.status is Status.FAILED
    small = None
    if scene.preview is not None:
        try:
            small = thumbnail(scene.preview)
        except ImageError:
            small = None  # said where the picture would be
    status = "done earlier" if scene.earlier and scene.status is Status.DONE else scene.status.value
    total = scene.seconds.get("total")
    evs = _relative_evs(scene)
    megapixels = None if scene.size_px is None else scene.size_px[0] * scene.size_px[1] / 1e6
    warned = len(scene.warnings)
    cells = (
        Cell(content=element("span", status, class_="status"), key=list(Status).index(scene.status)),
        Cell(content=" ".join(map(quantities.ev, evs)) or quantities.UNKNOWN, key=len(evs) or None),
        Cell(content=quantities.share(scene.ghost_fraction), key=scene.ghost_fraction),
        Cell(content=str(warned) if warned else quantities.UNKNOWN, key=warned or None),
        Cell(content=quantities.duration(total), key=total),
        Cell(
            content=quantities.moment(scene.captured_at),
            key=scene.captured_at.isoformat() if scene.captured_at else None,
        ),
        Cell(content=quantities.plain(megapixels, "MP", decimals=1), key=megapixels),
    )
    return SceneEntry(
        name=scene.name,
        subtitle="" if failed else scene.reason or "",
        trouble=scene.reason or "" if failed else "",
        detail=_detail(scene, album, folder),
        cells=cells,
        thumbnail=small,
        words=" ".join((*(frame.name for frame in scene.frames), *scene.warnings, scene.camera or "")),
        flags=_flags(scene),
    )


def _detail(scene: BatchScene, album: Album, folder: Path) -> Html:
    listed = notes(scene.warnings, kind="warning")
    tables = joined([_exposures(scene) if scene.frames else Html(), _files(scene, folder)])
    facts = element("div", element("div", tables), _timings(scene) if scene.seconds else Html(), class_="facts")
    return joined([_shown(scene, album), listed, facts])


def _shown(scene: BatchScene, album: Album) -> Html:
    """The slider and the ghost map, or notes in their place; nothing for a scene without pictures."""
    if not _pictures(scene):
        return missing("No pictures of this scene.") if scene.status is Status.DONE else Html()
    pair = [(name, each) for name, each in ((NAIVE, scene.naive), (OURS, scene.preview)) if each is not None]
    sides, troubles = [], []
    try:
        inlined = album.inline([each for _, each in pair])
        sides = [Side(name=name, picture=each) for (name, _), each in zip(pair, inlined, strict=True)]
    except ImageError:
        for name, each in pair:
            shown = _inlined(each, album)
            if isinstance(shown, Inlined):
                sides.append(Side(name=name, picture=shown))
            else:
                troubles.append(shown)
    if len(sides) == 2:
        first = slider(sides, about=scene.name)
    else:
        first = joined(captioned(picture(each.picture, f"{scene.name}: {each.name}"), each.name) for each in sides)
    parts = [first, *troubles]
    if scene.ghost_map is not None:
        shown = _inlined(scene.ghost_map, album)
        if isinstance(shown, Inlined):
            drawn = picture(shown, f"{scene.name}: ghost map")
            shown = element("figure", drawn, element("figcaption", "Ghost map: ", _legend()))
        parts.append(shown)
    return element("div", *parts, class_="pictures")


def _legend() -> Html:
    """What the ghost map's colours mean; the line inside the map is too small to be read here."""
    entries = []
    for entry in LEGEND:
        box = element("rect", width=10, height=10, fill="rgb({}, {}, {})".format(*entry.color))
        swatch = element("svg", box, width=10, height=10, aria_hidden="true")
        entries.append(element("span", swatch, f" {entry.text}", class_="swatch"))
    return joined(entries, " ")


def _inlined(given: ReportPicture, album: Album) -> Inlined | Html:
    try:
        return album.inline([given])[0]
    except ImageError as error:
        return missing(str(error))


def _relative_evs(scene: BatchScene) -> list[float]:
    """Exposures relative to the reference's; empty where one is unknown."""
    evs = [frame.ev for frame in scene.frames if frame.ev is not None]
    if len(evs) < len(scene.frames) or not evs:
        return []
    zero = next((frame.ev for frame in scene.frames if frame.reference and frame.ev is not None), 0.0)
    return [each - zero for each in evs]


def _exposures(scene: BatchScene) -> Html:
    evs: list[float] | list[float | None] = _relative_evs(scene) or [frame.ev for frame in scene.frames]
    rows = [_exposure(frame, ev) for frame, ev in zip(scene.frames, evs, strict=True)]
    columns = ("Frame", "EV", "From", "Time", "Aperture", "ISO", "Moved by", "Rejected")
    marks = ["reference" if frame.reference else "" for frame in scene.frames]
    return table(columns, rows, caption="Exposures", texts=(0, 2), classes=marks)


def _exposure(frame: BatchFrame, ev: float | None) -> list[str]:
    return [
        f"{frame.name} (reference)" if frame.reference else frame.name,
        quantities.ev(ev),
        frame.ev_source or quantities.UNKNOWN,
        quantities.exposure_time(frame.exposure_time_s),
        quantities.f_number(frame.f_number),
        quantities.plain(frame.iso),
        quantities.plain(frame.shift_px, "px", decimals=1),
        quantities.share(frame.ghost_fraction),
    ]


def _timings(scene: BatchScene) -> Html:
    rows = [[stage, quantities.duration(seconds)] for stage, seconds in scene.seconds.items()]
    marks = ["total" if stage == "total" else "" for stage in scene.seconds]
    if scene.peak_memory_mb is not None:
        rows.append(["peak memory", quantities.plain(scene.peak_memory_mb, "MB")])
        marks.append("")
    return table(("Stage", "Time"), rows, caption="Timings", classes=marks)


def _files(scene: BatchScene, folder: Path) -> Html:
    """Links to the outputs, and what else is known of the scene."""
    items = [
        element("li", element("a", isolated(path.name), href=_relative_link(path, folder)), f" {FILES.get(what, what)}")
        for what, path in scene.files.items()
    ]
    facts = [scene.camera or "", "" if scene.size_px is None else quantities.extent(*scene.size_px)]
    items += [element("li", isolated(fact)) for fact in facts if fact]
    return element("div", element("h3", "Files"), element("ul", *items), class_="files") if items else Html()


def _relative_link(path: Path, folder: Path) -> str:
    """A link that goes with the folder when it moves to another disk; an absolute one across drives."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # Windows: another drive
        return path.resolve().as_uri()
    return quote(os.fsencode("./" + Path(relative).as_posix()))

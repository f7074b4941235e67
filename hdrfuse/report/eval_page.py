"""The page of an evaluation: its tables, and every scene's figures, pictures, crops and error maps by method."""

from collections.abc import Iterator, Sequence
from math import isinf

from hdrfuse.evaluation.crops import ERROR_WHITE
from hdrfuse.evaluation.results import EvaluatedScene, Evaluation, Metric, Pictures, Score
from hdrfuse.evaluation.table import Table
from hdrfuse.report import quantities
from hdrfuse.report.markup import Html, element, joined
from hdrfuse.report.page import document, header, notes
from hdrfuse.report.picture_slider import Side, captioned, missing, picture, slider
from hdrfuse.report.pictures import CROPS, PAGE_BYTES, WHOLE, Album, ReportPicture, thumbnail
from hdrfuse.report.scene_list import Cell, Column, SceneEntry, scene_list
from hdrfuse.report.table import table

TRUTH, REFERENCE = "truth", "reference frame"


def eval_page(evaluation: Evaluation, *, page_bytes: float = PAGE_BYTES) -> str:
    """Return one self-contained HTML page of an evaluation, whose pictures weigh `page_bytes` at most.

    Raises ImageError for a picture file that cannot be read.
    """
    return "".join(document(f"{evaluation.dataset}: hdrfuse eval", _body(evaluation, page_bytes)))


def _body(evaluation: Evaluation, page_bytes: float) -> Iterator[Html]:
    scenes, methods = len(evaluation.scenes), len(evaluation.methods)
    sizes = f"{_counted(scenes, 'scene')}, {_counted(methods, 'method')}"
    yield header("hdrfuse eval", f"{evaluation.dataset}: {sizes}", [])
    failures = [f"{scene}, {score.method}: {score.failure}" for scene, score in evaluation.failures]
    if failures:
        yield element("h2", f"Not scored: {len(failures)}")
        yield notes(failures, kind="failure")
    yield notes(evaluation.warnings, kind="warning")
    for each in evaluation.tables:
        yield _table(each)
    yield notes(evaluation.caption, kind="note")
    yield element("h2", "Scenes")
    album = Album(shares=sum(_shares(scene) for scene in evaluation.scenes), page_bytes=page_bytes)
    columns = [Column(title="EVs")]
    if any(scene.group for scene in evaluation.scenes):
        columns.insert(0, Column(title="Group"))
    for metric in evaluation.metrics:
        title = f"{metric.name} ({metric.unit})" if metric.unit else metric.name
        columns += [Column(title=method, numeric=True, group=title) for method in evaluation.methods]
    entries = (_entry(scene, evaluation, columns, album) for scene in evaluation.scenes)
    failed = sum(any(score.failure for score in scene.scores) for scene in evaluation.scenes)
    yield from scene_list(columns, entries, toggles={"failed": ("Failed", failed)}, count=scenes)


def _table(shown: Table) -> Html:
    return element(
        "section",
        element("h2", shown.title),
        table(shown.columns, [row.cells for row in shown.rows], classes=[row.kind for row in shown.rows]),
        notes(shown.notes, kind="note"),
    )


def _shares(scene: EvaluatedScene) -> float:
    """How much of the page's pictures are this scene's."""
    crops = sum(len(each.crops) for _, each in _results(scene))
    maps = sum(each.error_map is not None for _, each in _results(scene))
    return (len(_sides(scene)) + maps) * WHOLE.share + crops * CROPS.share


def _results(scene: EvaluatedScene) -> list[tuple[str, Pictures]]:
    """The methods' pictures by name, the truth's last."""
    named = [(score.method, score.pictures) for score in scene.scores] + [(TRUTH, scene.truth)]
    return [(name, pictures) for name, pictures in named if pictures is not None]


def _sides(scene: EvaluatedScene) -> list[tuple[str, ReportPicture]]:
    """What the slider compares: methods, truth, reference frame."""
    previews: list[tuple[str, ReportPicture]] = [(name, pictures.preview) for name, pictures in _results(scene)]
    if scene.frames:
        previews.append((REFERENCE, scene.frames[(len(scene.frames) - 1) // 2]))
    return previews


def _entry(scene: EvaluatedScene, evaluation: Evaluation, columns: Sequence[Column], album: Album) -> SceneEntry:
    sides = _sides(scene)
    cells = [Cell(content=" ".join(map(quantities.ev, scene.evs)), key=len(scene.evs) or None)]
    if columns[0].title == "Group":
        cells.insert(0, Cell(content=scene.group, key=scene.group or None))
    scores = {score.method: score for score in scene.scores}
    for metric in evaluation.metrics:
        best = _best(scene, metric)
        for method in evaluation.methods:
            score = scores.get(method)
            text = _value(score, metric)
            value = None if score is None else score.values.get(metric.name)
            cells.append(Cell(content=text, key=value, marked=text == best))
    return SceneEntry(
        name=scene.name,
        subtitle=scene.details,
        cells=cells,
        detail=_detail(scene, evaluation.metrics, album),
        thumbnail=thumbnail(sides[0][1]) if sides else None,
        flags=["failed"] if any(score.failure for score in scene.scores) else [],
    )


def _detail(scene: EvaluatedScene, metrics: Sequence[Metric], album: Album) -> Html:
    sides = _sides(scene)
    inlined = album.inline([each for _, each in sides])
    shown = [Side(name=name, picture=each) for (name, _), each in zip(sides, inlined, strict=True)]
    names = [name for name, _ in sides]
    if len(shown) > 1:
        right = names.index(TRUTH) if TRUTH in names[1:] else 1
        first = slider(shown, left=0, right=right, about=scene.name)
    else:
        first = joined(captioned(picture(side.picture, f"{scene.name}: {side.name}"), side.name) for side in shown)
    troubles = [f"{score.method}: {score.failure}" for score in scene.scores if score.failure]
    warnings = [f"{score.method}: {warning}" for score in scene.scores for warning in score.warnings]
    facts = element(
        "div",
        notes(troubles, kind="failure"),
        _figures(scene, metrics),
        notes(warnings, kind="warning"),
        *([element("p", quantities.extent(*scene.size), class_="soft")] if scene.size else []),
    )
    return joined(
        [
            element("div", first or missing("No pictures of this scene."), facts, class_="pictures beside"),
            *_crops(scene, album),
            *_error_maps(scene, album),
        ]
    )


def _figures(scene: EvaluatedScene, metrics: Sequence[Metric]) -> Html:
    """Every value of a scene, a method a row."""
    best = [_best(scene, metric) for metric in metrics]
    rows = [
        [score.method, *(_value(score, metric) for metric in metrics), quantities.duration(score.seconds)]
        for score in scene.scores
    ]
    marked = [
        (row, column)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts[1:-1], start=1)
        if text == best[column - 1]
    ]
    columns = ["Method", *(f"{metric.name} {metric.unit}".rstrip() for metric in metrics), "Time"]
    return table(columns, rows, marked=marked)


def _crops(scene: EvaluatedScene, album: Album) -> Iterator[Html]:
    """A row of crops for each place: every method, then the truth."""
    results = _results(scene)
    for index, box in enumerate(scene.crops):
        having = [(name, pictures.crops[index]) for name, pictures in results if index < len(pictures.crops)]
        inlined = album.inline([path for _, path in having], CROPS)
        place = f"{quantities.extent(box.width, box.height)} at {box.left}, {box.top}"
        yield element("h3", f"Crop {index + 1}: ", element("span", place, class_="soft"))
        shown = [
            captioned(picture(each, f"{scene.name}: {name}, crop {index + 1}"), name)
            for (name, _), each in zip(having, inlined, strict=True)
        ]
        yield element("div", *shown, class_="sheet crops", title=place)


def _error_maps(scene: EvaluatedScene, album: Album) -> Iterator[Html]:
    having = [(name, each.error_map) for name, each in _results(scene) if each.error_map is not None]
    if not having:
        return
    inlined = album.inline([path for _, path in having])
    scale = element("span", class_="scale")
    legend = element("span", "0 ", scale, f" {ERROR_WHITE:g} and more, after the mu-law", class_="soft")
    yield element("h3", "Errors: ", legend)
    shown = [
        captioned(picture(each, f"{scene.name}: error of {name}"), name)
        for (name, _), each in zip(having, inlined, strict=True)
    ]
    yield element("div", *shown, class_="sheet")


def _value(score: Score | None, metric: Metric) -> str:
    """A score's value as it is shown; infinite for a picture equal to the truth."""
    value = None if score is None else score.values.get(metric.name)
    if value is None:
        return quantities.UNKNOWN
    return "∞" if isinf(value) else quantities.plain(value, decimals=metric.decimals)


def _best(scene: EvaluatedScene, metric: Metric) -> str | None:
    """How the best value among several methods is shown."""
    having = [score for score in scene.scores if metric.name in score.values]
    if len(having) < 2:
        return None
    best = min if metric.lower_is_better else max
    return _value(best(having, key=lambda score: score.values[metric.name]), metric)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

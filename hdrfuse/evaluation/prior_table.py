"""What the prior is worth inside hidden light: a row a form and source, and what they differ by."""

from collections.abc import Iterator, Sequence
from math import isfinite

from hdrfuse.evaluation.hidden_light import CLIPPED, FEWEST_PIXELS, HIDDEN, VGG_HIDDEN, HiddenLight
from hdrfuse.evaluation.prior_sources import PriorRow, PriorRows
from hdrfuse.evaluation.published import METRICS
from hdrfuse.evaluation.results import EvaluatedScene, Metric, Score
from hdrfuse.evaluation.statistics import Mean, mean_by_source, mean_of
from hdrfuse.evaluation.summary import format_value
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.text import counted

WHOLE = next(metric for metric in METRICS if metric.name == "PSNR-mu")


def prior_tables(dataset: str, compared: PriorRows, scenes: Sequence[EvaluatedScene], how: HiddenLight) -> list[Table]:
    """The means over the scenes, then the paired differences where a form has more than one source."""
    metrics = [WHOLE, *how.metrics]
    rows = []
    for row in compared.rows:
        scored = list(scores_of(row, scenes))
        figures = (mean_of(values_of(scored, metric)).value for metric in metrics)
        cells = (format_value(value, metric) for value, metric in zip(figures, metrics, strict=True))
        failed = len(scenes) - len(scored)
        count = f"{len(scored)} of {len(scenes)}" if failed else str(len(scored))
        sources = len({source_of(scene) for scene, _ in scored})
        rows.append(Row(cells=(row.form, row.source, *cells, count, str(sources))))
    columns = ("method", "prior", *(metric.name for metric in metrics), "scenes", "sources")
    title = f"Table 3: what the prior is worth inside hidden light, {dataset}"
    notes = (*compared.notes, *(held_by(metric, compared, scenes) for metric in (HIDDEN, CLIPPED)))
    found = [Table(number=3, title=title, columns=columns, rows=tuple(rows), notes=notes)]
    differences = difference_rows(compared, scenes, [HIDDEN, CLIPPED, WHOLE, *(m for m in metrics if m == VGG_HIDDEN)])
    if differences:
        found.append(differences_table(dataset, differences, how))
    return found


def differences_table(dataset: str, rows: Sequence[Row], how: HiddenLight) -> Table:
    """The paired differences."""
    columns = ["hidden (dB)", "clipped (dB)", "whole (dB)", *(m.name for m in how.metrics if m == VGG_HIDDEN)]
    return Table(
        number=3, title=f"Paired differences between priors, {dataset}",
        columns=("method: prior - other prior", *columns), rows=tuple(rows),
        notes=(
            "PSNR-mu inside the masks and of the whole: mean over the scenes that both have, in brackets its 95 % "
            "interval by the bootstrap, which draws the pictures that scenes are made from, each with all its scenes.",
        ),
    )  # fmt: skip


def difference_rows(compared: PriorRows, scenes: Sequence[EvaluatedScene], metrics: Sequence[Metric]) -> list[Row]:
    """Every row of a form less its null prior's, or less its first one's where null was not asked for."""
    rows = []
    for form in dict.fromkeys(row.form for row in compared.rows):
        alike = [row for row in compared.rows if row.form == form]
        base = next((row for row in alike if row.source == "null"), alike[0])
        for row in alike:
            if row is not base:
                figures = (shown(difference(row, base, scenes, metric), metric) for metric in metrics)
                rows.append(Row(cells=(f"{form}: {row.source} - {base.source}", *figures)))
    return rows


def difference(row: PriorRow, base: PriorRow, scenes: Sequence[EvaluatedScene], metric: Metric) -> Mean:
    """Mean difference of a metric over the scenes where both have a value, and its interval by sources."""
    bases = {scene.name: score.values for scene, score in scores_of(base, scenes)}
    pairs = [
        (source_of(scene), score.values[metric.name], bases[scene.name][metric.name])
        for scene, score in scores_of(row, scenes)
        if metric.name in score.values and metric.name in bases.get(scene.name, {})
    ]
    # Two pictures that equal the truth, infinite scores, differ by nothing.
    return mean_by_source([0.0 if a == b else a - b for _, a, b in pairs], [source for source, _, _ in pairs])


def shown(mean: Mean, metric: Metric) -> str:
    """A difference with its sign and, where there is one, its interval."""
    if mean.value is None or not isfinite(mean.value):
        return format_value(mean.value, metric)
    value, *ends = (f"{each:+.{metric.decimals}f}" for each in (mean.value, *(mean.interval or ())))
    return f"{value} [{', '.join(ends)}]" if ends else value


def scores_of(row: PriorRow, scenes: Sequence[EvaluatedScene]) -> Iterator[tuple[EvaluatedScene, Score]]:
    """A row's scores that did not fail, each with its scene."""
    for scene in scenes:
        score = next(each for each in scene.scores if each.method == row.method.name)
        if score.failure is None:
            yield scene, score


def values_of(scored: Sequence[tuple[EvaluatedScene, Score]], metric: Metric) -> list[float]:
    """Values of a metric, of the scenes that have one."""
    return [score.values[metric.name] for _, score in scored if metric.name in score.values]


def held_by(metric: Metric, compared: PriorRows, scenes: Sequence[EvaluatedScene]) -> str:
    """How many scenes a metric's column is of."""
    names = {row.method.name for row in compared.rows}
    having = [
        scene for scene in scenes if any(metric.name in each.values for each in scene.scores if each.method in names)
    ]
    sources = counted(len({source_of(scene) for scene in having}), "picture")
    return f"{metric.name}: {len(having)} of {len(scenes)} scenes, of {sources}, have {FEWEST_PIXELS} such pixels."


def source_of(scene: EvaluatedScene) -> str:
    """The picture that a scene is made from, or the scene itself."""
    return scene.source or scene.name

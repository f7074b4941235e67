"""Table 1: every method's mean over the scenes, beside what papers published."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.published import METRICS, TABLE_1
from hdrfuse.evaluation.results import EvaluatedScene, Metric
from hdrfuse.evaluation.statistics import Mean, mean_of
from hdrfuse.evaluation.table import Row, Table

EQUAL = "\N{INFINITY}: a picture equal to the ground truth."


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One method over the scenes of one group, or over all."""

    method: str
    group: str
    """Kind of motion; empty for all scenes."""
    scenes: int
    failed: tuple[str, ...]
    """Names of the scenes without values."""
    means: dict[str, Mean]
    """By metric, over the scenes that have values."""

    @property
    def counted(self) -> str:
        """How many scenes the means are of."""
        return f"{self.scenes - len(self.failed)} of {self.scenes}" if self.failed else str(self.scenes)


def groups_of(scenes: Sequence[EvaluatedScene]) -> list[str]:
    """The kinds of motion, where there is more than one; then all scenes together."""
    groups = list(dict.fromkeys(scene.group for scene in scenes))
    return [*groups, ""] if len(groups) > 1 else groups[:1]


def summaries(scenes: Sequence[EvaluatedScene]) -> list[Summary]:
    """Every method in every group."""
    rows = []
    for group in groups_of(scenes):
        members = [scene for scene in scenes if group in ("", scene.group)]
        for index, score in enumerate(members[0].scores):
            scores = [(scene.name, scene.scores[index]) for scene in members]
            done = [each for _, each in scores if each.failure is None]
            rows.append(
                Summary(
                    method=score.method,
                    group=group,
                    scenes=len(members),
                    failed=tuple(name for name, each in scores if each.failure is not None),
                    means={metric.name: mean_of([each.values[metric.name] for each in done]) for metric in METRICS},
                )
            )
    return rows


def quality_tables(
    dataset: str, scenes: Sequence[EvaluatedScene], protocol: Protocol, split: str = "test split"
) -> list[Table]:
    """Table 1 of each group, with a table of the intervals below."""
    summarised = summaries(scenes)
    tables = []
    for group in groups_of(scenes):
        members = [summary for summary in summarised if summary.group == group]
        title = f"{dataset}, {split}" + (f", {group}" if group else ", all" if len(groups_of(scenes)) > 1 else "")
        published = [
            Row(cells=(name, "", *(format_value(value, metric) for value, metric in zip(values, METRICS, strict=True))),
                kind="published")
            for name, values in TABLE_1.get(dataset, {}).items()
        ]  # fmt: skip
        ours = [
            Row(cells=(each.method, each.counted, *(format_value(each.means[m.name].value, m) for m in METRICS)))
            for each in members
        ]
        columns = ("method", "scenes", *headings(METRICS, protocol))
        notes = [note for each in members if (note := failed_note(each))]
        if any(isinf(mean.value or 0.0) for each in members for mean in each.means.values()):
            notes.append(EQUAL)
        if published:
            notes.append("Published rows: their papers' own HDR-VDP-2 setting, which is unpublished.")
        tables.append(Table(title=f"Table 1: {title}", columns=columns, rows=(*published, *ours), notes=tuple(notes)))
        if any(mean.interval for each in members for mean in each.means.values()):
            rows = tuple(
                Row(cells=(each.method, each.counted, *(interval(each.means[m.name], m) for m in METRICS)))
                for each in members
            )
            tables.append(Table(title=f"95 % bootstrap intervals of the means: {title}", columns=columns, rows=rows))
    return tables


def failed_note(summary: Summary) -> str:
    """Name the scenes that a mean is without; empty if there are none."""
    if not summary.failed:
        return ""
    return f"{summary.method} failed on {', '.join(summary.failed)}: its mean is of other scenes than a full one."


def headings(metrics: Sequence[Metric], protocol: Protocol) -> tuple[str, ...]:
    """Names of the metrics' columns; HDR-VDP-2 with its preset."""
    return tuple(
        f"{metric.name} ({protocol.vdp_preset})" if metric.name == "HDR-VDP-2" else metric.name for metric in metrics
    )


def format_value(value: float | None, metric: Metric) -> str:
    """A value in the metric's decimals; a sign for infinity, a dash for none."""
    if value is None:
        return "-"
    return "\N{INFINITY}" if isinf(value) else f"{value:.{metric.decimals}f}"


def interval(mean: Mean, metric: Metric) -> str:
    """The interval of a mean, a dash where there is none."""
    return " to ".join(format_value(end, metric) for end in mean.interval) if mean.interval else "-"

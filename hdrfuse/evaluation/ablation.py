"""Table 3: what the prior is worth, by weights of the five ways of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrfuse.deghosting.methods import PAPERS_FORM
from hdrfuse.errors import UsageError
from hdrfuse.evaluation.cost import parameters_of
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, make_method
from hdrfuse.evaluation.published import METRICS, TABLE_3
from hdrfuse.evaluation.results import EvaluatedScene
from hdrfuse.evaluation.summary import failed_note, format_value, summaries
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.evaluation.told_prior import ToldPrior
from hdrfuse.options import MergeOptions

OBJECTIVE_OF_PRIOR = {"none": "baseline", "ground-truth": "stage1", "direct": "direct", "diffusion": "stage2"}
"""Row of weights that do not say how they were trained."""

COLUMNS = ("PSNR-mu", "PSNR-L")


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One row: weights with what they are an example of."""

    objective: str
    """Key of TABLE_3."""
    weights: Path
    parameters: int
    method: Method


def find_ablations(
    weights: Sequence[str | Path], merging: MergeOptions, *, leave_out_others: bool = False
) -> list[Ablation]:
    """See which row of table 3 each weights file is, in the table's order.

    Raises WeightsError for what is no weights file, UsageError for two of one row or, unless they are left out, one of
    none.
    """
    from hdrfuse.lfdiff.weights import find_weights, load_weights  # imports torch

    by_objective: dict[str, Ablation] = {}
    for each in weights:
        path = find_weights(each)
        _, metadata = load_weights(path)
        if leave_out_others and metadata.config.prior not in OBJECTIVE_OF_PRIOR:
            continue
        objective = objective_of(metadata.training, metadata.config.prior)
        if objective in by_objective:
            raise UsageError(
                f"--table 3: {by_objective[objective].weights} and {path} are both of the row {objective}; "
                "expected one a row"
            )
        label = TABLE_3[objective][0]
        method = make_method(PAPERS_FORM, merging, weights=path, label=label)
        if metadata.config.prior == "ground-truth":
            assert isinstance(method, HdrfuseMethod)
            method = ToldPrior(label, method.options)
        by_objective[objective] = Ablation(
            objective=objective, weights=path, parameters=parameters_of(metadata.config), method=method
        )
    return [by_objective[objective] for objective in TABLE_3 if objective in by_objective]


def objective_of(training: dict[str, Any], prior: str) -> str:
    """Row of table 3 of weights, by their recipe or else by where their prior comes from.

    Raises UsageError where it is none of the table's.
    """
    try:
        objective = str(training["recipe"]["objective"])
    except (KeyError, TypeError):
        objective = ""
    if prior not in OBJECTIVE_OF_PRIOR:
        raise UsageError(f"--table 3: weights whose prior is {prior}, which is no row of it")
    return objective if objective in TABLE_3 else OBJECTIVE_OF_PRIOR[prior]


def ablation_table(dataset: str, ablations: Sequence[Ablation], scenes: Sequence[EvaluatedScene]) -> Table:
    """Return table 3 of the scenes' scores; rows without weights are left empty."""
    metrics = [metric for metric in METRICS if metric.name in COLUMNS]
    published = [
        Row(cells=(name, f"{millions:.2f}", *(f"{value:.2f}" for value in values), ""), kind="published")
        for name, millions, *values in TABLE_3.values()
    ]
    overall = {each.method: each for each in summaries(scenes)}  # the last group holds all scenes
    ours, notes = [], []
    for ablation in ablations:
        summary = overall[ablation.method.name]
        figures = (format_value(summary.means[metric.name].value, metric) for metric in metrics)
        ours.append(Row(cells=(summary.method, f"{ablation.parameters / 1e6:.2f}", *figures, summary.counted)))
        notes += [note] if (note := failed_note(summary)) else []
    missing = [TABLE_3[each][0] for each in TABLE_3 if each not in {ablation.objective for ablation in ablations}]
    if missing:
        notes.append(f"No weights were given for: {', '.join(missing)}.")
    notes.append(f"Published rows: Kalantari's test set; ours: {dataset}.")
    columns = ("row", "parameters (M)", *COLUMNS, "scenes")
    return Table(
        number=3, title=f"Table 3: what the prior is worth, {dataset}", columns=columns, rows=(*published, *ours),
        notes=tuple(notes),
    )  # fmt: skip

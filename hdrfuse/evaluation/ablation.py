"""Table 3: what the prior is worth, by weights of the five ways of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdrfuse.deghosting.methods import PAPERS_FORM
from hdrfuse.deghosting.tiles import plan_tiles
from hdrfuse.errors import UsageError
from hdrfuse.evaluation.cost import parameters_of
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, MethodResult, make_method
from hdrfuse.evaluation.published import METRICS, TABLE_3
from hdrfuse.evaluation.results import EvaluatedScene
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.evaluation.summary import failed_note, format_value, summaries
from hdrfuse.evaluation.table import Row, Table
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


@dataclass(frozen=True)
class TruePrior(HdrfuseMethod):
    """A network of the first stage, whose prior comes from the ground truth: what a perfect prior would give."""

    @property
    def sentence(self) -> str:
        """Its weights, and that it sees the truth."""
        weights = f"weights {Path(self.options.weights or '').stem} (sha256 {self.digests['weights'][:12]})"
        return f"{self.name}: the prior is encoded from the ground truth; {weights}."

    def check(self) -> None:
        """The weights were loaded when the row was found."""

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Run the network tile by tile, told the truth's prior; fp32."""
        import torch

        from hdrfuse.lfdiff.inference import find_device
        from hdrfuse.lfdiff.model import pad_to_multiple
        from hdrfuse.lfdiff.signals import inverse_mu_law, network_inputs
        from hdrfuse.lfdiff.weights import find_weights, load_weights

        device = find_device(self.options.device)
        model, metadata = load_weights(find_weights(self.options.weights), device)
        ldr = np.stack([frame / np.float32(np.iinfo(frame.dtype).max) for frame in bracket.frames])
        exposure = torch.tensor(bracket.gains, dtype=torch.float32, device=device)[None]
        radiance = np.zeros(bracket.truth.shape, np.float32)
        multiple = model.config.multiple_of
        size = self.options.tile or metadata.tile_px
        step = int(np.lcm(multiple, model.config.prior_stride))
        for tile in plan_tiles(*bracket.truth.shape[:2], tile_px=size, multiple_of=step):
            seen = torch.from_numpy(ldr[:, tile.rows, tile.columns]).to(device).permute(0, 3, 1, 2)[None]
            truth = torch.from_numpy(np.clip(bracket.truth[tile.rows, tile.columns], 0, 1)).to(device)
            with torch.inference_mode():
                frames = pad_to_multiple(network_inputs(seen, exposure), multiple)
                prior = model.true_prior(pad_to_multiple(truth.permute(2, 0, 1)[None, None], multiple)[:, 0])
                height, width = tile.shape
                tonemapped = model.reconstruction(frames, prior)[..., :height, :width].clamp(0, 1)
                content = inverse_mu_law(tonemapped, model.config.mu)[0].permute(1, 2, 0).float()
            tile.add_to(radiance, content.cpu().numpy())
        return MethodResult(radiance=radiance)


def find_ablations(weights: Sequence[str | Path], merging: MergeOptions) -> list[Ablation]:
    """See which row of table 3 each weights file is, in the table's order.

    Raises WeightsError for what is no weights file, UsageError for two of one row or one of none.
    """
    from hdrfuse.lfdiff.weights import find_weights, load_weights  # imports torch

    by_objective: dict[str, Ablation] = {}
    for each in weights:
        path = find_weights(each)
        _, metadata = load_weights(path)
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
            method = TruePrior(label, method.options)
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

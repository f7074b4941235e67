"""The state of a run in one safetensors file: weights, their average, the optimiser, the step."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hdrfuse.errors import HdrfuseError, WeightsError
from hdrfuse.formats.atomic import replacing
from hdrfuse.lfdiff.config import DRAWN, LFDiffConfig
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import config_from_json, not_finite, read_tensors, told_by, write_tensors
from hdrfuse.training.ema import MovingAverage
from hdrfuse.training.recipe import Recipe

FORMAT = "hdrfuse-checkpoint-1"


def save_checkpoint(
    path: Path,
    *,
    config: LFDiffConfig,
    recipe: Recipe,
    progress: dict[str, Any],
    model: nn.Module,
    average: MovingAverage,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that a run needs to go on exactly: a whole new file, or the old one stays.

    Raises HdrfuseError where a weight is no number, WriteError where the system refuses (full disk).
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.weights.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    check_finite(tensors)
    metadata = {
        "format": FORMAT,
        "config": json.dumps(asdict(config)),
        "recipe": json.dumps(asdict(recipe)),
        "progress": json.dumps(progress),
    }
    stored = {name: value.detach().contiguous().cpu().clone() for name, value in tensors.items()}
    with replacing(path, overwrite=True) as temporary:
        write_tensors(temporary, stored, metadata)


def load_checkpoint(
    path: Path, *, model: LFDiff, average: MovingAverage, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restore a run in place -> its progress. Raises WeightsError if the file is not a checkpoint of this network."""
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: not a checkpoint of hdrfuse; expected {FORMAT}")
    if (name := not_finite(tensors)) is not None:
        raise WeightsError(f"{path}: damaged: {name} holds NaN or infinity; expected numbers")
    try:
        progress = progress_from_json(metadata["progress"])
        check_same(config_from_json(metadata["config"]), model.config)
        states = states_of(subset(tensors, "optimizer."), optimizer)
        weights = subset(tensors, "average.")
        check_sizes(weights, average.weights)
        model.load_state_dict(subset(tensors, "model."))
        average.load(weights)
        optimizer.load_state_dict(optimizer.state_dict() | {"state": states})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: a checkpoint of another network or recipe: {told_by(error)}") from error
    return progress


def progress_from_json(text: str) -> dict[str, Any]:
    """Return what a checkpoint remembers beside the tensors. Raises KeyError, TypeError, ValueError, RecursionError."""
    progress: dict[str, Any] = json.loads(text)
    step, minutes, scores = progress["step"], progress["minutes"], progress["scores"]
    if type(step) is not int or step < 0 or not math.isfinite(minutes) or not isinstance(scores, list):
        raise ValueError(f"progress {text[:80]}; expected a step, minutes and scores")
    return progress


def states_of(tensors: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """Sort an optimiser's tensors by parameter. Raises ValueError for one that is no parameter's or of another size."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        if not 0 <= int(index) < len(parameters):
            raise ValueError(f"optimizer.{name} is of no parameter; there are {len(parameters)}")
        if value.ndim:  # a step's number is a scalar
            check_sizes({name: value}, {name: parameters[int(index)]})
        states.setdefault(int(index), {})[key] = value
    return states


def check_sizes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise ValueError where names or sizes differ."""
    if found.keys() != expected.keys():
        raise ValueError(f"{min(found.keys() ^ expected.keys())} is missing or foreign")
    for name, value in found.items():
        if value.shape != expected[name].shape:
            raise ValueError(f"{name} {[*value.shape]}; expected {[*expected[name].shape]}")


def check_same(stored: LFDiffConfig, own: LFDiffConfig) -> None:
    """Raise ValueError that says what of a network's configuration has changed, though its tensors may fit."""
    before, now = asdict(stored), asdict(own)
    if own.prior not in DRAWN:  # else a preset that predicts otherwise now would end runs that have no denoiser
        before["denoiser_predicts"] = now["denoiser_predicts"]
    if changed := [f"{name} {before[name]} -> {now[name]}" for name in now if before[name] != now[name]]:
        raise ValueError(", ".join(changed))


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise HdrfuseError that names a tensor which holds NaN or infinity."""
    if (name := not_finite(tensors)) is not None:
        raise HdrfuseError(f"the run has diverged: {name} holds NaN or infinity; nothing of it is saved")


def subset(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, without the prefix."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

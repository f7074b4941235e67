"""The state of a run in one safetensors file: weights, their average, the optimiser, the step."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from hdrfuse.errors import HdrfuseError, WeightsError, WriteError
from hdrfuse.formats.atomic import replacing
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import config_from_json, read_tensors, write_tensors
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
    with written_whole(path) as temporary:
        write_tensors(temporary, stored, metadata)


def load_checkpoint(
    path: Path, *, model: LFDiff, average: MovingAverage, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restore a run in place -> its progress. Raises WeightsError if the file is not a checkpoint of this network."""
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: not a checkpoint of hdrfuse; expected {FORMAT}")
    try:
        check_same(config_from_json(metadata["config"]), model.config)
        model.load_state_dict(subset(tensors, "model."))
        average.load(subset(tensors, "average."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in subset(tensors, "optimizer.").items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: a checkpoint of another network or recipe: {reason}") from error
    return json.loads(metadata["progress"])


def check_same(stored: LFDiffConfig, own: LFDiffConfig) -> None:
    """Raise ValueError that says what of a network's configuration has changed, though its tensors may fit."""
    before, now = asdict(stored), asdict(own)
    if changed := [f"{name} {before[name]} -> {now[name]}" for name in now if before[name] != now[name]]:
        raise ValueError(", ".join(changed))


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise HdrfuseError that names a tensor which holds NaN or infinity."""
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise HdrfuseError(f"the run has diverged: {name} holds NaN or infinity; nothing of it is saved")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path`, safely on the disk. Raises WriteError."""
    with replacing(path, overwrite=True) as temporary:
        try:
            yield temporary
        except SafetensorError as error:  # its word for a full disk too
            raise WriteError(f"{path}: cannot be written: {error}") from error


def subset(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, without the prefix."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

"""Training that begins with a trained network instead of chance."""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff.layers import ResidualBlock
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.reconstruction import PriorAttention
from hdrfuse.lfdiff.weights import not_finite, read_tensors
from hdrfuse.training.checkpoint import subset


def fill(module: nn.Module, tensors: dict[str, Tensor], prefix: str, path: Path) -> None:
    """Load a module from those of a file's tensors whose names begin so. Raises WeightsError if they do not fit."""
    part = subset(tensors, prefix)
    if not part:
        raise WeightsError(f"{path}: holds no {prefix.rstrip('.')}; expected the weights of a stage-1 run")
    load(module, part, path)


def start_from(model: LFDiff, path: Path) -> None:
    """Start a network from a weights file; what the file lacks of the prior stays at chance.

    A network that takes a prior may start from one that takes none, and the other way round. It hears its prior from
    the first step on: silenced, the attention would have to be found by a network that has learned to do without.
    Residual blocks that the file lacks pass on what they are given at first, and slopes that it lacks are a ReLU's.
    Raises WeightsError for a file that is damaged or of another size.
    """
    tensors, _ = read_tensors(path)
    own = model.state_dict()
    known = {own_name(name, own): value for name, value in tensors.items()}
    known |= slopes_of_relus(model, known)
    lacking = {name for name in own if name.startswith("reconstruction.") and name not in known}
    for name, module in model.named_modules():
        missing = {each for each in lacking if each.startswith(f"{name}.")}
        if missing and isinstance(module, ResidualBlock):
            silence(module)
        if isinstance(module, ResidualBlock | PriorAttention):
            lacking -= missing
    if lacking:
        raise WeightsError(f"{path}: not the weights of this preset's network; {min(lacking)} is missing")
    load(model, model.state_dict() | {name: value for name, value in known.items() if name in own}, path)


def slopes_of_relus(model: LFDiff, known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return slopes of zero, by name, for rectifiers that learn theirs but whose convolution was followed by a ReLU."""
    slopes = {f"{name}.weight": module.weight for name, module in model.named_modules() if isinstance(module, nn.PReLU)}
    return {
        name: torch.zeros_like(value)
        for name, value in slopes.items()
        if name not in known and name.replace(".1.weight", ".0.weight") in known
    }


def silence(block: ResidualBlock) -> None:
    """Let a residual block add nothing."""
    for parameter in block.body[-1].parameters():
        nn.init.zeros_(parameter)


def own_name(name: str, own: Collection[str]) -> str:
    """Return what a network calls a tensor of a file: a low branch is named otherwise where it takes a prior."""
    others = (name, name.replace(".low.", ".low.refine."), name.replace(".low.refine.", ".low."))
    return next((other for other in others if other in own), name)


def load(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load a module. Raises WeightsError if names or sizes do not fit, or a weight is no number."""
    if (name := not_finite(tensors)) is not None:
        raise WeightsError(f"{path}: damaged: {name} holds NaN or infinity; expected numbers")
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: the weights of another network than this preset's: {reason}") from error

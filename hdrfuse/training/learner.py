"""From a task to what learns: the network, its teacher and the optimiser."""

from dataclasses import replace

import torch
from torch import nn

from hdrfuse.errors import BadInputError
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff, on_device
from hdrfuse.lfdiff.prior import LPENet
from hdrfuse.lfdiff.weights import read_tensors
from hdrfuse.training.journal import WEIGHTS
from hdrfuse.training.muon import Muon, is_hidden_matrix
from hdrfuse.training.objectives import OBJECTIVES, Batch, Learner, Losses
from hdrfuse.training.packed_blocks import BlockBatch
from hdrfuse.training.recipe import OBJECTIVES_NEED_STAGE_1, PRIOR_OF_OBJECTIVE, Recipe
from hdrfuse.training.start import fill, start_from
from hdrfuse.training.task import Task


class Stage(nn.Module):
    """A stage's losses as one module: what DistributedDataParallel can share."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.model = learner.model
        self.learner = learner
        self.objective = OBJECTIVES[learner.recipe.objective]

    def forward(self, batch: Batch | BlockBatch, generator: torch.Generator) -> Losses:
        """Return the losses of a batch on the network's device, scalars by name."""
        return self.objective(self.learner, batch, generator)


def build_learner(task: Task, device: torch.device) -> Learner:
    """Build the network of a recipe, started from an earlier run or a weights file if there is one, and its teacher.

    Raises BadInputError where a stage-1 run is needed and not given, WeightsError where a file does not fit.
    """
    recipe = task.recipe
    config = replace(PRESETS[recipe.preset], prior=PRIOR_OF_OBJECTIVE[recipe.objective])
    torch.manual_seed(recipe.seed)
    model = LFDiff(config)
    teacher = None
    if task.earlier_run is not None:
        path = task.earlier_run / WEIGHTS
        tensors, _ = read_tensors(path)
        if recipe.objective in OBJECTIVES_NEED_STAGE_1:
            teacher = LPENet(config)
            fill(teacher, tensors, "true_prior.", path)
            teacher.to(device).eval().requires_grad_(False)
        fill(model.reconstruction, tensors, "reconstruction.", path)
    elif recipe.objective in OBJECTIVES_NEED_STAGE_1:
        raise BadInputError(f"{recipe.objective} follows a stage-1 run; give its folder")
    if task.start is not None:
        start_from(model, task.start)
    if recipe.objective in ("split", "block-means"):
        model.reconstruction.requires_grad_(False)
    on_device(model, device)
    loss = task.reconstruction_loss.to(device)
    return Learner(model=model, teacher=teacher, reconstruction_loss=loss, recipe=recipe)


def build_optimizer(recipe: Recipe, model: LFDiff) -> torch.optim.AdamW:
    """Return the recipe's optimiser; what makes the prior has a learning rate of its own."""
    groups = [
        {"params": [p for n, p in part if hidden_by_muon(recipe, n, p) == hidden], "rate": rate, "orthogonal": hidden}
        for part, rate in zip(parts(model), (1.0, recipe.prior_rate), strict=True)
        for hidden in (True, False)
    ]
    kind = Muon if recipe.optimizer == "muon" else torch.optim.AdamW
    return kind(groups, betas=recipe.betas, weight_decay=recipe.weight_decay)


def parts(model: LFDiff) -> tuple[list[tuple[str, nn.Parameter]], list[tuple[str, nn.Parameter]]]:
    """Split the named parameters into those of the reconstruction and those that make the prior."""
    named = list(model.named_parameters())
    inside = {name for name, _ in named if name.startswith("reconstruction.")}
    return [pair for pair in named if pair[0] in inside], [pair for pair in named if pair[0] not in inside]


def hidden_by_muon(recipe: Recipe, name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon moves a parameter: one that mixes channels inside the network."""
    return recipe.optimizer == "muon" and is_hidden_matrix(name, parameter)

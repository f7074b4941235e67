"""One training run: a folder that holds its checkpoint, its log and the weights to ship."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from hdrfuse.errors import BadInputError, HdrfuseError
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff, on_device
from hdrfuse.lfdiff.prior import LPENet
from hdrfuse.lfdiff.weights import read_tensors
from hdrfuse.training.checkpoint import load_checkpoint, subset
from hdrfuse.training.distributed import World
from hdrfuse.training.ema import MovingAverage
from hdrfuse.training.feed import batches
from hdrfuse.training.journal import CHECKPOINT, WEIGHTS, Journal
from hdrfuse.training.objectives import OBJECTIVES, Batch, Learner
from hdrfuse.training.recipe import OBJECTIVES_NEED_STAGE_1, PRIOR_OF_OBJECTIVE, Recipe, learning_rate
from hdrfuse.training.task import Task

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a run logs, validates and saves; none of it changes what is learned."""

    max_minutes: float = math.inf
    log_every_steps: int = 50
    validate_every_minutes: float = 10.0
    save_every_minutes: float = 5.0
    workers: int = 1
    """Processes that make samples, for each training process."""


def train(
    task: Task,
    folder: Path,
    *,
    pace: Pace,
    world: World,
    resume: bool = False,
    device: torch.device | str = "cpu",
    report: Report = lambda entry: None,
) -> int:
    """Train until the recipe's last step or the time limit, whichever comes first -> steps done.

    Writes checkpoint.safetensors, weights.safetensors (the moving average) and log.jsonl into the folder.
    Raises BadInputError if the folder holds a run and `resume` is off, HdrfuseError if the loss is no number
    any more; the last good checkpoint is then kept.
    """
    recipe = task.recipe
    learner = build_learner(task, device)
    model = learner.model
    average = MovingAverage(model, recipe.ema_decay)
    optimizer = build_optimizer(recipe, model)
    journal = Journal(
        folder=folder,
        learner=learner,
        average=average,
        optimizer=optimizer,
        validation=task.validation,
        notes=task.notes,
        report=report,
    )
    if open_run(folder, resume=resume):
        progress = load_checkpoint(folder / CHECKPOINT, model=model, average=average, optimizer=optimizer)
        journal.step, journal.minutes, journal.scores = progress["step"], progress["minutes"], progress["scores"]
    step, earlier_minutes, started = journal.step, journal.minutes, time.monotonic()
    feed = batches(
        task.brackets,
        first_step=step,
        batch=recipe.batch,
        rank=world.rank,
        ranks=world.size,
        workers=pace.workers,
    )
    save_due, validate_due = pace.save_every_minutes, pace.validate_every_minutes
    while step < recipe.steps:
        losses = train_step(learner, next(feed), optimizer, step, world, device)
        average.update(model, step)
        step += 1
        minutes = world.agree((time.monotonic() - started) / 60)
        ends = step == recipe.steps or minutes >= pace.max_minutes
        if world.leads:
            journal.note(step, earlier_minutes + minutes, losses, every=pace.log_every_steps)
            if ends or minutes >= validate_due:
                journal.validate()
                validate_due = minutes + pace.validate_every_minutes
            if ends or minutes >= save_due:
                journal.save()
                save_due = minutes + pace.save_every_minutes
        if ends:
            break
    return step


def train_step(
    learner: Learner,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    step: int,
    world: World,
    device: torch.device | str,
) -> dict[str, float]:
    """Take one step down the gradient -> the losses by name. Raises HdrfuseError if one is no number."""
    recipe, model = learner.recipe, learner.model
    generator = torch.Generator().manual_seed(hash((recipe.seed, step, world.rank)) % 2**63)
    batch = Batch(ldr=batch.ldr.to(device), exposure=batch.exposure.to(device), radiance=batch.radiance.to(device))
    with autocast(recipe, device):
        losses = OBJECTIVES[recipe.objective](learner, batch, generator)
    optimizer.zero_grad(set_to_none=False)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    world.average([*gradients, *model.buffers()])
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
    if not torch.isfinite(norm):
        raise HdrfuseError(f"step {step}: the gradient is {float(norm)}; the last checkpoint is kept")
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * learning_rate(recipe, step)
    optimizer.step()
    return {name: float(value.detach()) for name, value in losses.items()} | {"gradient_norm": float(norm)}


def autocast(recipe: Recipe, device: torch.device | str) -> torch.autocast:
    """Return the context in which the network runs at the recipe's precision."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bf16")


def build_optimizer(recipe: Recipe, model: LFDiff) -> torch.optim.AdamW:
    """Return Adam with decoupled weight decay over two groups: the reconstruction, and what makes the prior."""
    reconstruction = {id(parameter) for parameter in model.reconstruction.parameters()}
    groups = [
        {"params": list(model.reconstruction.parameters()), "rate": 1.0},
        {"params": [p for p in model.parameters() if id(p) not in reconstruction], "rate": recipe.prior_rate},
    ]
    return torch.optim.AdamW(groups, betas=recipe.betas, weight_decay=recipe.weight_decay)


def build_learner(task: Task, device: torch.device | str) -> Learner:
    """Build the network of a recipe, started from the earlier run where there is one, and its teacher."""
    recipe = task.recipe
    config = replace(PRESETS[recipe.preset], prior=PRIOR_OF_OBJECTIVE[recipe.objective])
    torch.manual_seed(recipe.seed)
    model = LFDiff(config)
    teacher = None
    if task.earlier_run is not None:
        tensors, _ = read_tensors(task.earlier_run / WEIGHTS)
        model.reconstruction.load_state_dict(subset(tensors, "reconstruction."))
        if recipe.objective in OBJECTIVES_NEED_STAGE_1:
            teacher = LPENet(config)
            teacher.load_state_dict(subset(tensors, "true_prior."))
            teacher.to(device).eval().requires_grad_(False)
    elif recipe.objective in OBJECTIVES_NEED_STAGE_1:
        raise BadInputError(f"{recipe.objective} follows a stage-1 run; give its folder")
    on_device(model, device)
    loss = task.reconstruction_loss.to(device)
    return Learner(model=model, teacher=teacher, reconstruction_loss=loss, recipe=recipe)


def open_run(folder: Path, *, resume: bool) -> bool:
    """Make the folder ready -> whether there is a checkpoint to go on from. Raises BadInputError."""
    exists = (folder / CHECKPOINT).is_file()
    if exists and not resume:
        raise BadInputError(f"{folder}: holds a run already; --resume goes on with it")
    folder.mkdir(parents=True, exist_ok=True)
    return exists

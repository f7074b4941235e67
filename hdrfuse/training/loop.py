"""One training run: a folder that holds its checkpoint, its log, its pictures and the weights to ship."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hdrfuse.errors import BadInputError, HdrfuseError, OutputError
from hdrfuse.training.checkpoint import load_checkpoint
from hdrfuse.training.distributed import World, default_workers
from hdrfuse.training.ema import MovingAverage
from hdrfuse.training.feed import batches
from hdrfuse.training.journal import CHECKPOINT, TrainingJournal
from hdrfuse.training.learner import Stage, build_learner, build_optimizer
from hdrfuse.training.objectives import Batch, Learner
from hdrfuse.training.packed_blocks import BlockBatch
from hdrfuse.training.precision import autocast
from hdrfuse.training.recipe import Recipe, learning_rate
from hdrfuse.training.task import Task

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a run logs, validates and saves; none of it changes what is learned."""

    max_minutes: float = math.inf
    """Of this session."""
    log_every_steps: int = 50
    validate_every_minutes: float = 10.0
    save_every_minutes: float = 5.0
    workers: int | None = None
    """Processes that make samples, for each training process; None leaves it to the device."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Where a run stands after a step."""

    step: int
    steps: int
    minutes: float
    """Of this session."""
    losses: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainingSession:
    """What a call of `train` came to."""

    step: int
    minutes: float
    """Of training, over all sessions."""
    psnr_mu: float | None
    """Of the last validation, dB."""
    interrupted: bool
    """Whether somebody asked it to end."""


def train(
    task: Task,
    folder: Path,
    *,
    pace: Pace,
    world: World,
    resume: bool = False,
    device: torch.device | str = "cpu",
    report: Report = lambda entry: None,
    watch: Callable[[Tick], None] = lambda tick: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainingSession:
    """Train until the recipe's last step, the time limit, or until `stop` says so, with a checkpoint at the end.

    Writes checkpoint.safetensors, weights.safetensors (the moving average), log.jsonl and pictures/ into the
    folder. `report` gets every line of the log, `watch` every step. Killed at any moment, a run goes on from its
    last checkpoint with `resume`, on the CPU to the very same weights.
    Raises BadInputError if the folder holds a run and `resume` is off; HdrfuseError if a loss is no number any
    more and WriteError if the disk is full: the last good checkpoint is then kept.
    """
    recipe = task.recipe
    if recipe.batch % world.size:
        raise BadInputError(f"a batch of {recipe.batch} for {world.size} processes; expected equal shares for all")
    device = torch.device(device)
    learner = build_learner(task, device)
    journal = open_journal(task, folder, learner, world, resume=resume, report=report)
    stage = world.shared(Stage(learner))
    statistics = running_statistics(learner.model)
    step, earlier_minutes, started = journal.step, journal.minutes, time.monotonic()
    feed = feed_from(step, task, world, workers=default_workers(device) if pace.workers is None else pace.workers)
    upkeep = Upkeep(journal, pace)
    interrupted = ends = False
    while step < recipe.steps and not (interrupted or ends):
        losses = train_step(stage, recipe, next(feed), journal.optimizer, step, world, device)
        world.average(statistics)
        journal.average.update(learner.model, step)
        step += 1
        minutes, asked = world.sums(((time.monotonic() - started) / 60 * world.leads, float(stop())))
        interrupted = asked > 0 and step < recipe.steps
        ends = step == recipe.steps or minutes >= pace.max_minutes
        if world.leads:
            watch(Tick(step=step, steps=recipe.steps, minutes=minutes, losses=losses))
            journal.note(step, earlier_minutes + minutes, losses, every=pace.log_every_steps)
            upkeep.after_step(minutes, interrupted=interrupted, ends=ends)
    world.wait()  # until all is written
    return TrainingSession(
        step=step,
        minutes=journal.minutes,
        psnr_mu=journal.scores[-1]["psnr_mu"] if journal.scores else None,
        interrupted=interrupted,
    )


class Upkeep:
    """Validations and checkpoints, when they are due."""

    def __init__(self, journal: TrainingJournal, pace: Pace) -> None:
        self.journal, self.pace = journal, pace
        self.save_due, self.validate_due = pace.save_every_minutes, pace.validate_every_minutes

    def after_step(self, minutes: float, *, interrupted: bool, ends: bool) -> None:
        """Do what is due after so many minutes of a session, and at its end; interrupted, save alone."""
        if not interrupted and (ends or minutes >= self.validate_due):
            self.journal.validate()
            self.validate_due = minutes + self.pace.validate_every_minutes
        if interrupted or ends or minutes >= self.save_due:
            self.journal.save()
            self.save_due = minutes + self.pace.save_every_minutes


def open_journal(
    task: Task, folder: Path, learner: Learner, world: World, *, resume: bool, report: Report
) -> TrainingJournal:
    """Begin a run's journal, or go on with the checkpoint that lies there, in all processes."""
    average = MovingAverage(learner.model, task.recipe.ema_decay)
    optimizer = build_optimizer(task.recipe, learner.model)
    journal = TrainingJournal(
        folder=folder, learner=learner, average=average, optimizer=optimizer, validation=task.validation,
        notes=task.notes, report=report,
    )  # fmt: skip
    if open_run(folder, resume=resume):
        journal.resume(load_checkpoint(folder / CHECKPOINT, model=learner.model, average=average, optimizer=optimizer))
    if world.leads:
        journal.clean()
        if task.skipped:
            journal.write({"skipped": list(task.skipped)})
    world.wait()  # until all have read the checkpoint
    return journal


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Buffers that are saved with the weights: statistics of each process's own samples."""
    kept = model.state_dict().keys()
    return [buffer for name, buffer in model.named_buffers() if name in kept]


def feed_from(step: int, task: Task, world: World, *, workers: int) -> Iterator[Batch | BlockBatch]:
    """Samples of one process from a step on."""
    recipe = task.recipe
    return batches(
        task.brackets, first_step=step, batch=recipe.batch, rank=world.rank, ranks=world.size,
        workers=workers if step < recipe.steps else 0,
    )  # fmt: skip


def train_step(
    stage: nn.Module,
    recipe: Recipe,
    batch: Batch | BlockBatch,
    optimizer: torch.optim.Optimizer,
    step: int,
    world: World,
    device: torch.device,
) -> dict[str, float]:
    """Take one step down the gradient -> the losses by name, means over all processes.

    Raises HdrfuseError before the step if a loss or the gradient is no number, in every process.
    """
    generator = torch.Generator().manual_seed(hash((recipe.seed, step, world.rank)) % 2**63)
    batch = batch.to(device)
    optimizer.zero_grad(set_to_none=False)
    with autocast(recipe, device):
        losses = stage(batch, generator)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    norm = float(torch.nn.utils.clip_grad_norm_(stage.parameters(), recipe.gradient_norm))
    total = world.sums([float(loss.detach()) for loss in losses.values()])
    values = {name: value / world.size for name, value in zip(losses, total, strict=True)} | {"gradient_norm": norm}
    for name, value in values.items():
        if not math.isfinite(value):
            raise HdrfuseError(
                f"step {step}: {name.replace('_', ' ')} is {value}: the run has diverged; the last good checkpoint "
                "stays; a lower --learning-rate may help"
            )
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * learning_rate(recipe, step)
    optimizer.step()
    return values


def open_run(folder: Path, *, resume: bool) -> bool:
    """Make the folder ready -> whether there is a checkpoint to go on from. Raises BadInputError, OutputError."""
    exists = (folder / CHECKPOINT).is_file()
    if exists and not resume:
        raise BadInputError(f"{folder}: holds a run already; --resume goes on with it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: is not writable; expected a folder for the run")
    return exists

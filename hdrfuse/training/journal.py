"""What a run leaves behind: log lines, validation scores and pictures, checkpoints, weights to ship."""

import contextlib
import json
import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hdrfuse import __version__
from hdrfuse.errors import WriteError
from hdrfuse.formats.atomic import remove_unfinished, replacing
from hdrfuse.lfdiff.model import LFDiff, draw_noise, on_device
from hdrfuse.lfdiff.signals import inverse_mu_law
from hdrfuse.lfdiff.weights import save_weights
from hdrfuse.training.checkpoint import check_finite, save_checkpoint
from hdrfuse.training.ema import MovingAverage
from hdrfuse.training.objectives import Batch, Learner
from hdrfuse.training.validation import Predict, validate
from hdrfuse.training.validation_picture import keep_picture

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"
LOG = "log.jsonl"
PICTURES = "pictures"


@dataclass(kw_only=True)
class TrainingJournal:
    """Writes a run's folder; only the process that leads does."""

    folder: Path
    learner: Learner
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    validation: list[Batch]
    notes: dict[str, Any]
    report: Callable[[dict[str, Any]], None]
    step: int = 0
    minutes: float = 0.0
    """Of training, over all sessions."""
    scores: list[dict[str, float | None]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    summed: int = 0
    clock: float = field(default_factory=time.monotonic)
    """When the sums began."""
    timed: int = 0
    """Steps since then."""

    def progress(self) -> dict[str, Any]:
        """What a checkpoint remembers beside the tensors."""
        return {
            "step": self.step,
            "minutes": self.minutes,
            "scores": self.scores,
            "sums": self.sums,
            "summed": self.summed,
        }

    def resume(self, progress: dict[str, Any]) -> None:
        """Go on from what a checkpoint remembers."""
        self.step, self.minutes, self.scores = progress["step"], progress["minutes"], progress["scores"]
        self.sums, self.summed = progress.get("sums", {}), progress.get("summed", 0)

    def clean(self) -> None:
        """Forget what a run that was killed logged of later steps, and what it was writing."""
        log = self.folder / LOG
        if log.is_file():
            kept = [line for line in log.read_text().splitlines() if self.step and logged_step(line) <= self.step]
            with replacing(log, overwrite=True) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in kept))
        remove_unfinished(self.folder)

    def note(self, step: int, minutes: float, losses: dict[str, float], *, every: int) -> None:
        """Add one step's losses; write their mean every so many steps, and at the recipe's last one."""
        self.step, self.minutes = step, minutes
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.summed += 1
        self.timed += 1
        if self.summed >= every or step == self.learner.recipe.steps:
            seconds, now = time.monotonic() - self.clock, time.monotonic()
            rate = self.timed * self.learner.recipe.batch / max(seconds, 1e-6)
            means = {name: total / self.summed for name, total in self.sums.items()}
            self.write({**means, "patches_per_s": round(rate, 2)})
            self.sums, self.summed, self.clock, self.timed = {}, 0, now, 0

    def validate(self) -> None:
        """Score the moving average on the validation brackets and draw a few of them."""
        if not self.validation:
            return
        found = validate(averaged(self.learner, self.average), self.validation)
        keep_picture(self.folder / PICTURES, self.step, found.picture)
        score = {
            "psnr_mu": found.psnr_mu if math.isfinite(found.psnr_mu) else None,
            "typical_error": found.typical_error if math.isfinite(found.typical_error) else None,
        }
        self.scores.append({"step": self.step, "minutes": round(self.minutes, 2), **score})
        self.write(score)

    def save(self) -> None:
        """Write the checkpoint and the weights to ship, half precision, each whole or not at all.

        Raises HdrfuseError where a weight is no number, WriteError where the system refuses (full disk).
        """
        learner = self.learner
        check_finite(self.average.weights)
        save_checkpoint(
            self.folder / CHECKPOINT,
            config=learner.model.config,
            recipe=learner.recipe,
            progress=self.progress(),
            model=learner.model,
            average=self.average,
            optimizer=self.optimizer,
        )
        done = {"step": self.step, "minutes": round(self.minutes, 2), "scores": self.scores}
        with replacing(self.folder / WEIGHTS, overwrite=True) as temporary:
            save_weights(
                temporary,
                learner.model.config,
                self.average.weights,
                tile_px=learner.model.config.tile_px,
                training={"recipe": asdict(learner.recipe), "progress": done, **self.notes, **source()},
                dtype=torch.float16,
            )

    def write(self, values: dict[str, Any]) -> None:
        """Append one line to the log and hand it to the caller. Raises WriteError."""
        patches = self.step * self.learner.recipe.batch
        entry = {"step": self.step, "patches": patches, "minutes": round(self.minutes, 2), **values}
        try:
            with (self.folder / LOG).open("a") as log:
                log.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise WriteError(f"{self.folder / LOG}: cannot be written: {error.strerror}") from error
        self.report(entry)


def source() -> dict[str, str]:
    """Name the code that trains: its version and, in a checkout, its commit."""
    facts = {"hdrfuse": __version__}
    checkout = Path(__file__).parents[2]
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
        with contextlib.suppress(OSError):
            found = subprocess.run(command, capture_output=True, text=True, check=False)
            facts |= {"commit": found.stdout.strip()} if found.returncode == 0 else {}
    return facts


def logged_step(line: str) -> float:
    """Return the step of a log line, infinity for one that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def averaged(learner: Learner, average: MovingAverage) -> Predict:
    """Return the network with its averaged weights as a function from one bracket to its radiance.

    A stage-1 network takes the prior from the bracket's truth: its score is what a perfect prior would give.
    """
    config = learner.model.config
    model = LFDiff(config)
    model.load_state_dict(average.weights)
    device = next(learner.model.parameters()).device
    on_device(model, device).eval()

    def predict(bracket: Batch) -> Tensor:
        frames, radiance = bracket.frames.to(device), bracket.radiance.to(device)
        if config.prior == "ground-truth":
            tonemapped = model.reconstruction(frames, model.true_prior(radiance))
            return inverse_mu_law(tonemapped.clamp(0, 1), config.mu).cpu()
        height, width = radiance.shape[-2:]
        return model(frames, draw_noise(config, height, width, seed=0, device=device)).cpu()

    return predict

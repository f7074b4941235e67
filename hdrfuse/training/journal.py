"""What a run leaves behind: log lines, validation scores, checkpoints, weights to ship."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hdrfuse.lfdiff.model import LFDiff, draw_noise, on_device
from hdrfuse.lfdiff.signals import inverse_mu_law
from hdrfuse.lfdiff.weights import save_weights
from hdrfuse.training.checkpoint import save_checkpoint
from hdrfuse.training.ema import MovingAverage
from hdrfuse.training.objectives import Batch, Learner
from hdrfuse.training.validation import Predict, mean_psnr_mu

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"
LOG = "log.jsonl"


@dataclass(kw_only=True)
class Journal:
    """Writes a run's folder; only the process that leads has one."""

    folder: Path
    learner: Learner
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    validation: list[Batch]
    notes: dict[str, Any]
    report: Callable[[dict[str, Any]], None]
    step: int = 0
    minutes: float = 0.0
    """Of training, over all sittings."""
    scores: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    summed: int = 0

    def progress(self) -> dict[str, Any]:
        """What a checkpoint remembers beside the tensors."""
        return {"step": self.step, "minutes": self.minutes, "scores": self.scores}

    def note(self, step: int, minutes: float, losses: dict[str, float], *, every: int) -> None:
        """Add one step's losses; write their mean every so many steps."""
        self.step, self.minutes = step, minutes
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.summed += 1
        if self.summed >= every:
            self.write({name: total / self.summed for name, total in self.sums.items()})
            self.sums, self.summed = {}, 0

    def validate(self) -> None:
        """Score the moving average on the validation brackets."""
        if not self.validation:
            return
        score = {"psnr_mu": mean_psnr_mu(averaged(self.learner, self.average), self.validation)}
        self.scores.append({"step": self.step, "minutes": round(self.minutes, 2), **score})
        self.write(score)

    def save(self) -> None:
        """Write the checkpoint and the weights to ship, each whole or not at all."""
        learner = self.learner
        save_checkpoint(
            self.folder / CHECKPOINT,
            config=learner.model.config,
            recipe=learner.recipe,
            progress=self.progress(),
            model=learner.model,
            average=self.average,
            optimizer=self.optimizer,
        )
        save_weights(
            self.folder / WEIGHTS,
            learner.model.config,
            self.average.weights,
            tile_px=learner.model.config.tile_px,
            training={"recipe": asdict(learner.recipe), "progress": self.progress(), **self.notes},
        )

    def write(self, values: dict[str, float]) -> None:
        """Append one line to the log and hand it to the caller."""
        patches = self.step * self.learner.recipe.batch
        entry = {"step": self.step, "patches": patches, "minutes": round(self.minutes, 2), **values}
        with (self.folder / LOG).open("a") as log:
            log.write(json.dumps(entry) + "\n")
        self.report(entry)


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

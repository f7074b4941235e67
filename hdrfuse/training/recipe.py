"""Everything that decides what a training run computes, saved with its weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from hdrfuse.lfdiff.config import PriorSource

Objective = Literal["baseline", "stage1", "split", "direct", "stage2", "block-means"]
"""The rows of LF-Diff's table 3: no prior; true prior; diffusion alone; prior without diffusion; all. And one of our
own: the prior as predicted block means, beside a trained reconstruction that stays as it is."""

PRIOR_OF_OBJECTIVE: dict[Objective, PriorSource] = {
    "baseline": "none",
    "stage1": "ground-truth",
    "split": "diffusion",
    "direct": "direct",
    "stage2": "diffusion",
    "block-means": "block-means",
}


OBJECTIVES_NEED_STAGE_1: frozenset[Objective] = frozenset({"split", "direct", "stage2"})
"""Their prior is compared with that of stage 1's encoder."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One stage of training; the defaults are the published ones (LF-Diff, section 5.1)."""

    objective: Objective
    preset: str = "paper"
    seed: int = 0
    steps: int = 106_800
    """300 epochs of 22,792 crops in batches of 64."""
    batch: int = 64
    crop_px: int = 128
    packed_samples: int = 0
    """Samples of which a frozen reconstruction's output is packed once, to be learned from again and again; 0: every
    sample is drawn and reconstructed anew."""
    camera_share: float = 0.0
    """Share of the samples that are cut out of what a camera model's files are after calibration and registration."""
    collage_share: float = 0.0
    """Share of the samples that are whole collages, cut-outs that move in front of an image."""
    learning_rate: float = 1e-4
    schedule: str = "step"
    warm_up_steps: int = 0
    decay_steps: int = 0
    """Length of the last, cooling part of the "trapezoid" schedule."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    gradient_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["fp32", "bf16"] = "fp32"
    perceptual_weight: float = 0.01
    """Weight of the VGG term; 0 needs no VGG file."""
    squared_weight: float = 0.0
    """Weight of the squared error beside the absolute one: where frames leave several scenes possible, it draws
    towards their mean rather than their median."""
    noise_weight: float = 1.0
    prior_weight: float = 1.0
    prior_rate: float = 1.0
    """Learning rate of the prior's networks relative to the reconstruction's."""


def step_decay(recipe: Recipe, step: int) -> float:
    """A tenth less after every sixth of the run: the paper's x0.1 every 50 of 300 epochs."""
    return 0.1 ** (6 * step // recipe.steps)


def cosine(recipe: Recipe, step: int) -> float:
    """From one to zero along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * min(step / recipe.steps, 1)))


def trapezoid(recipe: Recipe, step: int) -> float:
    """Constant, then down to zero over the last `decay_steps`: a run can go on from before the decay."""
    return min(1.0, max(recipe.steps - step, 0) / max(recipe.decay_steps, 1))


SCHEDULES: dict[str, Callable[[Recipe, int], float]] = {
    "step": step_decay,
    "cosine": cosine,
    "trapezoid": trapezoid,
}


def learning_rate(recipe: Recipe, step: int) -> float:
    """Learning rate of a step, 0-based: a linear warm-up times the schedule."""
    warm_up = min(1.0, (step + 1) / max(recipe.warm_up_steps, 1))
    return recipe.learning_rate * warm_up * SCHEDULES[recipe.schedule](recipe, step)


def paper_recipe(objective: Objective) -> Recipe:
    """The published training of one stage, on crops of 128 x 128."""
    return Recipe(objective=objective)


BLOCK_MEANS_TRUST_WEIGHT = 0.05
"""What the trust in block means counts, a ratio of errors, beside their squared error, which is far below one."""


def fast_recipe(objective: Objective) -> Recipe:
    """Training of the `fast` preset on synthetic brackets within hours of two CPU cores."""
    recipe = Recipe(
        objective=objective,
        preset="fast",
        steps=5_500,
        batch=8,
        crop_px=128,
        learning_rate=1.5e-3,
        schedule="trapezoid",
        warm_up_steps=100,
        decay_steps=3_900,
        optimizer="muon",
        betas=(0.9, 0.99),
        weight_decay=0.01,
        ema_decay=0.997,
        perceptual_weight=0.0,
        squared_weight=16.0,
        prior_rate=0.25,
    )
    return of_block_means(recipe) if objective == "block-means" else recipe


def of_block_means(recipe: Recipe) -> Recipe:
    """The recipe for crops of what a frozen reconstruction gives: small and many."""
    return replace(
        recipe, steps=8_000, batch=16, crop_px=512, packed_samples=4_096, learning_rate=2e-3, decay_steps=4_800,
        weight_decay=0.02, ema_decay=0.995, prior_weight=BLOCK_MEANS_TRUST_WEIGHT, prior_rate=1.0,
    )  # fmt: skip


RECIPES: dict[str, Callable[[Objective], Recipe]] = {"paper": paper_recipe, "fast": fast_recipe}
"""By preset."""

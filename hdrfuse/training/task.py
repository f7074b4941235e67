"""What a run trains on what: a recipe, its samples, its validation set and its losses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hdrfuse.data.packing import open_split
from hdrfuse.data.synthetic import SyntheticBrackets
from hdrfuse.training.feed import Brackets
from hdrfuse.training.losses import PerceptualLoss, ReconstructionLoss
from hdrfuse.training.objectives import OBJECTIVES, Batch
from hdrfuse.training.recipe import Recipe
from hdrfuse.training.validation import validation_set

VALIDATION_PX = 192
VALIDATION_BRACKETS = 20
VALIDATION_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, on what."""

    recipe: Recipe
    brackets: Brackets
    validation: list[Batch]
    reconstruction_loss: ReconstructionLoss
    notes: dict[str, Any] = field(default_factory=dict)
    """Goes into the metadata: the sources' names."""
    earlier_run: Path | None = None
    """Folder of the stage-1 run, for stages that follow it."""


def synthetic_task(
    recipe: Recipe,
    data: Path,
    cache: Path,
    *,
    earlier_run: Path | None = None,
    vgg19_file: Path | None = None,
    report: Callable[[str], None] = lambda name: None,
) -> Task:
    """Return a task on synthetic brackets from a folder of HDR images, packed into the cache folder once.

    Training and validation brackets come from different images; those of the test split are never read.
    Every stage draws other brackets. Raises BadInputError, ImageError or WeightsError.
    """
    train, validation = (open_split(data, cache, split, report) for split in ("train", "validation"))
    wanted = vgg19_file is not None and recipe.perceptual_weight > 0
    perceptual = PerceptualLoss(vgg19_file) if wanted and vgg19_file is not None else None
    held_back = SyntheticBrackets(library=validation, size=VALIDATION_PX, seed=VALIDATION_SEED)
    return Task(
        recipe=recipe,
        brackets=SyntheticBrackets(library=train, size=recipe.crop_px, seed=brackets_seed(recipe)),
        validation=validation_set(held_back, VALIDATION_BRACKETS) if validation.images else [],
        reconstruction_loss=ReconstructionLoss(perceptual, recipe.perceptual_weight),
        notes={"sources": [image.name for image in train.images], "brackets_seed": brackets_seed(recipe)},
        earlier_run=earlier_run,
    )


def brackets_seed(recipe: Recipe) -> int:
    """Return the seed of a stage's brackets: no stage sees another's."""
    return 1000 * list(OBJECTIVES).index(recipe.objective) + recipe.seed

"""From what a user asks for to a plan: the preset's recipe, changed where they say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hdrfuse.data.camera_scenes import SIZE
from hdrfuse.errors import UsageError
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.training.plan import Plan
from hdrfuse.training.recipe import OBJECTIVES_NEED_STAGE_1, PRIOR_OF_OBJECTIVE, RECIPES, Objective, Recipe

STAGES: dict[str, Objective] = {"1": "stage1", "2": "stage2", "block-means": "block-means"}
PAPER_PERCEPTUAL_WEIGHT = 0.01
SMALLEST_CROP_PX = 32


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """The options of a run; None is for what was not said."""

    stage: str | None = None
    table3: Objective | None = None
    preset: str | None = None
    dataset: str | None = None
    data: tuple[Path, ...] = ()
    movers: tuple[Path, ...] = ()
    cache: Path | None = None
    stage1: Path | None = None
    start: Path | None = None
    vgg: Path | None = None
    validation_brackets: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the recipe by name."""

    def plan(self, earlier: Plan | None) -> Plan:
        """Return the plan: of a new run, or of one that goes on with an earlier plan. Raises UsageError."""
        base = self._new_plan() if earlier is None else self._same_run(earlier)
        given = {name: value for name, value in self.recipe.items() if value is not None}
        recipe = replace(base.recipe, **given)
        if earlier is None and "steps" in given:
            recipe = scaled(recipe, base.recipe)
        said: dict[str, Any] = {
            "dataset": self.dataset,
            "data": tuple(str(folder.resolve()) for folder in self.data) or None,
            "movers": tuple(str(folder.resolve()) for folder in self.movers) or None,
            "cache": absolute(self.cache),
            "stage1": absolute(self.stage1),
            "start": absolute(self.start),
            "vgg": absolute(self.vgg),
            "validation_brackets": self.validation_brackets,
        }
        plan = replace(base, recipe=recipe, **{name: value for name, value in said.items() if value is not None})
        plan = replace(plan, recipe=with_perceptual_term(plan.recipe, wanted=plan.vgg is not None))
        check_plan(plan)
        return plan

    @property
    def objective(self) -> Objective | None:
        """What --stage and --table3 say together. Raises UsageError where they disagree."""
        row, stage = self.table3, self.stage
        if row is None or stage is None:
            return row or (None if stage is None else STAGES[stage])
        own = "2" if row in OBJECTIVES_NEED_STAGE_1 else "1"
        if stage != own:
            raise UsageError(f"--table3 {row}: is of stage {own}; --stage {stage} was given")
        return row

    def _new_plan(self) -> Plan:
        objective = self.objective
        if objective is None:
            raise UsageError("--stage 1 or 2, or a row of --table3, was expected")
        return Plan(recipe=RECIPES[self.preset or "fast"](objective))

    def _same_run(self, earlier: Plan) -> Plan:
        recipe = earlier.recipe
        for given, own in ((self.objective, recipe.objective), (self.preset, recipe.preset)):
            if given not in (None, own):
                raise UsageError(f"--resume: the run trains {own}, not {given}; another --out is needed for that")
        return earlier


def absolute(path: Path | None) -> str | None:
    """Return a path as it is known from every folder."""
    return None if path is None else str(path.resolve())


def scaled(recipe: Recipe, original: Recipe) -> Recipe:
    """Return a recipe of another length whose warm-up and cooling take the same share of it as before."""
    share = recipe.steps / original.steps
    shares = {name: round(getattr(original, name) * share) for name in ("warm_up_steps", "decay_steps")}
    kept = {name: value for name, value in shares.items() if getattr(recipe, name) == getattr(original, name)}
    return replace(recipe, **kept)


def with_perceptual_term(recipe: Recipe, *, wanted: bool) -> Recipe:
    """Return a recipe whose perceptual term is there, at the published weight if it had none, or is not."""
    weight = (recipe.perceptual_weight or PAPER_PERCEPTUAL_WEIGHT) if wanted else 0.0
    return replace(recipe, perceptual_weight=weight)


def check_plan(plan: Plan) -> None:
    """Raise UsageError for numbers that make no sense and for a stage-1 run that is missing or too much."""
    recipe = plan.recipe
    multiple = max(4, replace(PRESETS[recipe.preset], prior=PRIOR_OF_OBJECTIVE[recipe.objective]).multiple_of)
    if recipe.crop_px < SMALLEST_CROP_PX or recipe.crop_px % multiple:
        raise UsageError(f"--crop {recipe.crop_px}: a multiple of {multiple}, {SMALLEST_CROP_PX} or more, was expected")
    for option, value in (("--steps", recipe.steps), ("--batch", recipe.batch)):
        if value < 1:
            raise UsageError(f"{option} {value}: 1 or more was expected")
    if not 0 < recipe.learning_rate < 1:
        raise UsageError(f"--learning-rate {recipe.learning_rate}: a number between 0 and 1 was expected")
    check_shares(plan)
    needed = recipe.objective in OBJECTIVES_NEED_STAGE_1
    if needed and plan.stage1 is None:
        raise UsageError(f"--stage1: {recipe.objective} follows a stage-1 run; its folder was expected")
    if needed and plan.start is not None:
        raise UsageError(f"--start-from: {recipe.objective} starts from its stage-1 run; one of the two only")
    if recipe.objective == "block-means" and plan.start is None:
        raise UsageError("--start-from: block-means leaves the reconstruction as it is; its weights were expected")
    if recipe.packed_samples and recipe.objective != "block-means":
        raise UsageError(
            f"--packed-samples {recipe.packed_samples}: for --stage block-means, whose reconstruction stays as it is"
        )
    if not needed and plan.stage1 is not None:
        raise UsageError(f"--stage1: {recipe.objective} follows no other run")


def check_shares(plan: Plan) -> None:
    """Raise UsageError where a plan asks for camera scenes or collages that cannot be had."""
    cameras, collages, crop_px = plan.recipe.camera_share, plan.recipe.collage_share, plan.recipe.crop_px
    for option, share in (("--camera-share", cameras), ("--collage-share", collages)):
        if not 0 <= share <= 1:
            raise UsageError(f"{option} {share}: a number from 0 to 1 was expected")
        if share and plan.dataset != "synthetic":
            raise UsageError(f"{option} {share}: is of --dataset synthetic; {plan.dataset} was given")
    if cameras + collages > 1:
        raise UsageError(f"--collage-share {collages}: {1 - cameras:g} at most was expected beside --camera-share")
    if cameras and crop_px > min(SIZE):
        raise UsageError(f"--crop {crop_px}: {min(SIZE)} at most was expected with --camera-share {cameras}")

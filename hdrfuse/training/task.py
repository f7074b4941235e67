"""What a run trains on what: a recipe, its samples, its validation set and its losses."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from hdrfuse.data.camera_scenes import open_camera_scenes
from hdrfuse.data.clip_brackets import ClipBrackets, clip_share
from hdrfuse.data.clips import PackedClip, open_clips
from hdrfuse.data.collage_samples import CollageSamples
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.mixture import MixedBrackets
from hdrfuse.data.packing import Sources, left_out_sources, open_split, packed_state
from hdrfuse.data.patches import ScenePatches, open_patches
from hdrfuse.data.sample import Brackets
from hdrfuse.data.synthetic import SyntheticBrackets
from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.lfdiff.weights import load_weights
from hdrfuse.training.losses import PerceptualLoss, ReconstructionLoss
from hdrfuse.training.objectives import OBJECTIVES, Batch
from hdrfuse.training.packed_blocks import PackedBlocks, pack_blocks
from hdrfuse.training.plan import Plan
from hdrfuse.training.precision import autocast
from hdrfuse.training.recipe import Recipe
from hdrfuse.training.validation import validation_set

VALIDATION_PX = 192
VALIDATION_BRACKETS = 20
VALIDATION_SEED = 7
VALIDATION_PERCENT = 8
"""Of the scenes of a public set, at least one."""
CAMERA_SCENES = "camera-scenes"
CLIPS = "clips"
BLOCKS = "blocks"
"""Folders of them in the cache."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, on what."""

    recipe: Recipe
    brackets: Brackets | PackedBlocks
    validation: list[Batch]
    reconstruction_loss: ReconstructionLoss
    notes: dict[str, Any] = field(default_factory=dict)
    """Goes into the metadata: the sources' names."""
    earlier_run: Path | None = None
    """Folder of the stage-1 run, for stages that follow it."""
    start: Path | None = None
    """Weights that the network starts from."""
    skipped: tuple[str, ...] = ()
    """A line for each damaged image or scene that is left out."""
    warnings: tuple[str, ...] = ()
    """What else to tell, such as scenes that the published set has and the folder has not."""


Report = Callable[[str], None]
"""Called with the name of each image before it is decoded."""


def planned_task(plan: Plan, cache: Path, *, report: Report = lambda name: None) -> Task:
    """Return the task of a plan; images are decoded into the cache folder first, once.

    Test images and test scenes are never read. Raises UsageError, BadInputError, ImageError, WeightsError,
    OutputError or WriteError, as whatever is opened does.
    """
    vgg19_file = None if plan.vgg is None else Path(plan.vgg)
    earlier_run, start = (None if path is None else Path(path) for path in (plan.stage1, plan.start))
    if not plan.data:
        raise UsageError("--data: a folder of images was expected")
    if plan.dataset == "synthetic":
        sources = Sources(images=tuple(map(Path, plan.data)), movers=tuple(map(Path, plan.movers)))
        task = synthetic_task(
            plan.recipe, sources, cache, vgg19_file=vgg19_file, validation_brackets=plan.validation_brackets,
            report=report,
        )  # fmt: skip
    elif plan.movers or len(plan.data) > 1:
        raise UsageError(f"--dataset {plan.dataset}: one --data folder and no --movers; those are for synthetic")
    else:
        task = captured_task(plan, Path(plan.data[0]), cache, reconstruction_loss(plan.recipe, vgg19_file), report)
    if start is None:
        return replace(task, earlier_run=earlier_run)
    notes = task.notes | {"start_sha256": sha256(start.read_bytes()).hexdigest()}
    task = replace(task, earlier_run=earlier_run, start=start, notes=notes)
    return with_packed_blocks(task, start, cache, report) if plan.recipe.packed_samples else task


def with_packed_blocks(task: Task, start: Path, cache: Path, report: Report) -> Task:
    """Return a task that learns from what the reconstruction of some weights makes of its first samples, packed once.

    Raises WeightsError, OutputError or WriteError.
    """
    recipe = task.recipe
    assert not isinstance(task.brackets, PackedBlocks)
    model, _ = load_weights(start)
    numbers = {name: getattr(recipe, name) for name in ("crop_px", "camera_share", "collage_share", "precision")}
    made_from = {**task.notes, **numbers, "files": packed_state(cache).get("files")}
    state = json.dumps(made_from, sort_keys=True)
    with autocast(recipe, torch.device("cpu")):
        packed = pack_blocks(
            model, task.brackets, cache / BLOCKS, count=recipe.packed_samples, state=state, seed=recipe.seed,
            report=report,
        )  # fmt: skip
    return replace(task, brackets=packed)


def synthetic_task(
    recipe: Recipe,
    data: Sources | Path,
    cache: Path,
    *,
    vgg19_file: Path | None = None,
    validation_brackets: int = VALIDATION_BRACKETS,
    report: Report = lambda name: None,
) -> Task:
    """Return a task on synthetic brackets from HDR images, and some out of clips, packed into the cache folder once.

    Training and validation brackets come from different images; those of the test split are never read. Validation
    takes no clips: scores stay comparable.
    Every stage draws other brackets. Raises BadInputError, WeightsError, OutputError or WriteError.
    """
    sources = Sources(images=(data,)) if isinstance(data, Path) else data
    train, validation = (open_split(sources, cache, split, report) for split in ("train", "validation"))
    if not train.of_kind("panorama", "photograph"):
        raise BadInputError(
            "no image to train on: by their names all are held back for validation and test; give more of them"
        )
    clips, skipped = open_clips(sources, cache / CLIPS, "train", report)
    clip_notes = {"clips": [clip.name for clip in clips]} if clips else {}
    held_back = SyntheticBrackets(library=validation, size=VALIDATION_PX, seed=VALIDATION_SEED)
    validated = validation_brackets > 0 and bool(validation.of_kind("panorama", "photograph"))
    return Task(
        recipe=recipe,
        brackets=training_brackets(recipe, train, clips, cache, report),
        validation=validation_set(held_back, validation_brackets) if validated else [],
        reconstruction_loss=reconstruction_loss(recipe, vgg19_file),
        notes={"sources": [image.name for image in train.images], "brackets_seed": brackets_seed(recipe), **clip_notes},
        skipped=(*left_out_sources(cache).values(), *skipped),
        warnings=() if validated or not validation_brackets else ("no image is left for validation: give more",),
    )


def training_brackets(
    recipe: Recipe, library: ImageLibrary, clips: tuple[PackedClip, ...], cache: Path, report: Report
) -> Brackets:
    """Return a recipe's samples from a library's images: drawn anew each, shares of them collages and camera scenes.

    Clips give a share of those drawn. The scenes are made first, once; every stage cuts others out of them. Raises
    OutputError or WriteError.
    """
    seed = brackets_seed(recipe)
    drawn: Brackets = SyntheticBrackets(library=library, size=recipe.crop_px, seed=seed)
    if clips:
        of_clips = ClipBrackets(clips=clips, size=recipe.crop_px, seed=seed)
        share = clip_share(clips, len(library.of_kind("panorama", "photograph")))
        drawn = MixedBrackets(usual=drawn, other=of_clips, share=share)
    if recipe.collage_share:
        collages = CollageSamples(library=library, size=recipe.crop_px, seed=seed)
        share = recipe.collage_share / (1 - recipe.camera_share)  # of what cameras leave
        drawn = MixedBrackets(usual=drawn, other=collages, share=share)
    if not recipe.camera_share:
        return drawn
    scenes = open_camera_scenes(library, cache / CAMERA_SCENES, report=report)
    crops = ScenePatches(scenes=scenes, size=recipe.crop_px, seed=seed)
    return MixedBrackets(usual=drawn, other=crops, share=recipe.camera_share)


def captured_task(plan: Plan, data: Path, cache: Path, loss: ReconstructionLoss, report: Report) -> Task:
    """Return a task on crops of a public set's training scenes, a few of which are held back for validation.

    Raises what `open_patches` raises.
    """
    recipe = plan.recipe
    seed = brackets_seed(recipe)
    patches = open_patches(plan.dataset, data, cache, size=recipe.crop_px, seed=seed, report=report)
    held_back = max(1, round(len(patches.scenes) * VALIDATION_PERCENT / 100)) if plan.validation_brackets else 0
    warnings = patches.warnings
    if held_back >= len(patches.scenes):
        held_back, warnings = 0, (*warnings, "no scene is left for validation: give more")
    train, validation = patches.divided(held_back) if held_back else (patches, None)
    return Task(
        recipe=recipe,
        brackets=train,
        validation=[] if validation is None else validation_set(validation, plan.validation_brackets),
        reconstruction_loss=loss,
        notes={"dataset": plan.dataset, "sources": [scene.name for scene in train.scenes], "brackets_seed": seed},
        skipped=patches.skipped,
        warnings=warnings,
    )


def reconstruction_loss(recipe: Recipe, vgg19_file: Path | None) -> ReconstructionLoss:
    """Return a recipe's L_r, with the perceptual term where there is a VGG19 file. Raises WeightsError."""
    wanted = vgg19_file is not None and recipe.perceptual_weight > 0
    perceptual = PerceptualLoss(vgg19_file) if wanted and vgg19_file is not None else None
    return ReconstructionLoss(perceptual, recipe.perceptual_weight, recipe.squared_weight)


def brackets_seed(recipe: Recipe) -> int:
    """Return the seed of a stage's brackets: no stage sees another's."""
    return 1000 * list(OBJECTIVES).index(recipe.objective) + recipe.seed

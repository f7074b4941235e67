import cv2
import numpy as np
import pytest

from hdrfuse.training.distributed import World
from hdrfuse.training.loop import Pace, train
from hdrfuse.training.objectives import OBJECTIVES
from hdrfuse.training.recipe import RECIPES, Recipe
from hdrfuse.training.task import brackets_seed, synthetic_task


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("city", "sunset", "dresden_square", "venice"):
        cv2.imwrite(str(folder / f"{name}.hdr"), np.random.default_rng(0).random((64, 128, 3), np.float32))
    return folder


def test_a_folder_of_hdr_images_is_all_that_training_needs(images, tmp_path):
    recipe = Recipe(objective="stage1", preset="tiny", batch=2, crop_px=32, steps=2, perceptual_weight=0)
    task = synthetic_task(recipe, images, tmp_path / "cache")
    assert task.notes["sources"] == ["city", "sunset"]
    assert len(task.validation) == 20
    assert train(task, tmp_path / "run", pace=Pace(workers=0), world=World()).step == 2


def test_every_stage_draws_other_brackets():
    recipes = [RECIPES["fast"](objective) for objective in OBJECTIVES]
    assert len({brackets_seed(recipe) for recipe in recipes}) == len(OBJECTIVES) == 6


@pytest.mark.parametrize("preset", RECIPES)
def test_a_presets_recipe_trains_that_preset(preset):
    assert RECIPES[preset]("stage2").preset == preset

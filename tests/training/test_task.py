from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from moving_clips import write_clip
from safetensors.torch import load_file

from hdrfuse.data.camera_scenes import open_camera_scenes
from hdrfuse.data.packing import Sources
from hdrfuse.imaging.color import GAMMA
from hdrfuse.training import task as task_module
from hdrfuse.training.distributed import World
from hdrfuse.training.loop import Pace, train
from hdrfuse.training.objectives import OBJECTIVES
from hdrfuse.training.recipe import RECIPES, Recipe
from hdrfuse.training.task import brackets_seed, synthetic_task


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("city", "interior", "dresden_square", "venice"):
        cv2.imwrite(str(folder / f"{name}.hdr"), np.random.default_rng(0).random((64, 128, 3), np.float32))
    return folder


def test_a_folder_of_hdr_images_is_all_that_training_needs(images, tmp_path):
    recipe = Recipe(objective="stage1", preset="tiny", batch=2, crop_px=32, steps=2, perceptual_weight=0)
    task = synthetic_task(recipe, images, tmp_path / "cache")
    assert task.notes["sources"] == ["city", "interior"]
    assert len(task.validation) == 20
    assert train(task, tmp_path / "run", pace=Pace(workers=0), world=World()).step == 2


@pytest.fixture
def few_scenes(monkeypatch):
    """Two camera scenes, small ones."""
    monkeypatch.setattr(task_module, "open_camera_scenes", partial(open_camera_scenes, count=2, size=(96, 64)))


def camera_task(images, tmp_path, **changes):
    recipe = Recipe(
        objective="baseline", preset="tiny", batch=2, crop_px=32, steps=4, perceptual_weight=0, camera_share=0.5
    )
    return synthetic_task(replace(recipe, **changes), images, tmp_path / "cache", validation_brackets=0)


@pytest.mark.usefixtures("few_scenes")
def test_a_share_of_the_samples_comes_from_cameras(images, tmp_path):
    plain, mixed = camera_task(images, tmp_path, camera_share=0.0), camera_task(images, tmp_path)
    same = [np.array_equal(plain.brackets[index].ldr, mixed.brackets[2 * index].ldr) for index in range(3)]
    assert same == [True] * 3
    assert not any(np.array_equal(plain.brackets[2].ldr, mixed.brackets[index].ldr) for index in (1, 3, 5))
    assert mixed.brackets[1].ldr.shape == (3, 32, 32, 3)


@pytest.mark.usefixtures("few_scenes")
def test_a_share_of_the_samples_are_collages(images, tmp_path):
    plain = camera_task(images, tmp_path)
    mixed = camera_task(images, tmp_path, collage_share=0.25)
    assert [np.array_equal(plain.brackets[index].ldr, mixed.brackets[index].ldr) for index in range(4)] == [
        True, True, False, True,
    ]  # fmt: skip
    assert np.array_equal(plain.brackets[2].ldr, mixed.brackets[4].ldr)
    assert not np.array_equal(mixed.brackets[2].ldr, mixed.brackets[6].ldr)


def test_a_collage_s_truth_is_what_its_frames_show(images, tmp_path):
    sample = camera_task(images, tmp_path, camera_share=0.0, collage_share=1.0, crop_px=96).brackets[3]
    frames = sample.ldr**GAMMA / sample.exposure[:, None, None, None]
    white = (sample.ldr[1] < 0.99).all(axis=2)
    shown = np.abs(frames[1] - sample.radiance)[white]
    assert white.any()
    assert np.quantile(shown, 0.99) < 0.01
    assert (np.abs(frames[0] - sample.radiance) > 0.02).any()  # something passes


@pytest.mark.slow
@pytest.mark.usefixtures("few_scenes")
def test_a_run_with_cameras_resumed_ends_where_an_uninterrupted_one_does(images, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(camera_task(images, tmp_path), whole, pace=Pace(workers=0), world=World())
    train(camera_task(images, tmp_path), parts, pace=Pace(max_minutes=0, workers=0), world=World())
    train(camera_task(images, tmp_path), parts, pace=Pace(workers=1), world=World(), resume=True)
    one, other = (load_file(folder / "checkpoint.safetensors") for folder in (whole, parts))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_stage_draws_other_brackets():
    recipes = [RECIPES["fast"](objective) for objective in OBJECTIVES]
    assert len({brackets_seed(recipe) for recipe in recipes}) == len(OBJECTIVES) == 6


@pytest.mark.parametrize("preset", RECIPES)
def test_a_presets_recipe_trains_that_preset(preset):
    assert RECIPES[preset]("stage2").preset == preset


def clip_task(sources, tmp_path, **changes):
    recipe = Recipe(objective="baseline", preset="tiny", batch=2, crop_px=32, steps=4, perceptual_weight=0)
    return synthetic_task(replace(recipe, **changes), sources, tmp_path / "cache", validation_brackets=2)


def test_clips_give_a_share_of_the_samples_and_change_no_other(images, tmp_path):
    plain = clip_task(images, tmp_path)
    assert "clips" not in plain.notes
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips / "01_dog.mp4")
    (clips / "03_blocks.mp4").write_bytes(b"damaged")
    (clips / "02_cups.mp4").write_bytes(b"never opened")
    mixed = clip_task(Sources(images=(images,), movers=(clips,)), tmp_path)
    drawn = [plain.brackets[index].ldr for index in range(17)]
    found = [any(np.array_equal(mixed.brackets[index].ldr, ldr) for ldr in drawn) for index in range(20)]
    assert found.count(False) == 3  # 15 %, beside two images
    assert mixed.notes == plain.notes | {"clips": ["01_dog"]}
    assert [line.split(": ")[0] for line in mixed.skipped] == [str(clips / "03_blocks.mp4")]
    assert torch.equal(plain.validation[0].ldr, mixed.validation[0].ldr)


@pytest.mark.slow
def test_a_run_with_clips_trains_in_other_processes(images, tmp_path):
    write_clip(images / "01_dog.mp4")
    assert train(clip_task(images, tmp_path), tmp_path / "run", pace=Pace(workers=1), world=World()).step == 4

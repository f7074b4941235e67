import json
from dataclasses import replace
from pathlib import Path

import pytest

from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.training.plan import PLAN, Plan, load_plan
from hdrfuse.training.recipe import RECIPES
from hdrfuse.training.request import TrainingRequest


def test_a_stage_is_the_presets_recipe():
    plan = TrainingRequest(stage="1", data=(Path("a"), Path("b"))).plan(None)
    assert plan.recipe == RECIPES["fast"]("stage1")
    assert plan.data == (str(Path("a").resolve()), str(Path("b").resolve()))
    assert TrainingRequest(stage="2", stage1=Path("s"), preset="paper", vgg=Path("v")).plan(None).recipe == RECIPES[
        "paper"
    ]("stage2")


def test_the_perceptual_term_is_there_if_and_only_if_vgg_is():
    assert TrainingRequest(stage="1", preset="paper").plan(None).recipe.perceptual_weight == 0
    assert TrainingRequest(stage="1", preset="fast", vgg=Path("v")).plan(None).recipe.perceptual_weight == 0.01


def test_a_shorter_run_warms_up_and_cools_in_the_same_share_of_it():
    full = RECIPES["fast"]("stage1")
    recipe = TrainingRequest(stage="1", recipe={"steps": full.steps // 10}).plan(None).recipe
    assert recipe.decay_steps == round(full.decay_steps / 10)
    assert recipe.warm_up_steps == round(full.warm_up_steps / 10)
    said = TrainingRequest(stage="1", recipe={"steps": full.steps // 10, "warm_up_steps": 7}).plan(None).recipe
    assert said.warm_up_steps == 7


def test_a_run_goes_on_as_it_was_but_for_what_is_said():
    earlier = TrainingRequest(stage="1", data=(Path("a"),), recipe={"steps": 30, "seed": 4}).plan(None)
    assert TrainingRequest().plan(earlier) == earlier
    longer = TrainingRequest(recipe={"steps": 60}).plan(earlier)
    assert longer == replace(earlier, recipe=replace(earlier.recipe, steps=60))
    assert earlier.differences(longer) == ["steps 30 -> 60"]


@pytest.mark.parametrize(
    ("stage", "row"), [("1", "split"), ("2", "baseline"), ("2", "stage1"), ("block-means", "baseline")]
)
def test_a_stage_and_a_row_of_another_are_refused(stage, row):
    with pytest.raises(UsageError, match=f"--table3 {row}"):
        TrainingRequest(stage=stage, table3=row).plan(None)


def test_a_plan_comes_back_from_its_file(tmp_path):
    plan = TrainingRequest(table3="split", stage1=Path("s"), data=(Path("d"),), movers=(Path("m"),)).plan(None)
    plan.save(tmp_path)
    assert load_plan(tmp_path) == plan
    assert load_plan(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "another"}', '{"format": "hdrfuse-plan-1", "recipe": {}}']
)
def test_a_damaged_plan_is_named(tmp_path, text):
    (tmp_path / PLAN).write_text(text)
    with pytest.raises(BadInputError, match=r"plan\.json"):
        load_plan(tmp_path)


def test_a_plan_knows_its_recipe():
    assert Plan(recipe=RECIPES["fast"]("stage1")).facts()["objective"] == "stage1"


def test_a_plan_from_before_camera_scenes_goes_on_without_them(tmp_path):
    plan = TrainingRequest(stage="1", data=(Path("a"),)).plan(None)
    plan.save(tmp_path)
    values = json.loads((tmp_path / PLAN).read_text())
    del values["recipe"]["camera_share"]
    (tmp_path / PLAN).write_text(json.dumps(values))
    assert load_plan(tmp_path) == plan
    assert plan.recipe.camera_share == 0


@pytest.mark.parametrize(
    ("dataset", "recipe", "says"),
    [
        (None, {"camera_share": 1.5}, "--camera-share 1.5: a number from 0 to 1"),
        ("tel", {"camera_share": 0.4}, "--dataset synthetic; tel was given"),
        (None, {"camera_share": 0.4, "crop_px": 640}, "--crop 640: 576 at most"),
        (None, {"collage_share": -0.5}, "--collage-share -0.5: a number from 0 to 1"),
        ("tel", {"collage_share": 0.4}, "--collage-share 0.4: is of --dataset synthetic"),
        (None, {"collage_share": 0.8, "camera_share": 0.4}, "--collage-share 0.8: 0.6 at most"),
    ],
)
def test_shares_that_cannot_be_had_are_refused(dataset, recipe, says):
    with pytest.raises(UsageError, match=says):
        TrainingRequest(stage="1", dataset=dataset, data=(Path("a"),), recipe=recipe).plan(None)

import pytest

from hdrfuse.training.recipe import OBJECTIVES_NEED_STAGE_1, RECIPES, Recipe, learning_rate


def test_the_published_schedule_falls_tenfold_every_fifty_epochs():
    recipe = Recipe(objective="stage1")
    rates = [learning_rate(recipe, recipe.steps * epoch // 300) for epoch in (0, 49, 50, 150, 299)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-7, 1e-9])


def test_a_warm_up_grows_to_the_full_rate():
    recipe = Recipe(objective="stage1", schedule="cosine", steps=1000, warm_up_steps=10, learning_rate=1.0)
    assert learning_rate(recipe, 0) == pytest.approx(0.1)
    assert learning_rate(recipe, 9) == pytest.approx(1.0, abs=1e-3)


def test_a_cosine_ends_at_nothing():
    recipe = Recipe(objective="stage1", schedule="cosine", steps=100, learning_rate=1.0)
    assert learning_rate(recipe, 50) == pytest.approx(0.5)
    assert learning_rate(recipe, 100) == pytest.approx(0.0)


def test_a_trapezoid_is_flat_until_its_decay():
    recipe = Recipe(objective="stage1", schedule="trapezoid", steps=100, decay_steps=20, learning_rate=1.0)
    assert [learning_rate(recipe, step) for step in (0, 80, 90, 100)] == pytest.approx([1, 1, 0.5, 0])


@pytest.mark.parametrize("preset", RECIPES)
@pytest.mark.parametrize("objective", ["stage1", "split", "direct", "stage2"])
def test_every_term_of_the_published_loss_has_the_published_weight(preset, objective):
    recipe = RECIPES[preset](objective)
    assert (recipe.noise_weight, recipe.prior_weight) == (1, 1)


def test_trust_in_block_means_weighs_a_twentieth_of_their_prediction():
    assert RECIPES["fast"]("block-means").prior_weight == 0.05


def test_what_follows_stage_1_is_known():
    assert {"split", "direct", "stage2"} == OBJECTIVES_NEED_STAGE_1

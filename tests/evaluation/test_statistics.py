import numpy as np
import pytest

from hdrfuse.evaluation.statistics import mean_by_source, mean_of


def test_the_interval_holds_the_mean_and_is_as_wide_as_theory_says():
    values = np.random.default_rng(3).normal(40, 2, 100)
    found = mean_of(list(values))
    low, high = found.interval
    assert found.value == pytest.approx(values.mean())
    assert low < found.value < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 10, rel=0.05)
    assert found.count == 100


def test_equal_values_give_an_interval_of_no_width_and_the_same_values_the_same_interval():
    assert mean_of([3.0, 3.0, 3.0]).interval == (3.0, 3.0)
    assert mean_of([1.0, 5.0, 9.0]).interval == mean_of([1.0, 5.0, 9.0]).interval


@pytest.mark.parametrize(("values", "mean"), [([], None), ([2.0], 2.0), ([2.0, np.inf], np.inf)])
def test_nothing_one_value_and_infinity_have_no_interval(values, mean):
    found = mean_of(values)
    assert (found.value, found.interval, found.count) == (mean, None, len(values))


def test_where_every_scene_is_of_its_own_picture_sources_change_nothing():
    values = list(np.random.default_rng(3).normal(0.5, 1, 20))
    assert mean_by_source(values, [str(i) for i in range(20)]).interval == pytest.approx(
        mean_of(values).interval, abs=0.02
    )


def test_scenes_that_agree_because_they_are_of_one_picture_do_not_narrow_the_interval():
    pictures = np.random.default_rng(3).normal(0, 1, 12)
    widths = {}
    for copies in (1, 5):
        values = list(np.repeat(pictures, copies))
        low, high = mean_by_source(values, [str(i // copies) for i in range(len(values))]).interval
        widths[copies] = high - low
    assert widths[5] == pytest.approx(widths[1])

"""Robust statistics against what they stand for: a normal distribution's own, whatever outliers say."""

import numpy as np

from hdrfuse.imaging.robust import robust_sigma


def test_a_normal_distribution_has_its_own_standard_deviation() -> None:
    errors = np.random.default_rng(0).normal(2.0, 3.0, 100_000)
    np.testing.assert_allclose(robust_sigma(errors), 3.0, rtol=0.01)
    np.testing.assert_allclose(robust_sigma(errors, centre=2.0), 3.0, rtol=0.01)


def test_a_third_of_outliers_costs_less_than_the_deviation_itself() -> None:
    errors = np.random.default_rng(0).normal(0.0, 1.0, 9_000)
    errors[:3_000] = 1e6
    assert 1.0 < robust_sigma(errors, centre=0.0) < 2.0


def test_an_axis_is_reduced_by_itself() -> None:
    errors = np.random.default_rng(0).normal(1.0, 1.0, (500, 3)) * [1.0, 2.0, 4.0]
    by_column = [robust_sigma(column) for column in errors.T]
    np.testing.assert_array_equal(robust_sigma(errors, axis=0), by_column)

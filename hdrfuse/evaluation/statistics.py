"""Means over scenes and how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0
"""Of the bootstrap: the same values give the same interval."""

FEWEST = 2
"""Scenes below which there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over scenes with its interval."""

    value: float | None
    """None where there is no scene; infinity where a value is."""
    interval: tuple[float, float] | None
    """95 %, by the bootstrap; None for fewer than two scenes, or sources, and for infinite values."""
    count: int


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and percentile bootstrap interval of the mean (Efron & Tibshirani 1993, chapter 13)."""
    if not values:
        return Mean(value=None, interval=None, count=0)
    sample = np.asarray(values, np.float64)
    mean = float(sample.mean())
    if len(sample) < FEWEST or not np.isfinite(sample).all():
        return Mean(value=mean, interval=None, count=len(sample))
    drawn = np.random.default_rng(SEED).integers(0, len(sample), (RESAMPLES, len(sample)))
    return Mean(value=mean, interval=percentile_interval(sample[drawn].mean(axis=1)), count=len(sample))


def mean_by_source(values: Sequence[float], sources: Sequence[str]) -> Mean:
    """Mean of values, one a scene, and its interval by a bootstrap that draws sources, each with all its scenes.

    Scenes of one picture are no independent evidence (Davison & Hinkley 1997, section 3.8: resampling of groups). Of
    paired differences it is the interval of the mean difference.
    """
    mean = mean_of(values)
    names, places = np.unique(np.asarray(sources, str), return_inverse=True)
    if len(names) < FEWEST or not np.isfinite(values).all():
        return Mean(value=mean.value, interval=None, count=mean.count)
    sums, counts = np.bincount(places, weights=values), np.bincount(places)
    drawn = np.random.default_rng(SEED).integers(0, len(names), (RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return Mean(value=mean.value, interval=percentile_interval(means), count=mean.count)


def percentile_interval(means: NDArray[np.float64]) -> tuple[float, float]:
    """Where resampled means lie in 95 of 100 cases."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)

"""Means over scenes and how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    """95 %, by the bootstrap; None for fewer than two scenes and for infinite values."""
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
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(sample[drawn].mean(axis=1), [tail, 100 - tail])
    return Mean(value=mean, interval=(float(low), float(high)), count=len(sample))

"""Light that recolours a scene: channel gains, coloured spots as on a stage."""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

STAGE_LIGHT = 0.4
"""Share of scenes under coloured lamps, where one channel clips long before the others."""


def relight(rng: np.random.Generator, radiance: Array) -> Array:
    """Return a scene (H, W, 3) under other light: its channels permuted and scaled, often under coloured lamps."""
    if rng.random() < 0.3:
        radiance = radiance[..., rng.permutation(3)]
    gains = np.exp2(rng.normal(0, 0.35, 3)).astype(np.float32)
    if rng.random() < STAGE_LIGHT:
        return radiance * gains * stage_light(rng, *radiance.shape[:2])
    return radiance * gains


def saturated_colour(rng: np.random.Generator) -> Array:
    """Return a lamp's colour (3,) of unit maximum; its weakest channel goes down to a two-hundredth."""
    colour = np.exp2(-rng.uniform(0, 7.6, 3) * rng.choice([0.25, 1.0], p=[0.4, 0.6])).astype(np.float32)
    return colour / colour.max()


def fall_off(
    middle: NDArray[np.float64], doubled_variance: float | np.float32, cells: int
) -> NDArray[np.float64]:  # fmt: skip
    """How the light of a lamp over a place, y and x in shares of the picture, falls off -> (cells, cells), 1 there."""
    y, x = np.mgrid[:cells, :cells].astype(np.float32) / np.float32(cells - 1)
    return np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / doubled_variance)


def stage_light(rng: np.random.Generator, height: int, width: int) -> Array:
    """Shine one to three coloured lamps, wide or as spots -> gains (H, W, 3)."""
    coarse = np.full((8, 8, 3), 0.01, np.float32) + saturated_colour(rng) * np.float32(rng.uniform(0, 0.6))
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(-0.2, 1.2, 2)
        radius = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
        pool = fall_off(middle, 2 * radius**2, 8)
        power = np.float32(np.exp(rng.normal(0, 0.8)))
        coarse += (pool[..., None] * saturated_colour(rng) * power).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(1e-3).astype(np.float32)

"""Light that recolours a scene: channel gains, coloured spots as on a stage."""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

STAGE_LIGHT = 0.4
"""Share of scenes under coloured lamps, where one channel clips long before the others."""


def relit(rng: np.random.Generator, radiance: Array) -> Array:
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


def stage_light(rng: np.random.Generator, height: int, width: int) -> Array:
    """Shine one to three coloured lamps, wide or as spots -> gains (H, W, 3)."""
    coarse = np.full((8, 8, 3), 0.01, np.float32) + saturated_colour(rng) * np.float32(rng.uniform(0, 0.6))
    y, x = np.mgrid[:8, :8].astype(np.float32) / np.float32(7)
    for _ in range(int(rng.integers(1, 4))):
        middle_y, middle_x = rng.uniform(-0.2, 1.2, 2)
        radius = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
        fall_off = np.exp(-((y - middle_y) ** 2 + (x - middle_x) ** 2) / (2 * radius**2))
        power = np.float32(np.exp(rng.normal(0, 0.8)))
        coarse += (fall_off[..., None] * saturated_colour(rng) * power).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(1e-3).astype(np.float32)

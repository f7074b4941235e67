"""Textures of procedural scenes: fractal noise and the patterns that people print, weave and build."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H, W) or (H, W, C) float32."""

LETTERS = "ABCDEFGHKLMNPRSTUVXYZ aeiorstn 0123456789"


def fractal_noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    octaves: int,
    finest_px: int = 1,
    roughness: float = 0.6,
    channels: int = 1,
) -> Field:
    """Make noise (H, W, C) of zero mean and unit variance whose octaves weaken by ``roughness`` each.

    The finest octave's grains are ``finest_px`` wide, the coarsest ``finest_px * 2 ** (octaves - 1)``.
    """
    coarsest_px = finest_px * 2 ** (octaves - 1)
    rows, columns = -(-height // coarsest_px) + 3, -(-width // coarsest_px) + 3
    noise: Field = rng.standard_normal((rows, columns, channels), dtype=np.float32)
    amplitude = 1.0
    for _ in range(octaves - 1):
        amplitude *= roughness
        rows, columns = 2 * rows - 2, 2 * columns - 2
        grown = cv2.resize(noise, (columns + 2, rows + 2), interpolation=cv2.INTER_LINEAR)[1:-1, 1:-1]
        noise = grown.reshape(rows, columns, channels).astype(np.float32, copy=False)
        noise += np.float32(amplitude) * rng.standard_normal(noise.shape, dtype=np.float32)
    size = (noise.shape[1] * finest_px, noise.shape[0] * finest_px)
    if finest_px > 1:
        grown = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
        noise = grown.reshape(size[1], size[0], channels).astype(np.float32, copy=False)
    noise = noise[finest_px : finest_px + height, finest_px : finest_px + width]
    sample = noise[:: 1 + height // 256, :: 1 + width // 256]
    noise -= sample.mean()
    noise /= sample.std() + np.float32(1e-6)
    return noise


def random_colour(rng: np.random.Generator, *, saturation: float = 0.6) -> Field:
    """Return a linear RGB colour (3,) of unit mean, saturated up to ``saturation`` (0 grey, 1 pure)."""
    hue = rng.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
    return (1 + rng.uniform(0, saturation) * np.cos(hue)).astype(np.float32)


def stripes(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Draw straight stripes at any angle, 4 to 30 units a period -> (H, W) in 0 to 1."""
    angle, period = rng.uniform(0, np.pi), unit * np.exp(rng.uniform(np.log(4), np.log(30)))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period))
    return np.clip(wave * rng.uniform(0.7, 4) + 0.5, 0, 1).astype(np.float32)


def bricks(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Lay bricks of different tones with thin joints between them -> (H, W) in 0 to 1."""
    tall = max(3, int(unit * rng.uniform(6, 26)))
    wide = int(tall * rng.uniform(1, 3))
    joint = max(1, int(tall * 0.12))
    rows, columns = height // tall + 1, width // wide + 2
    tones: Field = rng.uniform(0.35, 1, (rows, columns)).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    row = y // tall
    x = x + (row % 2) * (wide // 2)
    wall = tones[row, x // wide].astype(np.float32, copy=False)
    joints = (y % tall < joint) | (x % wide < joint)
    return np.where(joints, np.float32(rng.uniform(0, 0.4)), wall)


def text_lines(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Print lines, dark on light -> (H, W) in 0 to 1."""
    page = np.full((height, width), 255, np.uint8)
    size_px = unit * rng.uniform(7, 26)
    scale, font = size_px / 22, int(rng.integers(0, 8))
    thickness = max(1, round(size_px / 11))
    for baseline in np.arange(size_px * 1.2, height, size_px * 1.7):
        text = "".join(rng.choice(list(LETTERS), max(4, int(2 * width / size_px))))
        cv2.putText(page, text, (int(size_px / 2), int(baseline)), font, scale, 0, thickness, cv2.LINE_AA)
    return page.astype(np.float32) / np.float32(255)


def foliage(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Scatter leaves against their shadows, down to single pixels -> (H, W) in 0 to 1."""
    noise = fractal_noise(rng, height, width, octaves=5, finest_px=max(1, round(unit)), roughness=0.9)[..., 0]
    return np.clip(noise * rng.uniform(0.8, 2) + 0.5, 0, 1)


def gradient(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Draw a smooth ramp in any direction -> (H, W) in 0 to 1."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ramp = (x - width / 2) / max(width, 1) * np.cos(angle) + (y - height / 2) / max(height, 1) * np.sin(angle)
    return np.clip(ramp + 0.5, 0, 1).astype(np.float32)


def plain(rng: np.random.Generator, height: int, width: int, unit: float) -> Field:
    """Return one tone, as walls and car paint have, -> (H, W) of ones."""
    return np.ones((height, width), np.float32)


Pattern = Callable[[np.random.Generator, int, int, float], Field]
"""(rng, height, width, unit in pixels) -> (H, W) float32 in 0 to 1."""

PATTERNS: dict[str, Pattern] = {
    "stripes": stripes,
    "bricks": bricks,
    "text": text_lines,
    "foliage": foliage,
    "gradient": gradient,
    "plain": plain,
}


def blob(rng: np.random.Generator, radius_x: float, radius_y: float, *, lobes: int, depth: float) -> Field:
    """Draw a smooth irregular closed outline around (0, 0) -> (160, 2) float32 x, y.

    ``depth`` is how far the outline strays from the ellipse (0: not at all), ``lobes`` its finest wave.
    """
    turn = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    radius = np.ones_like(turn)
    for wave in range(2, lobes + 1):
        radius += depth / wave * rng.normal() * np.cos(wave * turn + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.25, 1.6)
    return np.stack([radius_x * radius * np.cos(turn), radius_y * radius * np.sin(turn)], -1).astype(np.float32)


def fill(mask: NDArray[np.uint8], outline: Field, value: int = 255) -> None:
    """Fill a polygon (N, 2) x, y into a mask (H, W), with anti-aliased edges."""
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], value, cv2.LINE_AA, 4)

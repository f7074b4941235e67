"""What moves in a procedural scene: textured sprites with soft or hard edges, and their paths."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.texture import PATTERNS, Field, blob, fill, fractal_noise, random_colour

Mask = NDArray[np.uint8]
"""(H, W) uint8, 255 inside."""

SUPERSAMPLING = 2
"""Pixels of a sprite or a backdrop a pixel of the frame, along each axis."""


@dataclass(frozen=True, kw_only=True)
class Mover:
    """One object with its path; places and lengths in pixels of the reference frame."""

    sprite: Field
    """(h, w, 4) float32 at SUPERSAMPLING: radiance times coverage, coverage."""
    centre: tuple[float, float]
    """Where the sprite's middle is at time 0, x and y."""
    velocity: tuple[float, float]
    """Pixels a frame, x and y."""
    spin_deg: float
    """Degrees a frame."""

    def pose(self, time: float) -> NDArray[np.float64]:
        """Return the matrix (3, 3) from the sprite's pixels to the reference frame's at a time in frames."""
        turn, scale = np.deg2rad(self.spin_deg * time), 1 / SUPERSAMPLING
        cos, sin = scale * np.cos(turn), scale * np.sin(turn)
        height, width = self.sprite.shape[:2]
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        rotation = np.array([[cos, -sin], [sin, cos]])
        shift = np.asarray(self.centre) + np.asarray(self.velocity) * time - rotation @ middle
        return np.array([[*rotation[0], shift[0]], [*rotation[1], shift[1]], [0, 0, 1]])


def composite(frame: Field, sprite: Field, placing: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Lay a sprite (h, w, 4) over the frame (H, W, 3) in place -> (H, W) bool, where it covers anything.

    ``placing`` (3, 3) takes the sprite's pixels to the frame's.
    """
    height, width = frame.shape[:2]
    covered = np.zeros((height, width), np.bool_)
    tall, wide = sprite.shape[:2]
    corners = np.array([[[0, 0], [wide, 0], [wide, tall], [0, tall]]], np.float64)
    outline = cv2.perspectiveTransform(corners, placing)[0]
    low = np.maximum(np.floor(outline.min(0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(outline.max(0)).astype(int) + 3, (width, height))
    if (high <= low).any():
        return covered
    local = np.array([[1.0, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ placing
    layer = cv2.warpPerspective(sprite, local, tuple((high - low).tolist()), flags=cv2.INTER_CUBIC)
    layer = np.maximum(layer, 0)
    alpha = np.minimum(layer[..., 3:], 1)
    patch = frame[low[1] : high[1], low[0] : high[0]]
    patch *= 1 - alpha
    patch += layer[..., :3]
    covered[low[1] : high[1], low[0] : high[0]] = alpha[..., 0] > 0.001
    return covered


def ball(rng: np.random.Generator, size: int) -> list[Mask]:
    """Draw an ellipse, as one part (h, w)."""
    tall = int(size * rng.uniform(0.5, 1))
    mask = np.zeros((tall + 12, size + 12), np.uint8)
    fill(
        mask,
        blob(rng, size / 2, tall / 2, lobes=1, depth=0) + np.array([size / 2 + 6, tall / 2 + 6], np.float32),
    )
    return [mask]


def lump(rng: np.random.Generator, size: int) -> list[Mask]:
    """Draw a smooth irregular outline, as one part (h, w)."""
    mask = np.zeros((size, size), np.uint8)
    outline = blob(rng, size * 0.34, size * rng.uniform(0.15, 0.34), lobes=8, depth=0.6)
    outline *= min(1.0, (size / 2 - 6) / float(np.abs(outline).max()))
    fill(mask, outline + np.float32(size / 2))
    return [mask]


def limb(mask: Mask, joints: list[tuple[float, float]], widths: list[float]) -> None:
    """Draw a limb through joints x, y into a mask (H, W), as wide at each joint as ``widths`` says."""
    points = np.array(joints)
    for (start, end), (first, last) in zip(pairwise(points), pairwise(widths), strict=True):
        along = end - start
        across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) / 2
        quad = [start + first * across, end + last * across, end - last * across, start - first * across]
        fill(mask, np.array(quad, np.float32))
    for point, width in zip(np.round(points * 16).astype(int).tolist(), widths, strict=True):
        cv2.circle(mask, point, round(width * 8), 255, -1, cv2.LINE_AA, 4)


def figure(rng: np.random.Generator, size: int) -> list[Mask]:
    """Draw someone walking, ``size`` pixels tall: shoes, legs, coat, arm, head and hair (h, w)."""
    wide, middle = int(size * 0.8), 0.4
    parts = [np.zeros((size, wide), np.uint8) for _ in range(6)]
    shoes, legs, coat, arm, head, hair = parts
    stride = rng.uniform(0.09, 0.17)

    def draw(mask: Mask, joints: list[tuple[float, float]], *widths: float) -> None:
        limb(mask, [((middle + x) * size, y * size) for x, y in joints], [width * size for width in widths])

    for foot, heel_y, knee in ((stride, 0.94, 0.8 * stride + 0.02), (-stride, 0.92, -0.25 * stride)):
        draw(legs, [(0, 0.52), (knee, 0.73), (foot, heel_y)], 0.105, 0.07, 0.045)
        draw(shoes, [(foot - 0.01, heel_y + 0.015), (foot + 0.05, heel_y + 0.025)], 0.045, 0.03)
    draw(arm, [(-0.01, 0.24), (-0.07 - 0.3 * stride, 0.37), (0.02 - 0.6 * stride, 0.5)], 0.07, 0.055, 0.04)
    draw(coat, [(0.01, 0.24), (0.06 + 0.2 * stride, 0.38), (0.1 + 0.6 * stride, 0.48)], 0.06, 0.05, 0.035)
    draw(coat, [(0, 0.22), (0, 0.3), (0.005, 0.42), (-0.01, 0.58)], 0.13, 0.155, 0.13, 0.16)
    draw(head, [(0.0, 0.2), (0.01, 0.14), (0.02, 0.135)], 0.05, 0.05, 0.06)
    draw(head, [(0.012, 0.1), (0.02, 0.125)], 0.1, 0.08)
    draw(hair, [(0.005, 0.08), (-0.02, 0.1), (-0.03, 0.16)], 0.1, 0.08, 0.05)
    return parts


def twig(rng: np.random.Generator, size: int) -> list[Mask]:
    """Draw a branch with thin side twigs and leaves: wood and leaves (h, w)."""
    wood, leaves = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)

    def grow(start: NDArray[np.float64], heading: float, length: float, depth: int) -> None:
        heading += rng.normal(0, 0.15)
        end = start + length * np.array([np.cos(heading), np.sin(heading)])
        points = np.round(np.array([start, end]) * 16).astype(np.int32)
        cv2.polylines(wood, [points], False, 255, 1 + depth * max(1, size // 200), cv2.LINE_AA, 4)
        if depth == 0:
            fill(leaves, blob(rng, size * 0.03, size * 0.018, lobes=3, depth=0.3) + end.astype(np.float32))
            return
        for side in rng.uniform((-0.9, 0.1), (-0.1, 0.9)):
            grow(start + rng.uniform(0.5, 1) * (end - start), heading + side, length * 0.72, depth - 1)

    grow(np.array([0.06, 0.5]) * size, 0, size * 0.28, 5)
    margin = np.zeros_like(wood)
    margin[4:-4, 4:-4] = 1
    return [wood * margin, leaves * margin]


Shape = Callable[[np.random.Generator, int], list[Mask]]
"""(rng, size in sprite pixels) -> the masks (h, w) of its parts, painted in order."""

SHAPES: dict[str, Shape] = {"ball": ball, "lump": lump, "figure": figure, "twig": twig}


def random_paint(rng: np.random.Generator, height: int, width: int) -> Field:
    """Return a pattern (h, w, 3) in two colours at random, its lighter one about 1."""
    pattern = PATTERNS[rng.choice(list(PATTERNS))]
    print_ = pattern(rng, height, width, max(0.5, max(height, width) / 450))[..., None]
    light = np.exp2(rng.uniform(-1.2, 0.2)) * random_colour(rng)
    dark = light * np.exp2(rng.uniform(-2.5, -0.4)) * random_colour(rng)
    grain = fractal_noise(rng, height, width, octaves=5, roughness=0.8)
    return ((dark + (light - dark) * print_) * np.exp2(rng.uniform(0.05, 0.3) * grain)).astype(np.float32)


def make_sprite(parts: list[Mask], paints: list[Field], *, softness_px: float = 0.0) -> Field:
    """Paint the parts (h, w) of a shape with radiances (h, w, 3), lit from one side -> (h, w, 4) sprite.

    ``softness_px`` is the blur of its edge in the sprite's pixels.
    """
    room = int(3 * softness_px) + 3
    mask = np.pad(np.maximum.reduce(parts), room)
    colour = np.zeros((*mask.shape, 3), np.float32)
    for part, paint in zip(parts, paints, strict=True):
        inside = np.pad(part, room)
        relief = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), max(1.0, max(part.shape) / 40))
        slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + 0.7 * cv2.Sobel(relief, cv2.CV_32F, 0, 1)
        light = np.clip(1 + 0.6 * slope / (np.abs(slope).max() + 1e-6), 0.3, 1.6)[..., None]
        lit = np.pad(paint, ((room, room), (room, room), (0, 0)), mode="edge") * light
        colour += (inside[..., None] > 0) * (lit - colour)
    # Colour goes on beyond the outline, so that a soft edge fades into it and not into black.
    known = (mask > 0).astype(np.float32)
    spread = cv2.GaussianBlur(known, (0, 0), softness_px + 1.0)[..., None]
    beyond = cv2.GaussianBlur(colour, (0, 0), softness_px + 1.0) / np.maximum(spread, 1e-6)
    colour += (1 - known[..., None]) * beyond
    if softness_px > 0:
        mask = cv2.GaussianBlur(mask, (0, 0), softness_px).astype(np.uint8, copy=False)
    alpha = mask.astype(np.float32)[..., None] / 255
    return np.concatenate([colour * alpha, alpha], -1).astype(np.float32)


def random_mover(rng: np.random.Generator, bright: NDArray[np.bool_], *, white: float, scale: float) -> Mover:
    """Make one object at random; half of them start, end or pass before something that clips.

    ``bright`` (H, W) is where the still scene clips in the reference frame, ``white`` the radiance that
    does so; ``scale`` is the frame's size relative to 1024 pixels.
    """
    shape = str(rng.choice(list(SHAPES), p=[0.2, 0.3, 0.32, 0.18]))
    size_px = scale * np.exp(rng.uniform(np.log(70), np.log(330)))
    stops = {"bright": (0.3, 1.9), "middle": (-3.5, -0.7), "dark": (-7.0, -3.5)}
    level = str(rng.choice(list(stops), p=[0.3, 0.4, 0.3]))
    parts = SHAPES[shape](rng, max(16, round(size_px * SUPERSAMPLING)))
    radiance = np.float32(white * np.exp2(rng.uniform(*stops[level])))
    paints = [radiance * random_paint(rng, *parts[0].shape) for _ in parts]
    sprite = make_sprite(parts, paints, softness_px=float(rng.choice([0, 0, 1, 2.5, 6])))
    height, width = bright.shape
    speed, heading = scale * np.exp(rng.uniform(np.log(5), np.log(120))), rng.uniform(0, 2 * np.pi)
    velocity = (float(speed * np.cos(heading)), float(speed * np.sin(heading)))
    centre = rng.uniform((0.08 * width, 0.08 * height), (0.92 * width, 0.92 * height))
    clipped = np.argwhere(bright)
    if len(clipped) and rng.random() < 0.5:
        when = rng.integers(-1, 2)
        centre = clipped[rng.integers(len(clipped))][::-1] - np.asarray(velocity) * when
    return Mover(
        sprite=sprite,
        centre=(float(centre[0]), float(centre[1])),
        velocity=velocity,
        spin_deg=float(rng.normal(0, 6)),
    )

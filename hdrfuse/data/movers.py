"""What moves in a procedural scene: textured sprites with soft or hard edges, and their paths."""

from collections.abc import Callable
from dataclasses import dataclass

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
    covered[low[1] : high[1], low[0] : high[0]] = alpha[..., 0] > 0.01
    return covered


def ball(rng: np.random.Generator, size: int) -> tuple[Mask, list[Mask]]:
    """Draw an ellipse: its mask (h, w) and one part."""
    tall = int(size * rng.uniform(0.5, 1))
    mask = np.zeros((tall + 12, size + 12), np.uint8)
    fill(
        mask,
        blob(rng, size / 2, tall / 2, lobes=1, depth=0) + np.array([size / 2 + 6, tall / 2 + 6], np.float32),
    )
    return mask, [mask]


def lump(rng: np.random.Generator, size: int) -> tuple[Mask, list[Mask]]:
    """Draw a smooth irregular outline: its mask (h, w) and one part."""
    mask = np.zeros((size, size), np.uint8)
    outline = blob(rng, size * 0.34, size * rng.uniform(0.15, 0.34), lobes=8, depth=0.6)
    fill(mask, np.clip(outline + size / 2, 6, size - 6).astype(np.float32))
    return mask, [mask]


def figure(rng: np.random.Generator, size: int) -> tuple[Mask, list[Mask]]:
    """Draw someone walking, ``size`` pixels tall: the mask (h, w) and legs, arms, coat, head as parts."""
    wide = int(size * 0.6)
    parts = [np.zeros((size + 12, wide), np.uint8) for _ in range(4)]
    legs, arms, coat, head = parts
    middle = wide / 2
    hip, neck = size * 0.52, size * 0.2
    stride = rng.uniform(0.08, 0.2) * size

    def limb(mask: Mask, joints: list[tuple[float, float]], thickness: float) -> None:
        points = np.round(np.array(joints) * 16).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, max(1, round(thickness)), cv2.LINE_AA, 4)

    for side in (-1, 1):
        foot = middle + side * stride
        knee = (middle + side * stride * 0.75 + 0.03 * size, size * 0.74)
        limb(
            legs, [(middle, hip), knee, (foot, size * 0.96), (foot + 0.05 * size, size * 0.97)], size * 0.065
        )
        elbow = (middle - side * stride * 0.8 - 0.03 * size, size * 0.39)
        hand = (middle - side * stride * 1.0 + 0.05 * size, size * 0.5)
        limb(arms, [(middle - side * 0.02 * size, size * 0.25), elbow, hand], size * 0.045)
    shoulders, hem = 0.1 * size, 0.115 * size
    torso = [[-0.6 * shoulders, neck], [0.6 * shoulders, neck], [shoulders, neck + 0.05 * size]]
    torso += [[0.8 * hem, 0.42 * size], [hem, hip + 0.05 * size], [-hem, hip + 0.05 * size]]
    torso += [[-0.8 * hem, 0.42 * size], [-shoulders, neck + 0.05 * size]]
    fill(coat, np.array(torso, np.float32) + np.array([middle, 0], np.float32))
    face = blob(rng, 0.055 * size, 0.075 * size, lobes=1, depth=0)
    fill(head, face + np.array([middle + 0.01 * size, 0.115 * size], np.float32))
    limb(head, [(middle, 0.17 * size), (middle, neck + 0.01 * size)], 0.05 * size)
    return np.maximum.reduce(parts), parts


def twig(rng: np.random.Generator, size: int) -> tuple[Mask, list[Mask]]:
    """Draw a branch with thin side twigs and leaves: the mask (h, w), wood and leaves as parts."""
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
    parts = [wood, leaves]
    margin = np.zeros_like(wood)
    margin[4:-4, 4:-4] = 1
    parts = [part * margin for part in parts]
    return np.maximum.reduce(parts), parts


Shape = Callable[[np.random.Generator, int], tuple[Mask, list[Mask]]]
"""(rng, size in sprite pixels) -> mask (h, w) uint8 and the masks of its parts, painted in order."""

SHAPES: dict[str, Shape] = {"ball": ball, "lump": lump, "figure": figure, "twig": twig}


def paint_sprite(
    rng: np.random.Generator, shape: str, size: int, *, radiance: float, softness_px: float
) -> Field:
    """Paint a sprite (h, w, 4) of the named shape, each part in its own colours, lit from one side.

    ``radiance`` is its brightest parts' level; ``softness_px`` the blur of its edge in sprite pixels.
    """
    mask, parts = SHAPES[shape](rng, size)
    height, width = mask.shape
    unit = max(0.5, size / 450)
    grain = fractal_noise(rng, height, width, octaves=5, roughness=0.8)
    colour = np.zeros((height, width, 3), np.float32)
    for part in parts:
        print_ = PATTERNS[rng.choice(list(PATTERNS))](rng, height, width, unit)[..., None]
        light = np.exp2(rng.uniform(-1.2, 0.2)) * random_colour(rng)
        dark = light * np.exp2(rng.uniform(-2.5, -0.4)) * random_colour(rng)
        paint = (dark + (light - dark) * print_) * np.exp2(rng.uniform(0.05, 0.3) * grain)
        # Paint spreads a little beyond its part, so that a softened edge fades into colour and not to black.
        spread = cv2.dilate(part, np.ones((5, 5), np.uint8))[..., None] / np.float32(255)
        colour += spread * (paint - colour)
    relief = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(1.0, size / 14))
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + 0.7 * cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    colour *= np.clip(1 + 0.5 * slope / (np.abs(slope).max() + 1e-6), 0.3, 1.6)[..., None]
    if softness_px > 0:
        room = int(3 * softness_px) + 1
        around = ((room, room), (room, room), (0, 0))
        colour = np.pad(colour, around, mode="edge")
        mask = cv2.GaussianBlur(np.pad(mask, room), (0, 0), softness_px).astype(np.uint8, copy=False)
    alpha = mask.astype(np.float32)[..., None] / 255
    return np.concatenate([radiance * colour * alpha, alpha], -1).astype(np.float32)


def random_mover(rng: np.random.Generator, bright: NDArray[np.bool_], *, white: float, scale: float) -> Mover:
    """Make one object at random; half of them start, end or pass before something that clips.

    ``bright`` (H, W) is where the still scene clips in the reference frame, ``white`` the radiance that
    does so; ``scale`` is the frame's size relative to 1024 pixels.
    """
    shape = str(rng.choice(list(SHAPES), p=[0.2, 0.3, 0.32, 0.18]))
    size_px = scale * np.exp(rng.uniform(np.log(70), np.log(330)))
    stops = {"bright": (0.3, 1.9), "middle": (-3.5, -0.7), "dark": (-7.0, -3.5)}
    level = str(rng.choice(list(stops), p=[0.3, 0.4, 0.3]))
    sprite = paint_sprite(
        rng,
        shape,
        max(16, round(size_px * SUPERSAMPLING)),
        radiance=white * float(np.exp2(rng.uniform(*stops[level]))),
        softness_px=float(rng.choice([0, 0, 1, 2.5, 6])),
    )
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

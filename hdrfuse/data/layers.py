"""Moving layers in front of a synthetic scene: cut-outs, textured shapes and shadows, with their paths."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.light import saturated_colour
from hdrfuse.data.texture import PATTERNS, blob, fill
from hdrfuse.data.views import pattern

Array = NDArray[np.float32]

HIDING_LIGHT = 0.6
"""Share of the layers placed in front of what the reference clips, where nothing but a guess tells the light."""

STILL_PX = 1.0
"""Motion blur shorter than this is left out."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One moving thing; lengths in pixels of the view, time in frames, the reference at time 0."""

    sprite: Array
    """(h, w, 4) float32: radiance times coverage, coverage; a shadow has coverage alone."""
    centre: tuple[float, float]
    velocity: tuple[float, float]
    angle_deg: float
    spin_deg: float
    """Degrees a frame."""
    bending_px: float
    """Standard deviation of the sprite's own deformation from frame to frame; 0 for a rigid thing."""
    bending_seed: int
    is_shadow: bool = False
    """A shadow only darkens what lies behind it."""

    def laid_over(self, scene: Array, time: float, shutter: float) -> Array:
        """Return a scene (size, size, 3) with the layer in front of it at a time."""
        layer = self.render(len(scene), time, shutter)
        behind = scene * (1 - layer[..., 3:])
        return behind if self.is_shadow else behind + layer[..., :3]

    def render(self, size: int, time: float, shutter: float) -> Array:
        """Return the layer at a time -> (size, size, 4), blurred over the shutter's part of a frame."""
        angle = np.deg2rad(self.angle_deg + self.spin_deg * time)
        cos, sin = np.cos(angle), np.sin(angle)
        height, width = self.sprite.shape[:2]
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        turn = np.array([[cos, -sin], [sin, cos]])
        place = np.asarray(self.centre) + np.asarray(self.velocity) * time
        placing = np.column_stack([turn, place - turn @ middle])
        sprite = self.sprite
        if self.bending_px > 0:
            sprite = bend(sprite, self.bending_px, np.random.default_rng([self.bending_seed, round(64 * time) + 4096]))
        layer = cv2.warpAffine(sprite, placing, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32, copy=False)
        return blur_by_motion(layer, np.asarray(self.velocity) * shutter)


def blur_by_motion(layer: Array, path_px: NDArray[np.float64]) -> Array:
    """Average a layer (H, W, C) over a straight path: 2^k copies by k halvings of the path."""
    length = float(np.hypot(*path_px))
    if length < STILL_PX:
        return layer
    height, width = layer.shape[:2]
    for level in range(1, min(int(np.ceil(np.log2(length))) + 1, 6)):
        x, y = path_px / 2 ** (level + 1)
        ahead = cv2.warpAffine(layer, np.array([[1, 0, x], [0, 1, y]]), (width, height))
        behind = cv2.warpAffine(layer, np.array([[1, 0, -x], [0, 1, -y]]), (width, height))
        layer = (ahead + behind) * np.float32(0.5)
    return layer


def bend(image: Array, amplitude_px: float, rng: np.random.Generator) -> Array:
    """Displace the pixels of an image (H, W, C) smoothly and at random."""
    height, width = image.shape[:2]
    coarse = rng.normal(0, amplitude_px, (4, 4, 2)).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(
        image, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)


def random_layer(
    rng: np.random.Generator, library: ImageLibrary, size: int, clipped: NDArray[np.int64] | None = None
) -> Layer:
    """Return a random moving layer for a view of size x size; radiance 1.0 is the reference's white.

    Where ``clipped`` (N, 2) holds y and x of what the reference clips, many layers pass in front of such a place.
    """
    shadow = bool(rng.random() < 0.07)
    length_px = size * float(np.exp(rng.uniform(np.log(0.08), np.log(0.9))))
    sprite = shadow_sprite(rng, length_px) if shadow else layer_sprite(rng, library, length_px)
    speed = random_speed(rng, size)
    heading = rng.uniform(0, 2 * np.pi)
    velocity = np.array([np.cos(heading), np.sin(heading)]) * speed
    seen_at = float(rng.choice([-1.0, 0.0, 1.0]))
    place = rng.uniform(-0.05, 1.05, 2) * size
    if clipped is not None and len(clipped) and rng.random() < HIDING_LIGHT:
        place = clipped[int(rng.integers(len(clipped)))][::-1]
    centre = place - velocity * seen_at
    bends = rng.random() < 0.35
    return Layer(
        sprite=sprite,
        centre=(float(centre[0]), float(centre[1])),
        velocity=(float(velocity[0]), float(velocity[1])),
        angle_deg=float(rng.normal(0, 25) if rng.random() < 0.7 else rng.uniform(0, 360)),
        spin_deg=float(rng.normal(0, 12) if rng.random() < 0.6 else 0),
        bending_px=float(length_px * rng.uniform(0.01, 0.06)) if bends else 0.0,
        bending_seed=int(rng.integers(2**31)),
        is_shadow=shadow,
    )


def random_speed(rng: np.random.Generator, size: int) -> float:
    """Draw pixels a frame: from sub-pixel trembling to right across the view."""
    kind = rng.random()
    if kind < 0.35:
        return float(np.exp(rng.uniform(np.log(0.3), np.log(10))))
    if kind < 0.85:
        return float(abs(rng.normal(0, 0.16)) * size)
    return float(rng.uniform(0.2, 0.8) * size)


def layer_sprite(rng: np.random.Generator, library: ImageLibrary, length_px: float) -> Array:
    """Return a cut-out or a textured shape (h, w, 4), about as long as asked for, at a random brightness."""
    if library.of_kind("cutout") and rng.random() < 0.35:
        sprite = random_cutout(rng, library, length_px, enlarge=False)
    else:
        sprite = textured_shape(rng, library, length_px)
    sprite[..., :3] *= np.exp2(rng.normal(0, 0.3, 3)).astype(np.float32)
    if rng.random() < 0.12:
        sprite[..., :3] *= saturated_colour(rng)
    covered = float(sprite[..., 3].sum()) + 1e-3
    mean = float(sprite[..., :3].sum()) / 3 / covered + 1e-6
    sprite[..., :3] *= np.float32(np.exp(rng.uniform(np.log(0.01), np.log(4.0))) / mean)
    return sprite


def random_cutout(
    rng: np.random.Generator, library: ImageLibrary, length_px: float, *, enlarge: bool = True
) -> Array:  # fmt: skip
    """Return one of a library's cut-outs (h, w, 4), as long as asked for, half of them mirrored.

    Without `enlarge` it is never longer than it was photographed.
    """
    cutouts = library.of_kind("cutout")
    sprite = library.half(cutouts[int(rng.integers(len(cutouts)))]).astype(np.float32)
    scale = length_px / max(sprite.shape[:2])
    scale = scale if enlarge else min(scale, 1.0)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    sprite = cv2.resize(sprite, None, fx=scale, fy=scale, interpolation=interpolation).astype(np.float32, copy=False)
    return np.ascontiguousarray(sprite[:, ::-1] if rng.random() < 0.5 else sprite)


def textured_shape(rng: np.random.Generator, library: ImageLibrary, length_px: float) -> Array:
    """Cut a random shape out of a random texture -> (h, w, 4)."""
    coverage = random_shape(rng, length_px)
    height, width = coverage.shape
    kind = rng.random()
    sources = library.of_kind("panorama", "photograph", "texture")
    if sources and kind < 0.75:
        image = sources[int(rng.integers(len(sources)))]
        zoom = rng.uniform(0.5, 1.2)
        tall, wide = min(int(height / zoom), image.height), min(int(width / zoom), image.width)
        top, left = (
            int(rng.integers(0, image.height - tall + 1)),
            int(rng.integers(0, image.width - wide + 1)),
        )
        colour = cv2.resize(library.crop(image, top, left, tall, wide), (width, height), interpolation=cv2.INTER_AREA)
    else:
        names = list(PATTERNS)
        colour = pattern(rng, names[int(rng.integers(len(names)))], max(height, width))[:height, :width]
    return np.dstack([colour * coverage[..., None], coverage]).astype(np.float32)


def random_shape(rng: np.random.Generator, length_px: float) -> Array:
    """Draw a blob, a polygon or a limb with a hard or soft edge -> coverage (h, w) in [0, 1]."""
    half = max(length_px / 2, 3.0)
    aspect = float(np.exp(rng.uniform(np.log(0.25), 0)))
    soft_px = 0.0 if rng.random() < 0.5 else float(np.exp(rng.uniform(np.log(0.5), np.log(5))))
    margin = int(np.ceil(half * 0.65 + 3 * soft_px)) + 2
    size = (int(2 * half * aspect) + 2 * margin, int(2 * half) + 2 * margin)
    middle = np.array([size[1] / 2, size[0] / 2], np.float32)
    mask = np.zeros(size, np.uint8)
    kind = rng.random()
    if kind < 0.5:
        fill(mask, blob(rng, half, half * aspect, lobes=int(rng.integers(1, 8)), depth=0.5) + middle)
    elif kind < 0.75:
        corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        outline = np.stack([np.cos(corners) * half, np.sin(corners) * half * aspect], -1)
        fill(mask, outline.astype(np.float32) + middle)
    else:
        thick = max(int(half * rng.uniform(0.08, 0.35)), 1)
        joints = rng.uniform(-1, 1, (int(rng.integers(2, 5)), 2)) * [half, half * aspect] + middle
        cv2.polylines(mask, [np.round(joints * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 4)
    coverage = mask.astype(np.float32) / np.float32(255)
    if soft_px:
        coverage = cv2.GaussianBlur(coverage, (0, 0), soft_px).astype(np.float32)
    return coverage * np.float32(1 if rng.random() < 0.9 else rng.uniform(0.4, 0.9))


def shadow_sprite(rng: np.random.Generator, length_px: float) -> Array:
    """Return a soft shadow (h, w, 4) that takes up to nine tenths of the light."""
    coverage = cv2.GaussianBlur(random_shape(rng, length_px), (0, 0), float(rng.uniform(1, 8)))
    sprite = np.zeros((*coverage.shape, 4), np.float32)
    sprite[..., 3] = coverage * np.float32(rng.uniform(0.2, 0.9))
    return sprite

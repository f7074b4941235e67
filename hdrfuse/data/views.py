"""Random views of packed images: where a synthetic photographer points the camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.library import ImageLibrary, PackedImage
from hdrfuse.data.texture import PATTERNS, random_colour

Array = NDArray[np.float32]

ZOOM_RANGE = (0.5, 1.3)
"""Pixels of the view a pixel of the image."""
LARGEST_PITCH_DEG = 50.0


def random_view(rng: np.random.Generator, library: ImageLibrary, image: PackedImage, size: int) -> Array:
    """Return (size, size, 3) of an image: a plain crop, or a perspective view if it is a panorama."""
    zoom = float(rng.uniform(*ZOOM_RANGE))
    view = (
        perspective_view(rng, library, image, size, zoom)
        if image.kind == "panorama" and rng.random() < 0.4
        else plain_view(rng, library, image, size, zoom)
    )
    return turn_at_random(rng, view)


def plain_view(rng: np.random.Generator, library: ImageLibrary, image: PackedImage, size: int, zoom: float) -> Array:
    """Cut a square out of an image and scale it to (size, size, 3)."""
    side = min(round(size / zoom), image.height, image.width)
    top = int(rng.integers(0, image.height - side + 1))
    around = image.kind == "panorama"
    left = int(rng.integers(0, image.width if around else image.width - side + 1))
    crop = library.crop(image, top, left, side, side)[..., :3]
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR  # cubic rings black around lamps
    return cv2.resize(crop, (size, size), interpolation=interpolation).astype(np.float32)


def perspective_view(
    rng: np.random.Generator, library: ImageLibrary, image: PackedImage, size: int, zoom: float
) -> Array:
    """Look into an equirectangular panorama as a camera does -> (size, size, 3)."""
    pixels_per_rad = image.width / (2 * np.pi)
    focal_px = pixels_per_rad * zoom
    pitch, roll = np.deg2rad(rng.uniform(-LARGEST_PITCH_DEG, LARGEST_PITCH_DEG)), np.deg2rad(rng.normal(0, 6))
    middle = (size - 1) / 2
    y, x = np.mgrid[:size, :size].astype(np.float32) - np.float32(middle)
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    down, forward = y * np.cos(pitch) - focal_px * np.sin(pitch), y * np.sin(pitch) + focal_px * np.cos(pitch)
    longitude = np.arctan2(x, forward)
    latitude = np.arctan2(down, np.hypot(x, forward))
    columns = longitude * pixels_per_rad
    rows = (latitude / np.pi + 0.5) * image.height - 0.5
    top, bottom = max(int(rows.min()) - 1, 0), min(int(rows.max()) + 3, image.height)
    left, right = int(np.floor(columns.min())) - 1, int(np.ceil(columns.max())) + 2
    start = int(rng.integers(0, image.width))
    window = library.crop(image, top, start + left, bottom - top, right - left)
    return cv2.remap(
        window,
        (columns - left).astype(np.float32),
        (rows - top).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)


def turn_at_random(rng: np.random.Generator, view: Array) -> Array:
    """Mirror a square view and turn it by quarters, at random."""
    if rng.random() < 0.5:
        view = view[:, ::-1]
    return np.ascontiguousarray(np.rot90(view, int(rng.integers(0, 4))))


def painted_view(rng: np.random.Generator, size: int) -> Array:
    """Paint a background (size, size, 3) of printed, woven and built patterns under uneven light."""
    names = list(PATTERNS)
    view = pattern(rng, names[int(rng.integers(len(names)))], size)
    for _ in range(int(rng.integers(0, 3))):
        angle, offset = rng.uniform(0, 2 * np.pi), rng.normal(0, size / 4)
        y, x = np.mgrid[:size, :size].astype(np.float32) - np.float32(size / 2)
        edge = np.clip(x * np.cos(angle) + y * np.sin(angle) - offset, 0, 1)[..., None].astype(np.float32)
        other = pattern(rng, names[int(rng.integers(len(names)))], size)
        view = view * (1 - edge) + other * (edge * np.float32(np.exp(rng.normal(0, 1.5))))
    return view


def pattern(rng: np.random.Generator, name: str, size: int) -> Array:
    """Paint one pattern (size, size, 3) in two colours."""
    grey = PATTERNS[name](rng, size, size, float(rng.uniform(0.5, 2)))[..., None]
    dark, light = random_colour(rng) * np.float32(rng.uniform(0.01, 0.5)), random_colour(rng)
    return (0.2 * (dark + (light - dark) * grey)).astype(np.float32)

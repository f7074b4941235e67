"""What stands still in a procedural scene: walls, prints, leaves, shadows, windows, a sky, lamps."""

import cv2
import numpy as np

from hdrfuse.data.texture import PATTERNS, Field, blob, fill, fractal_noise, random_colour, text_lines

PATTERN_SHARES = {
    "stripes": 0.15,
    "bricks": 0.16,
    "text": 0.2,
    "foliage": 0.17,
    "gradient": 0.16,
    "plain": 0.16,
}


def backdrop(rng: np.random.Generator, width: int, height: int) -> Field:
    """Paint an unscaled scene (H, W, 3) float32: surfaces around 0.2, light sources tens of times that."""
    unit = height / 900
    scene = surfaces(rng, width, height, unit)
    scene *= illumination(rng, width, height)
    if rng.random() < 0.4:
        add_sky(rng, scene, unit)
    for _ in range(int(rng.integers(1, 4))):
        add_window(rng, scene, unit)
    for _ in range(int(rng.integers(0, 5))):
        add_lamp(rng, scene, unit)
    return scene


def surfaces(rng: np.random.Generator, width: int, height: int, unit: float) -> Field:
    """Return the reflectance (H, W, 3) of a wall hung with shapes that overlap and throw shadows."""
    grain = fractal_noise(rng, height, width, octaves=8, roughness=0.75)
    tint = fractal_noise(rng, height, width, octaves=4, finest_px=max(8, height // 40), channels=3)
    scene = np.exp2(np.float32(0.3) * tint, out=tint)
    scene *= np.float32(0.18) * random_colour(rng, saturation=0.3)
    scene *= np.exp2(np.float32(0.4) * grain)
    for _ in range(int(rng.integers(16, 34))):
        radius = unit * np.exp(rng.uniform(np.log(30), np.log(260), 2))
        centre = rng.uniform((0, 0), (width, height))
        kind = rng.choice(["rectangle", "ellipse", "blob"], p=[0.6, 0.15, 0.25])
        if kind == "rectangle":
            turn = rng.normal(0, 0.12)
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * radius
            outline = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        else:
            outline = blob(rng, *radius, lobes=9, depth=0.0 if kind == "ellipse" else 0.5)
        hang(rng, scene, (outline + centre).astype(np.float32), grain, unit)
    return scene


def hang(rng: np.random.Generator, scene: Field, outline: Field, grain: Field, unit: float) -> None:
    """Paint a patterned shape (N, 2) x, y with some of a grain (H, W, 1) into the scene, its shadow first."""
    reach = int(12 * unit) + 2
    low = np.clip(np.floor(outline.min(0)).astype(int) - reach, 0, None)
    high = np.minimum(np.ceil(outline.max(0)).astype(int) + reach, (scene.shape[1], scene.shape[0]))
    if (high - low < 8).any():
        return
    patch = scene[low[1] : high[1], low[0] : high[0]]
    height, width = patch.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    fill(mask, outline - low)
    shadow = np.zeros_like(mask)
    fill(shadow, outline - low + rng.uniform(1, 8, 2).astype(np.float32) * unit)
    shade = cv2.GaussianBlur(shadow, (0, 0), max(0.6, rng.uniform(1, 4) * unit)).astype(np.float32)
    patch *= 1 - np.float32(rng.uniform(0.2, 0.8) / 255) * shade[..., None]

    pattern = PATTERNS[rng.choice(list(PATTERN_SHARES), p=list(PATTERN_SHARES.values()))]
    print_ = pattern(rng, height, width, unit)[..., None]
    light = np.exp2(rng.uniform(-4.5, 0)) * random_colour(rng)
    dark = light * np.exp2(rng.uniform(-3.5, -0.5)) * random_colour(rng, saturation=0.3)
    y, x = rng.integers(0, np.array(scene.shape[:2]) - (height, width) + 1)
    rough = np.exp2(np.float32(rng.uniform(0.03, 0.35)) * grain[y : y + height, x : x + width])
    paint = (dark + (light - dark) * print_) * rough
    if rng.random() < 0.2:
        mask = cv2.GaussianBlur(mask, (0, 0), unit * rng.uniform(2, 8)).astype(np.uint8, copy=False)
    alpha = mask.astype(np.float32)[..., None] / 255
    patch += alpha * (paint - patch)


def illumination(rng: np.random.Generator, width: int, height: int) -> Field:
    """Return how much light falls where (H, W, 1): about 1, soft pools, a corner 4 to 9 stops down."""
    finest_px = max(8, height // 8)
    stops = fractal_noise(rng, height, width, octaves=3, finest_px=finest_px, roughness=0.5)
    stops *= np.float32(0.8)
    corner_x, corner_y = rng.integers(0, 2, 2) * (width, height)
    reach = rng.uniform(0.25, 0.5) * height
    x, y = (np.arange(extent, dtype=np.float32) for extent in (width, height))
    fall_x, fall_y = (np.exp(-(((at - c) / np.float32(reach)) ** 2)) for at, c in ((x, corner_x), (y, corner_y)))
    stops -= np.float32(rng.uniform(4, 9)) * (fall_y[:, None] * fall_x)[..., None]
    return np.exp2(stops, out=stops)


def outdoors(rng: np.random.Generator, width: int, height: int, unit: float) -> Field:
    """Paint daylight (H, W, 3), about 1: a sky with clouds down to a skyline of leaves."""
    low, high = np.array([1.0, 0.95, 0.85], np.float32), np.array([0.45, 0.6, 0.95], np.float32)
    ramp = np.linspace(rng.uniform(0.5, 1), 0, height, dtype=np.float32)[:, None, None]
    clouds = fractal_noise(rng, height, width, octaves=6, finest_px=max(1, int(3 * unit)), roughness=0.55)
    view = (low + (high - low) * ramp) * np.exp2(0.7 * clouds)
    ridge = fractal_noise(rng, 1, width, octaves=6, finest_px=max(1, round(2 * unit)), roughness=0.6)[0, :, 0]
    line = height * (rng.uniform(0.55, 0.95) + 0.08 * ridge)
    grove = np.clip(np.arange(height, dtype=np.float32)[:, None] - line + 0.5, 0, 1)[..., None]
    leaves = PATTERNS["foliage"](rng, height, width, unit)[..., None] * np.array([0.8, 1, 0.4], np.float32)
    return view + grove * (0.03 + rng.uniform(0.2, 0.6) * leaves - view)


def add_sky(rng: np.random.Generator, scene: Field, unit: float) -> None:
    """Let daylight replace the top of the scene (H, W, 3), above a built skyline."""
    height, width = scene.shape[:2]
    depth = int(height * rng.uniform(0.15, 0.4))
    roofs, x = np.full(width, depth * 0.6), 0
    while x < width:
        step = int(unit * rng.uniform(40, 260))
        roofs[x : x + step] = depth * rng.uniform(0.35, 1)
        x += step
    sky = np.clip(roofs - np.arange(depth)[:, None], 0, 1).astype(np.float32)[..., None]
    view = np.exp2(rng.uniform(0.8, 2.3)) * outdoors(rng, width, depth, unit)
    scene[:depth] += sky * (view - scene[:depth])


def add_window(rng: np.random.Generator, scene: Field, unit: float) -> None:
    """Set a window with panes, bars and a bright view into the scene (H, W, 3)."""
    height, width = scene.shape[:2]
    wide, tall = (int(unit * size) for size in rng.uniform((110, 120), (360, 380)))
    wide, tall = min(wide, width // 2), min(tall, height // 2)
    if min(wide, tall) < 8:
        return
    x, y = int(rng.integers(0, width - wide)), int(rng.integers(0, height - tall))
    view = np.exp2(rng.uniform(1.5, 4)) * outdoors(rng, wide, tall, unit)
    if rng.random() < 0.3:
        view *= 0.25 + 0.75 * text_lines(rng, tall, wide, 1.5 * unit)[..., None]
    place_window(rng, scene, view, (x, y), unit)


def place_window(rng: np.random.Generator, scene: Field, view: Field, corner: tuple[int, int], unit: float) -> None:
    """Set a view (h, w, 3) behind bars into the scene (H, W, 3), its upper left at ``corner`` x, y."""
    tall, wide = view.shape[:2]
    bar = max(2, int(unit * rng.uniform(3, 9)))
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    y, x = np.mgrid[:tall, :wide]
    open_ = np.ones((tall, wide), np.float32)
    for at, extent, count in ((x, wide, columns), (y, tall, rows)):
        edges = np.linspace(0, extent, count + 1)
        open_[np.abs(at[..., None] - edges).min(-1) < bar] = 0
    bars = 0.12 * random_colour(rng, saturation=0.2) * np.ones_like(view)
    patch = scene[corner[1] : corner[1] + tall, corner[0] : corner[0] + wide]
    patch[:] = bars + open_[..., None] * (view - bars)


def add_lamp(rng: np.random.Generator, scene: Field, unit: float) -> None:
    """Hang a lamp, brighter than the shortest frame's white at its core, into the scene (H, W, 3)."""
    height, width = scene.shape[:2]
    radius = unit * rng.uniform(4, 22)
    centre = rng.uniform((0, 0), (width, height))
    warm = np.array([1.25, 1.0, rng.uniform(0.35, 1)], np.float32)
    reach = int(12 * radius) + 1
    x0, y0 = (max(0, int(c) - reach) for c in centre)
    patch = scene[y0 : int(centre[1]) + reach, x0 : int(centre[0]) + reach]
    y, x = np.mgrid[: patch.shape[0], : patch.shape[1]].astype(np.float32)
    distance = np.hypot(x + x0 - centre[0], y + y0 - centre[1])
    core = np.clip(radius - distance, 0, 1)
    halo = np.exp(-distance / (2.5 * radius)) * np.clip(1 - distance / reach, 0, 1)
    power = np.exp2(rng.uniform(3, 5))
    patch += (warm * power) * (core + 0.02 * halo)[..., None]

"""The scene of the demo: a room with a bright window, someone walking past it and a ball thrown."""

import cv2
import numpy as np

from hdrfuse.data.movers import SUPERSAMPLING, Mask, Mover, composite, figure, make_sprite, twig
from hdrfuse.data.procedural import ProceduralScene
from hdrfuse.data.scenery import outdoors
from hdrfuse.data.texture import Field, blob, fill, foliage, fractal_noise

SIZE = (1200, 800)
"""Width and height of what is seen of the room; its furniture is laid out for this."""

MARGIN_PX = 76
"""How far the room goes on beyond the frame."""

WHITE = 0.25
"""The reference frame's white in the scene's unit, the shortest frame's white."""

FLOOR_Y, WINDOW, SHELF, POSTER = 655, (110, 70, 545, 470), (800, 150, 1130, 690), (600, 150, 745, 350)
"""Places in the frame: left, top, right, bottom."""

WOOD = np.array([0.30, 0.17, 0.09], np.float32)
PLASTER = np.array([0.58, 0.53, 0.44], np.float32)


def demo_scene(rng: np.random.Generator) -> ProceduralScene:
    """Furnish the room; radiance 1.0 = the shortest frame's white, WHITE the reference's."""
    scene = room(rng)
    hang_poster(rng, scene)
    fill_shelf(rng, scene)
    cast_light(rng, scene)
    open_window(rng, scene)
    light_lamp(scene)
    put_plant(rng, scene)
    cv2.GaussianBlur(scene, (0, 0), 0.5 * SUPERSAMPLING, dst=scene)
    return ProceduralScene(backdrop=scene, margin_px=MARGIN_PX, movers=(walker(rng), thrown_ball(rng)))


def area(scene: Field, place: tuple[float, float, float, float]) -> Field:
    """Return the part of the scene at a place given in the frame's pixels, as a view."""
    x0, y0, x1, y1 = (round((at + MARGIN_PX) * SUPERSAMPLING) for at in place)
    return scene[y0:y1, x0:x1]


def coordinates(scene: Field) -> tuple[Field, Field]:
    """Return x (1, W) and y (H, 1) of the scene's pixels in the frame's pixels."""
    height, width = scene.shape[:2]
    x, y = (np.arange(n, dtype=np.float32) / np.float32(SUPERSAMPLING) - MARGIN_PX for n in (width, height))
    return x[None], y[:, None]


def room(rng: np.random.Generator) -> Field:
    """Paint the empty room, its reflectance (H, W, 3): papered wall, skirting board and planks."""
    width, height = (SUPERSAMPLING * (extent + 2 * MARGIN_PX) for extent in SIZE)
    grain = fractal_noise(rng, height, width, octaves=8, roughness=0.8)
    scene = PLASTER * np.exp2(np.float32(0.12) * grain)
    x, y = coordinates(scene)
    scene *= np.where(np.sin(x * (2 * np.pi / 22)) > 0, np.float32(0.86), np.float32(1))[..., None]
    sprigs = np.cos(x * (2 * np.pi / 44)) * np.cos(y * (2 * np.pi / 44)) > 0.86
    scene[sprigs] *= np.array([0.62, 0.72, 0.66], np.float32)
    skirting, floor = (int(np.searchsorted(y[:, 0], at)) for at in (FLOOR_Y - 22, FLOOR_Y))
    scene[skirting:floor] = PLASTER * np.float32(0.7)
    scene[floor:] = planks(grain[floor:], x, y[floor:])
    return scene


def planks(grain: Field, x: Field, y: Field) -> Field:
    """Lay planks that run towards the wall -> reflectance (h, W, 3); x (1, W) and y (h, 1) in the frame."""
    depth = y - FLOOR_Y + 60
    across = (x - SIZE[0] / 2) / depth * np.float32(1.2)
    plank = np.floor(across)
    board = np.floor(100 / depth + np.float32(0.37) * plank)
    tone = 0.75 + np.float32(0.5) * np.modf(np.abs(np.sin(plank * 12.99 + board * 78.2)) * 437.5)[0]
    tone[np.abs(across - plank - 0.5) > 0.49] *= 0.25
    streaks = cv2.GaussianBlur(grain, (0, 0), sigmaX=1, sigmaY=6)
    return WOOD * (tone * np.exp2(np.float32(0.8) * streaks))[..., None]


def hang_poster(rng: np.random.Generator, scene: Field) -> None:
    """Hang a framed poster with large and small print."""
    left, top, right, bottom = POSTER
    area(scene, (left - 4, top + 6, right + 14, bottom + 16))[:] *= 0.55
    area(scene, (left - 7, top - 7, right + 7, bottom + 7))[:] = 0.04
    paper = area(scene, POSTER)
    height, width = paper.shape[:2]
    print_ = np.full((height, width), 235, np.uint8)
    cv2.circle(print_, (width // 2, int(height * 0.36)), int(width * 0.3), 90, -1, cv2.LINE_AA)
    cv2.circle(print_, (int(width * 0.58), int(height * 0.33)), int(width * 0.22), 200, -1, cv2.LINE_AA)
    cv2.putText(print_, "hdrfuse", (14, int(height * 0.71)), 3, 1.9, 20, 4, cv2.LINE_AA)
    letters = list("etaoinshrdlu etaoin ")
    for line in range(6):
        text = "".join(rng.choice(letters, 40))
        cv2.putText(print_, text, (16, int(height * (0.78 + 0.035 * line))), 0, 0.38, 60, 1, cv2.LINE_AA)
    ink = print_.astype(np.float32)[..., None] / np.float32(255)
    paper[:] = np.array([0.85, 0.8, 0.68], np.float32) * ink


def fill_shelf(rng: np.random.Generator, scene: Field) -> None:
    """Put up a shelf of books, every back with its own colour and bands."""
    left, top, right, bottom = SHELF
    area(scene, (left - 26, top + 10, left, bottom))[:] *= 0.6
    area(scene, SHELF)[:] = WOOD * 0.6 * np.exp2(0.3 * fractal_noise(rng, *area(scene, SHELF).shape[:2], octaves=6))
    boards = np.linspace(top, bottom, 6)
    for shelf_top, shelf_bottom in zip(boards[:-1] + 12, boards[1:], strict=True):
        area(scene, (left + 12, shelf_top, right - 12, shelf_bottom))[:] *= 0.25
        at = left + 14.0
        while at < right - 40:
            thickness, height = rng.uniform(9, 26), rng.uniform(0.68, 0.95) * (shelf_bottom - shelf_top)
            if rng.random() < 0.92:
                put_book(rng, scene, (at, shelf_bottom - height, at + thickness - 1, shelf_bottom))
            at += thickness


def put_book(rng: np.random.Generator, scene: Field, place: tuple[float, float, float, float]) -> None:
    """Put one book at its place: a rounded back with a band and a title."""
    hue = rng.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
    colour = (0.28 * np.exp2(rng.uniform(-2, 0.6)) * (1 + 0.75 * np.cos(hue))).astype(np.float32)
    back = area(scene, place)
    height, width = back.shape[:2]
    round_ = np.sqrt(np.clip(1 - (np.linspace(-1, 1, width, dtype=np.float32) * 0.95) ** 2, 0, 1))
    back[:] = colour * (0.25 + 0.75 * round_[None, :, None])
    band = int(height * rng.uniform(0.08, 0.25))
    back[band : band + 6] = colour[::-1] * 1.5 + 0.05
    back[-band - 6 : -band] = colour[::-1] * 1.5 + 0.05
    title = np.zeros((width, int(height * 0.55)), np.uint8)
    text = "".join(rng.choice(list("AEIORSTLNMCD "), 14))
    cv2.putText(title, text, (2, int(width * 0.68)), 0, width / 58, 255, 1 + width // 30, cv2.LINE_AA)
    lettering = np.rot90(title, -1).astype(np.float32)[..., None] / np.float32(255)
    space = back[band + 10 : band + 10 + lettering.shape[0]]
    space += lettering[: space.shape[0]] * (np.array([0.7, 0.6, 0.3], np.float32) - space)


def cast_light(rng: np.random.Generator, scene: Field) -> None:
    """Light the room from its window, in place: reflectance becomes radiance."""
    x, y = coordinates(scene)
    left, top, right, bottom = WINDOW
    beside = np.hypot(np.maximum(np.maximum(left - x, x - right), 0), np.maximum(top - y, y - bottom) * 0.8)
    daylight = 0.018 + 0.16 * np.exp(-beside / 260) * (1 - 0.4 * np.exp(-beside / 20))
    # Sun through the panes, slanting over the floor.
    slant = x - 1.1 * (y - FLOOR_Y) - 330
    beam = (np.abs(slant) < 150) & (np.abs(np.abs(slant) - 5) > 6) & (y > FLOOR_Y + 24) & (y < FLOOR_Y + 120)
    soft_beam = cv2.GaussianBlur(beam.astype(np.float32), (0, 0), 3)
    corner = np.exp(-(((x - SIZE[0]) / 420) ** 2) - ((y - SIZE[1]) / 420) ** 2)
    light = (daylight + 0.55 * soft_beam) * np.exp2(-3.2 * corner)
    scene *= light[..., None] * np.array([1.0, 1.0, 1.02], np.float32)


def open_window(rng: np.random.Generator, scene: Field) -> None:
    """Open the view on a bright day behind white bars and a sill."""
    left, top, right, bottom = WINDOW
    area(scene, (left - 18, top - 18, right + 18, bottom + 18))[:] = np.array([0.16, 0.155, 0.15], np.float32)
    view = area(scene, WINDOW)
    height, width = view.shape[:2]
    view[:] = 0.72 * outdoors(rng, width, height, 2.0)
    hills = fractal_noise(rng, 1, width, octaves=9, roughness=0.5)[0, :, 0] * height * 0.03 + height * 0.66
    below = np.clip(np.arange(height, dtype=np.float32)[:, None] - hills, 0, 1)[..., None]
    meadow = 0.10 + 0.26 * foliage(rng, height, width, 2.0)[..., None]
    view += below * (meadow * np.array([0.75, 1, 0.35], np.float32) - view)
    np.minimum(view, 1.15, out=view)
    paint_bars(area(scene, WINDOW))
    area(scene, (left - 40, bottom + 12, right + 40, bottom + 34))[:] = 0.2
    area(scene, (left - 30, bottom + 34, right + 30, bottom + 48))[:] *= 0.45


def paint_bars(view: Field) -> None:
    """Divide a view (h, w, 3) into three panes by two with bars, lit from behind."""
    height, width = view.shape[:2]
    x, y = np.arange(width)[None], np.arange(height)[:, None]
    across = np.minimum(np.abs(x - width / 3), np.abs(x - 2 * width / 3))
    distance = np.minimum(across, np.abs(y - height * 0.42)).astype(np.float32)
    bars = np.clip(8.5 - distance, 0, 1)[..., None]
    view += bars * (0.075 + 0.004 * distance[..., None] - view)


def light_lamp(scene: Field) -> None:
    """Light a lamp on top of the shelf, brighter than the shortest frame's white at its core."""
    x, y = coordinates(scene)
    centre_x, centre_y = 985.0, 96.0
    distance = np.hypot(x - centre_x, y - centre_y)
    warm = np.array([1.0, 0.72, 0.38], np.float32)
    scene *= 1 + 2.6 * np.exp(-distance / 120)[..., None] * warm
    shade = (np.abs(x - centre_x) < 34 + 0.34 * (y - 70)) & (np.abs(y - 100) < 28)
    glow = 0.25 + 0.9 * np.exp(-((distance[shade] / 26) ** 2))
    scene[shade] = glow[:, None] * warm
    scene[(np.abs(x - centre_x) < 4) & (y > 128) & (y < 150)] = 0.01


def put_plant(rng: np.random.Generator, scene: Field) -> None:
    """Put a plant in its pot before the window's left side."""
    pot = area(scene, (48, 560, 122, 650))
    height, width = pot.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    inside = np.abs(x - width / 2) < width * (0.5 - 0.16 * y / height)
    curve = np.clip(1.1 - np.abs(x / width - 0.62) * 1.5, 0.1, 1)
    pot[:] = np.where(inside[..., None], curve[..., None] * np.array([0.09, 0.035, 0.02], np.float32), pot)
    for heading in (-128.0, -104.0, -84.0, -58.0):
        wood, leaves = twig(rng, 620)
        green = 0.05 * np.exp2(0.5 * fractal_noise(rng, *wood.shape, octaves=6)) * np.array([0.5, 1, 0.25])
        brown = np.full((*wood.shape, 3), 0.02, np.float32)
        sprite = make_sprite([wood, leaves], [brown, green.astype(np.float32)])
        turn = np.deg2rad(heading)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        root = np.array([(85 + MARGIN_PX) * SUPERSAMPLING, (566 + MARGIN_PX) * SUPERSAMPLING])
        shift = root - rotation @ np.array([0.07 * sprite.shape[1], sprite.shape[0] / 2])
        composite(scene, sprite, np.array([[*rotation[0], shift[0]], [*rotation[1], shift[1]], [0, 0, 1]]))


def walker(rng: np.random.Generator) -> Mover:
    """Send someone in a striped coat past the window, 78 pixels a frame to the right."""
    parts = figure(rng, 1120)
    height, width = parts[0].shape
    weave = np.exp2(0.25 * fractal_noise(rng, height, width, octaves=6, roughness=0.9))
    y = np.arange(height, dtype=np.float32)[:, None, None]
    bands = np.where(np.sin(y * (2 * np.pi / 46)) > 0.2, 1.0, 0.0).astype(np.float32)
    red, cream = np.array([0.15, 0.018, 0.016], np.float32), np.array([0.2, 0.17, 0.12], np.float32)
    coat = red + bands * (cream - red)
    plain = {"shoes": (0.012, 0.009, 0.007), "legs": (0.018, 0.03, 0.07)}
    plain |= {"skin": (0.17, 0.095, 0.06), "hair": (0.03, 0.015, 0.007)}
    colours = {name: np.array(colour, np.float32) for name, colour in plain.items()}
    paints = [colours["shoes"], colours["legs"], coat, 0.85 * coat, colours["skin"], colours["hair"]]
    sprite = make_sprite(parts, [np.float32(1) * weave * paint for paint in paints], softness_px=0.7)
    return Mover(sprite=sprite, centre=(455.0, 470.0), velocity=(78.0, 2.0), spin_deg=0.6)


def thrown_ball(rng: np.random.Generator) -> Mover:
    """Throw a ball with panels past the books."""
    size = 128
    mask: Mask = np.zeros((size, size), np.uint8)
    fill(mask, blob(rng, 60, 60, lobes=1, depth=0) + np.float32(size / 2))
    y, x = (np.mgrid[:size, :size].astype(np.float32) - size / 2) / 60
    panels = np.sin(3 * np.arctan2(y, x) + 5 * np.hypot(x, y))[..., None] > 0
    white, blue = np.array([0.12, 0.11, 0.09], np.float32), np.array([0.01, 0.03, 0.09], np.float32)
    paint = np.where(panels, white, blue) * np.exp2(0.2 * fractal_noise(rng, size, size, octaves=5))
    shade = np.clip(0.9 - 0.5 * (x + y), 0.15, 1.4)[..., None]
    sprite = make_sprite([mask], [(paint * shade).astype(np.float32)])
    return Mover(sprite=sprite, centre=(770.0, 420.0), velocity=(74.0, -38.0), spin_deg=25.0)

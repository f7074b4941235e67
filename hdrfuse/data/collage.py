"""Brackets of collages: cut-outs that move in front of HDR images, both from pictures that training never reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.layers import random_cutout, textured_shape
from hdrfuse.data.library import ImageLibrary, PackedImage, pack
from hdrfuse.data.light import fall_off
from hdrfuse.data.movers import SUPERSAMPLING, Mover
from hdrfuse.data.packing import HDR_SUFFIXES, Sources, decode_sources, source_name
from hdrfuse.data.procedural import (
    PHOTON_NOISE,
    READ_NOISE,
    Motion,
    ProceduralBracket,
    ProceduralScene,
    handheld_homography,
    peak,
    photograph,
)
from hdrfuse.data.splits import split_of
from hdrfuse.data.views import perspective_view
from hdrfuse.errors import BadInputError, UsageError

Array = NDArray[np.float32]

EVS = (-2.0, 0.0, 2.0)
REFERENCE = 1
WHITE = 2.0 ** (EVS[0] - EVS[REFERENCE])
"""Radiance that clips the reference frame; 1.0 clips the shortest."""
BRIGHTEST = 2.0
"""Light beyond it is cut off, so that resampling draws no dark rings around lamps."""

STAGE_LIT = 5, 3
"""One seed in five, those that leave three, is lit as a stage is."""
LAMPS = np.array([(1, 0.015, 0.03), (0.03, 0.06, 1), (1, 0.02, 0.75)], np.float32)
"""Saturated red, blue and magenta."""

MARGIN_SHARE = 1 / 24
"""Of the frame's longer side, seen only by cameras that move."""
CUTOUT_SHARE = 0.75
"""Of the movers, where there are cut-outs; the others are shapes cut out of the pictures."""


@dataclass(frozen=True, kw_only=True)
class Collage:
    """A scene with where it came from; radiance 1.0 = white of the shortest frame."""

    name: str
    """Of the HDR image behind everything."""
    stage_lit: bool
    scene: ProceduralScene
    size: tuple[int, int]
    seed: int


def unseen_pictures(
    images: Path, movers: Path | None, cache: Path, report: Callable[[str], None] = lambda name: None
) -> ImageLibrary:
    """Return the test split of a folder of HDR images and one of cut-outs and photos, packed into a cache folder.

    Without ``movers`` the folders named `foreground` below ``images`` hold what moves.
    Raises BadInputError where nothing is for tests, ImageError that names an unreadable picture.
    """
    files = Sources(images=(images,), movers=() if movers is None else (movers,)).files()
    unseen = [path for path in files if split_of(source_name(path)) == "test"]
    backgrounds = [path for path in unseen if path.suffix.lower() in HDR_SUFFIXES]
    if not backgrounds:
        raise BadInputError(f"{images}: none of its HDR images is for tests; at least one was expected")
    if movers is not None and len(backgrounds) == len(unseen):
        raise BadInputError(f"{movers}: none of its pictures is for tests; at least one was expected")
    pack(decode_sources(unseen, report), cache)
    return ImageLibrary(cache)


def collage(library: ImageLibrary, seed: int, size: tuple[int, int]) -> Collage:
    """Put a scene for frames of ``size`` (width, height) together; each seed takes the next HDR image in turn.

    Raises UsageError for sizes below 16 pixels.
    """
    if min(size) < 16:
        raise UsageError(f"a scene of {size[0]}x{size[1]} pixels; at least 16x16 are needed")
    rng = np.random.default_rng([seed, 0])
    backgrounds = library.of_kind("photograph") + library.of_kind("panorama")
    image = backgrounds[seed % len(backgrounds)]
    stage_lit = seed % STAGE_LIT[0] == STAGE_LIT[1]
    margin_px = int(np.ceil(max(size) * MARGIN_SHARE))
    width, height = (SUPERSAMPLING * (extent + 2 * margin_px) for extent in size)
    backdrop = random_backdrop(rng, library, image, width, height)
    light = spotlights(rng, height, width) if stage_lit else np.ones((1, 1, 3), np.float32)
    backdrop *= light
    inner = (slice(SUPERSAMPLING * margin_px, -SUPERSAMPLING * margin_px, SUPERSAMPLING),) * 2
    backdrop *= exposure_gain(rng, peak(backdrop[inner]), stage_lit=stage_lit)
    backdrop = np.minimum(backdrop, np.float32(BRIGHTEST))
    # The lens: nothing is sharper than a pixel, so that every frame can be sampled without aliasing.
    backdrop = cv2.GaussianBlur(backdrop, (0, 0), 0.5 * SUPERSAMPLING).astype(np.float32, copy=False)
    clipped = np.argwhere(peak(backdrop[inner]) > WHITE)
    movers = tuple(random_passer(rng, library, clipped, size) for _ in range(int(rng.integers(2, 5))))
    if stage_lit:
        movers = tuple(light_mover(mover, light, margin_px) for mover in movers)
    scene = ProceduralScene(backdrop=backdrop, margin_px=margin_px, movers=movers)
    return Collage(name=image.name, stage_lit=stage_lit, scene=scene, size=size, seed=seed)


def collage_bracket(
    made: Collage,
    *,
    motion: Motion,
    bits: Literal[8, 16] = 16,
    photon_noise: float = PHOTON_NOISE,
    read_noise: float = READ_NOISE,
    take: Callable[[Array], NDArray[np.uint8]] | None = None,
    lens_px: float = 0.0,
) -> ProceduralBracket:
    """Take a collage at -2, 0 and +2 EV, encoded by gamma 2.2 or by a camera that can `take` -> bracket with its truth.

    The movers move unless ``motion`` is static or handheld, the camera where it is hand-held; noise as
    procedural_bracket takes it.
    """
    motion_rng, noise_rng = np.random.default_rng([made.seed, 1]), np.random.default_rng([made.seed, 2])
    cameras = [np.eye(3) if i == REFERENCE else handheld_homography(motion_rng, made.size) for i in range(len(EVS))]
    return photograph(
        noise_rng,
        made.scene,
        size=made.size,
        evs=EVS,
        times=[float(i - REFERENCE) if motion.endswith("moving") else 0.0 for i in range(len(EVS))],
        cameras=cameras if motion.startswith("handheld") else [np.eye(3)] * len(EVS),
        reference=REFERENCE,
        bits=bits,
        encoding="gamma",
        photon_noise=photon_noise,
        read_noise=read_noise,
        take=take,
        lens_px=lens_px,
    )


def random_backdrop(
    rng: np.random.Generator, library: ImageLibrary, image: PackedImage, width: int, height: int
) -> Array:
    """Look at an HDR image near its own resolution -> (height, width, 3): a plain crop, or into a panorama."""
    if image.kind == "panorama" and rng.random() < 1 / 3:
        view = look_into(rng, library, image, width, height)
    else:
        view = plain_crop(rng, library, image, width, height)
    return np.ascontiguousarray(view[:, ::-1] if rng.random() < 0.5 else view)


def look_into(rng: np.random.Generator, library: ImageLibrary, image: PackedImage, width: int, height: int) -> Array:
    """Look into a panorama with a wide lens -> (height, width, 3)."""
    half_view = np.deg2rad(rng.uniform(40, 60))
    zoom = max(width, height) / 2 / np.tan(half_view) / (image.width / (2 * np.pi))
    square = perspective_view(rng, library, image, max(width, height), zoom)
    top, left = (len(square) - height) // 2, (len(square) - width) // 2
    return square[top : top + height, left : left + width]


def plain_crop(rng: np.random.Generator, library: ImageLibrary, image: PackedImage, width: int, height: int) -> Array:
    """Cut a window out of an image, about a frame's pixel an image's or less -> (height, width, 3)."""
    least = max(width / image.width, height / image.height)
    zoom = max(least * rng.uniform(1, 1.25), SUPERSAMPLING * rng.uniform(0.5, 1))
    tall, wide = min(round(height / zoom), image.height), min(round(width / zoom), image.width)
    top = int(rng.integers(0, image.height - tall + 1))
    left = int(rng.integers(0, image.width if image.kind == "panorama" else image.width - wide + 1))
    crop = library.crop(image, top, left, tall, wide)
    # Linear: cubic interpolation rings black around lamps.
    interpolation = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    return cv2.resize(crop, (width, height), interpolation=interpolation).astype(np.float32, copy=False)


def exposure_gain(rng: np.random.Generator, peaks: Array, *, stage_lit: bool) -> np.float32:
    """Return the gain after which some of the brightest channel (H, W) clips the reference, little the shortest."""
    share = rng.uniform(0.15, 0.35) if stage_lit else rng.uniform(0.03, 0.3)
    lost_share = rng.uniform(0.005, 0.05)
    gain = min(WHITE / float(np.quantile(peaks, 1 - share)), 1 / float(np.quantile(peaks, 1 - lost_share)))
    return np.float32(gain)


def spotlights(rng: np.random.Generator, height: int, width: int) -> Array:
    """Shine two or three saturated lamps into a nearly dark place -> gains (height, width, 3)."""
    light = np.full((32, 32, 3), 0.01, np.float32)
    for colour in LAMPS[rng.permutation(len(LAMPS))[: rng.integers(2, 4)]]:
        middle = rng.uniform(0, 1, 2)
        radius = rng.uniform(0.15, 0.45)
        pool = fall_off(middle, np.float32(2 * radius**2), 32)
        light += pool[..., None] * colour * np.float32(np.exp2(rng.uniform(-1, 0)))
    return cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def random_passer(
    rng: np.random.Generator, library: ImageLibrary, clipped: NDArray[np.int64], size: tuple[int, int]
) -> Mover:
    """Make one mover; half of them pass in front of a place that clips, of which ``clipped`` (N, 2) has y and x."""
    width, height = size
    sprite = random_sprite(rng, library, height)
    covered = sprite[..., 3] > 0.5
    mean = float(sprite[covered][:, :3].mean()) if covered.any() else 1.0
    stops = {"dark": (-5.0, -2.5), "middle": (-2.5, -1.4), "bright": (-1.4, -0.4)}
    level = stops[str(rng.choice(list(stops), p=[0.3, 0.45, 0.25]))]
    sprite[..., :3] *= np.float32(WHITE * np.exp2(rng.uniform(*level)) / max(mean, 1e-6))
    speed_px = np.exp(rng.uniform(np.log(3), np.log(0.2 * width)))
    heading = rng.normal(0, 0.35) + (np.pi if rng.random() < 0.5 else 0)
    velocity = speed_px * np.array([np.cos(heading), np.sin(heading)])
    centre = rng.uniform((0.1 * width, 0.25 * height), (0.9 * width, 0.85 * height))
    if len(clipped) and rng.random() < 0.5:
        centre = clipped[rng.integers(len(clipped))][::-1] - velocity * rng.integers(-1, 2)
    return Mover(
        sprite=sprite,
        centre=(float(centre[0]), float(centre[1])),
        velocity=(float(velocity[0]), float(velocity[1])),
        spin_deg=float(rng.normal(0, 3)),
    )


def random_sprite(rng: np.random.Generator, library: ImageLibrary, height: int) -> Array:
    """Return a cut-out or a shape cut out of a picture (h, w, 4), in size a fifth to four fifths of the frame."""
    length = SUPERSAMPLING * height * np.exp(rng.uniform(np.log(0.2), np.log(0.8)))
    if not library.of_kind("cutout") or rng.random() >= CUTOUT_SHARE:
        return textured_shape(rng, library, length / 2)
    return random_cutout(rng, library, length)


def light_mover(mover: Mover, light: Array, margin_px: int) -> Mover:
    """Let the light (H, W, 3) at a mover's place in the reference frame fall on it, its brightness kept."""
    column, row = (round(SUPERSAMPLING * (extent + margin_px)) for extent in mover.centre)
    colour = light[np.clip(row, 0, len(light) - 1), np.clip(column, 0, light.shape[1] - 1)]
    sprite = mover.sprite * np.append(colour / colour.max(), np.float32(1))
    return Mover(sprite=sprite, centre=mover.centre, velocity=mover.velocity, spin_deg=mover.spin_deg)

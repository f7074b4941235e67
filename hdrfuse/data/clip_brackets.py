"""Brackets out of clips: three frames a few apart, taken as radiance and photographed as synthetic scenes are."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.clips import Codes, PackedClip
from hdrfuse.data.light import relight
from hdrfuse.data.patches import turn
from hdrfuse.data.sample import BracketSample
from hdrfuse.data.synthetic import MARGIN_PX, REFERENCE, photographed, random_gain, random_order
from hdrfuse.data.views import ZOOM_RANGE
from hdrfuse.imaging.color import srgb_decode

Array = NDArray[np.float32]

GREATEST_SHARE = 0.15
"""Of the samples: a clip holds little light above its white, and what clips is most of what is to be learned."""
FRAMES_AN_IMAGE = 30
"""Frames that count as one HDR image: within a second a clip shows much the same."""
GREATEST_STEP = 6
"""Frames of a clip from one frame of the bracket to the next: at 30 a second, bursts of 5 to 30 a second."""
WHITE_STOPS = (0.0, 2.0)
"""How far a clip's white lies above what sRGB says. Cameras press highlights together below it; undone, the brightest
light lies 1.3 stops above the reference's white in the median, not 0.9, and so in reach of the short frame's, at 2."""
OVER_MOTION = 0.8
"""Share of the windows placed over what moves: 2 to 15 % of a frame."""
MOVING_CODES = 24
"""Difference between two frames that no noise makes: that of a clip's still parts is 0.3 to 1.2 codes."""
COARSE_PX = 8
"""Between the pixels that are looked at for motion."""
CLIP_STREAM = 1
"""Keeps the randomness of a sample apart from that of the synthetic one of the same number."""


@dataclass(frozen=True, kw_only=True)
class ClipBrackets:
    """An endless list: the same clips, seed and index give the same sample."""

    clips: tuple[PackedClip, ...]
    size: int
    seed: int

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index` >= 0."""
        rng = np.random.default_rng([self.seed, index, CLIP_STREAM])
        clip = self.clips[int(rng.integers(len(self.clips)))]
        return photographed(rng, clip_scene(rng, clip.codes(), self.size + 2 * MARGIN_PX))


def clip_share(clips: tuple[PackedClip, ...], images: int) -> float:
    """Return the share of the samples that clips give beside so many HDR images: by their length, 15 % at most."""
    worth = sum(len(clip.codes()) for clip in clips) / FRAMES_AN_IMAGE
    return min(GREATEST_SHARE, worth / (worth + images)) if clips else 0.0


def clip_scene(rng: np.random.Generator, codes: Codes, size: int) -> list[Array]:
    """Return the scene in the short, reference and long frame: three (size, size, 3), 1.0 = reference's white."""
    frames = codes[random_moments(rng, len(codes))]
    quarters, mirrored = divmod(int(rng.integers(8)), 2)
    linear = radiance_of(rng, random_window(rng, frames, size), float(rng.uniform(*WHITE_STOPS)))
    turned = turn(linear, quarters, mirrored=bool(mirrored))
    light_seed = int(rng.integers(2**31))  # the same light falls on all three
    scene = [relight(np.random.default_rng(light_seed), scaled(frame, size)) for frame in turned]
    gain = random_gain(rng, scene[REFERENCE])
    return [frame * gain for frame in scene]


def scaled(frame: Array, size: int) -> Array:
    """Scale a square of a frame to (size, size, 3)."""
    interpolation = cv2.INTER_AREA if len(frame) > size else cv2.INTER_LINEAR
    return cv2.resize(frame, (size, size), interpolation=interpolation).astype(np.float32, copy=False)


def random_moments(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Return which of a clip's frames, 3 or more, are short, reference and long frame."""
    step = int(rng.integers(1, min(GREATEST_STEP, (count - 1) // 2) + 1))
    places = random_order(rng).astype(np.int64) * step
    return places - places.min() + int(rng.integers(0, count - int(np.ptp(places))))


def random_window(rng: np.random.Generator, frames: Codes, size: int) -> Codes:
    """Cut a square out of frames (3, H, W, 3) for a view of so many pixels, usually where something moves."""
    height, width = frames.shape[1:3]
    side = min(round(size / rng.uniform(*ZOOM_RANGE)), height, width)
    place = rng.uniform(size=2) * (height, width)
    moving = moving_places(frames)
    if rng.random() < OVER_MOTION and len(moving):
        place = moving[int(rng.integers(len(moving)))]
    corner = place - side * rng.uniform(size=2)
    top, left = np.clip(np.round(corner), 0, (height - side, width - side)).astype(int)
    return frames[:, top : top + side, left : left + side]


def moving_places(frames: Codes) -> NDArray[np.int64]:
    """Return y and x (N, 2) of pixels, on a coarse grid, where a side frame differs from the reference."""
    coarse = frames[:, ::COARSE_PX, ::COARSE_PX].astype(np.int16)
    difference = np.abs(coarse - coarse[REFERENCE]).max(axis=(0, -1))
    return np.argwhere(difference > MOVING_CODES) * COARSE_PX


def radiance_of(rng: np.random.Generator, codes: Codes, white_stops: float) -> Array:
    """Decode frames (3, H, W, 3) to linear radiance whose white lies so many stops above 1.0.

    Codes become values within their rounding, so that no bands are learned: the same for all three frames, as what
    stands still has to look the same.
    """
    within = rng.random(codes.shape[1:], np.float32) - np.float32(0.5)
    linear = np.maximum(srgb_decode((codes.astype(np.float32) + within) / np.float32(255)), 0)
    shoulder = np.float32(1 - 2**-white_stops)
    return np.asarray(linear / (1 - shoulder * np.minimum(linear, 1)), np.float32)

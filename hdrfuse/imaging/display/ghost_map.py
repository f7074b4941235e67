"""Ghost map: a picture, for people, of which light was taken from where."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.display.tonemapping import reinhard2002
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.strips import strips
from hdrfuse.imaging.merging.weights import NEIGHBOUR_ROWS, frame_weights
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane
from hdrfuse.setting_limits import Settings

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class GhostMapSettings(Settings):
    """How the map looks: chosen by eye, nothing is measured by it."""

    pixels: int = 2_000_000
    """The map is drawn at this size at most and enlarged; performance only."""
    darkest_grey: float = 25.0
    """Level of black in the dim picture of the scene,"""
    brightest_grey: float = 145.0
    """and of white, so that colours stand out."""
    darker_frames: tuple[float, float, float] = (0.45, 0.85, 1.75)
    """What red, green and blue of the grey picture are multiplied by where darker frames speak,"""
    reference: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """where the reference does,"""
    brighter_frames: tuple[float, float, float] = (1.5, 1.05, 0.35)
    """and where brighter ones do."""
    stripes_px: int = 12
    """Period of the diagonal stripes on what was filled in, per megapixel's side."""


GHOST_MAP = GhostMapSettings()


REJECTED: Color = (225, 40, 40)
FILLED: Color = (255, 90, 230)
BACKGROUND: Color = (24, 24, 24)
TEXT: Color = (225, 225, 225)


@dataclass(frozen=True)
class LegendEntry:
    """One line of the legend."""

    color: Color
    text: str
    striped: bool = False


LEGEND = (
    LegendEntry((120, 120, 120), "from the reference"),
    LegendEntry((54, 102, 210), "from darker frames"),
    LegendEntry((180, 126, 42), "from brighter frames"),
    LegendEntry(REJECTED, "frames rejected: something moved"),
    LegendEntry(FILLED, "highlight filled in", striped=True),
)


def draw_ghost_map(radiance: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts) -> Picture:
    """Draw the merged radiance (H, W, 3) as a dim grey picture, tinted by the frames that it was taken from.

    Returns (H + legend, W, 3) uint8 sRGB: grey = the reference, blue = darker frames, amber = brighter frames,
    red = frames rejected because something moved, striped = clipped highlights filled from their surroundings.
    """
    height, width = radiance.shape[:2]
    factor = int(np.ceil(np.sqrt(max(1.0, height * width / GHOST_MAP.pixels))))
    size = (width // factor, height // factor)
    small = np.asarray(cv2.resize(radiance, size, interpolation=cv2.INTER_AREA), np.float32)
    tone = cv2.cvtColor(reinhard2002(small), cv2.COLOR_RGB2GRAY).astype(np.float32)
    greys = GHOST_MAP.brightest_grey - GHOST_MAP.darkest_grey
    grey = np.float32(GHOST_MAP.darkest_grey) + tone * np.float32(greys / 255.0)

    stops = mean_stops(small, [frame.reduced(factor) for frame in frames], reference, ghosts)
    picture = grey[..., None] * _tint(stops)
    rejected = 1.0 - _resized(np.min(ghosts.consistency, axis=0), size)
    picture = _marked(picture, REJECTED, np.float32(0.55) * rejected)
    filled = _resized(ghosts.occluded_highlight_mask, size)
    picture = _marked(picture, FILLED, filled * np.where(_stripes(size), np.float32(0.85), np.float32(0.35)))
    levels = np.clip(picture, 0.0, 255.0).astype(np.uint8)
    whole = levels if factor == 1 else cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.concatenate([np.asarray(whole, np.uint8), draw_legend(width)])


def mean_stops(radiance: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts) -> Plane:
    """(h, w) -1 where the light comes from the darkest frame, 0 from the reference, 1 from the brightest.

    Each frame counts by the weight that it has in the merge, the mean over the channels; in between, exposures are
    averaged in stops.
    """
    sides = [frames[0].ev if frame.ev < 0 else frames[-1].ev for frame in frames]
    places = [
        0.0 if index == reference else frame.ev / abs(side)
        for index, (frame, side) in enumerate(zip(frames, sides, strict=True))
    ]
    stops = np.empty(radiance.shape[:2], np.float32)
    for strip in strips(len(radiance), around=NEIGHBOUR_ROWS):
        rows = strip.with_neighbours
        exposures = [frame.exposure(rows) for frame in frames]
        weights = frame_weights(frames, reference, ghosts, exposures, rows=rows, radiance=radiance[rows])
        total = np.sum(weights, axis=0)
        mean = sum(np.float32(place) * (weight / total) for place, weight in zip(places, weights, strict=True))
        stops[strip.rows] = strip.trimmed(np.mean(mean, axis=2))
    return stops


def draw_legend(width: int) -> Picture:
    """(h, width, 3) band that says what the colours mean; its lines wrap to the picture's width."""
    scale = min(max(width / 1600.0, 0.32), 4.0)
    line = max(round(34 * scale), 12)
    swatch, gap = round(line * 0.55), round(line * 0.4)
    thickness = max(1, round(1.5 * scale))
    places, x, y = [], gap, 0
    for entry in LEGEND:
        (text_width, _), _ = cv2.getTextSize(entry.text, cv2.FONT_HERSHEY_SIMPLEX, scale * 0.7, thickness)
        entry_width = swatch + gap + text_width + 2 * gap
        if x > gap and x + entry_width > width:
            x, y = gap, y + line
        places.append((x, y))
        x += entry_width
    band = np.full((y + line + gap, width, 3), BACKGROUND, np.uint8)
    for entry, (left, above) in zip(LEGEND, places, strict=True):
        top = above + gap // 2 + (line - swatch) // 2
        box = band[top : top + swatch, left : left + swatch]
        box[:] = entry.color
        if entry.striped:
            box[~_stripes(box.shape[1::-1], swatch)] //= 3
        at = (left + swatch + gap, top + round(swatch * 0.85))
        cv2.putText(band, entry.text, at, cv2.FONT_HERSHEY_SIMPLEX, scale * 0.7, TEXT, thickness, cv2.LINE_AA)
    return band


def _tint(stops: Plane) -> Plane:
    """(h, w, 3) factors: blue at -1, neutral at 0, amber at 1."""
    at = (-1.0, 0.0, 1.0)
    tints = zip(GHOST_MAP.darker_frames, GHOST_MAP.reference, GHOST_MAP.brighter_frames, strict=True)
    return np.stack([np.interp(stops, at, channel) for channel in tints], -1).astype(np.float32)


def _marked(picture: Plane, color: Color, share: Plane) -> Plane:
    return picture + share[..., None] * (np.array(color, np.float32) - picture)


def _stripes(size: tuple[int, int], period_px: int | None = None) -> NDArray[np.bool_]:
    """(h, w) diagonal stripes, true on every other one."""
    width, height = size
    period = period_px or max(4, round(GHOST_MAP.stripes_px * np.sqrt(width * height / 1e6)))
    return (np.arange(height)[:, None] + np.arange(width)) % period < period / 2


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)

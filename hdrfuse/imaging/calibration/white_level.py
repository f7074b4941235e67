"""White level: the encoded value at which a frame's pictures are white, which need not be the highest code.

A phone's local tone mapping, and an editor's highlights slider, leave clipped light at 205 to 247 of 255, spread over
some codes. Read as a measurement it contradicts every darker frame, which sees clouds and lamps there. That gives it
away: many codes of a darker frame are few of this one's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdrfuse.imaging.calibration.correspondences import Array, Samples, dither
from hdrfuse.imaging.radiometry import channel_max, channel_min
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class WhiteLevelSettings(Settings):
    """What tells white from a shoulder, which is steep but no wall; codes are of 255.

    Of 72 made brackets those four scenes' whites lie below 249 whose pictures show it, at 205 to 246; of twelve stacks
    of real photographs, none of which was edited so, all lie at 250 and more. What a field does:
    `hdrfuse bench --what settings --setting white_level --images DIR --movers DIR --camera`.
    """

    window: int = 4
    """Codes over which two frames are compared: what JPEG spreads a level over."""
    steepness: float = 5.0
    """Codes of a darker frame to one of this: shoulders of cameras' curves reach 3.2, whites 10 and more."""
    least_share: float = 0.004
    """Of the picture, within the window: fewer pixels may have moved."""
    reach: int = 16
    """Codes above the least white: local tone mapping spreads white by up to 12,"""
    most_beyond: float = 0.15
    """and so much of what is white may be brighter: what sharpening adds."""
    least_code: int = 128
    """Nothing below half of the range is taken for white."""
    ordinary: int = 249
    """From here on white is where the curve has it: JPEG leaves 250 of a clipped 255."""


WHITE_LEVEL = WhiteLevelSettings()

SHARES = np.linspace(0.0, 1.0, 4097)[1:-1]
"""Shares of the pixels at which two histograms are compared."""


def white_levels(samples: Sequence[Samples]) -> tuple[float, ...]:
    """Least encoded value at which each frame is white, a share of the highest; 1.0 where nothing speaks for less.

    `samples` are display-encoded (h, w, 3), shares of the highest value, darkest frame first. Histograms are compared,
    so that frames need not be registered. The darkest frame's white is not known: nothing darker shows what it hides.
    """
    codes = _least_whites([channel_max(frame) for frame in samples])
    return tuple(code / 255.0 if code < WHITE_LEVEL.ordinary else 1.0 for code in codes)


def least_channel_whites(samples: Sequence[Samples]) -> tuple[float, ...]:
    """Least encoded value at which any channel of a frame is white, a share of the highest, as `white_levels` finds it.

    Where white balance comes after the sensor's white and drifts, as automatic balance does, or a colour matrix
    follows it, white is a colour: some channel ends at 249 of 255 in a frame whose others reach 255. Under a lamp of
    its own colour that channel may pass its white, the least of three channels never does: so that is searched too.
    """
    planes = [[frame[..., c] for frame in samples] for c in range(3)] + [[channel_min(frame) for frame in samples]]
    return tuple(min(codes) / 255.0 for codes in zip(*map(_least_whites, planes), strict=True))


def _least_whites(planes: Sequence[Samples]) -> list[float]:
    """Least code at which each plane (h, w) is white, darkest frame first; 255 where no darker one tells of less."""
    tones = [_tones(plane) for plane in planes]
    return [
        min((_least_white(darker, own) for darker in tones[:index]), default=255.0) for index, own in enumerate(tones)
    ]


def _tones(plane: Samples) -> Array:
    """(4095,) codes of a plane (h, w) at SHARES, spread over their width so that they rise."""
    rising = np.sort(dither(plane))  # np.quantile takes hundreds of times as long for a small frame
    return np.asarray(255.0 * np.interp(SHARES * (len(rising) - 1), np.arange(len(rising)), rising), np.float64)


def _least_white(darker: Array, own: Array) -> float:
    """Least code of a frame's tones (4095,) at which a darker one's go on while it stays; 255 if there is none.

    White begins within a window of codes: its middle is told.
    """
    codes = np.arange(WHITE_LEVEL.least_code, 256)
    of_darker = np.interp(codes, own, darker)
    above = 1.0 - np.interp(codes, own, SHARES)
    end, far = (
        np.minimum(np.arange(len(codes)) + by, len(codes) - 1) for by in (WHITE_LEVEL.window, WHITE_LEVEL.reach)
    )
    white = (
        (of_darker[end] - of_darker >= WHITE_LEVEL.steepness * WHITE_LEVEL.window)
        & (above - above[end] >= WHITE_LEVEL.least_share)
        & (above[far] <= WHITE_LEVEL.most_beyond * above)
    )
    return float(codes[np.argmax(white)]) + WHITE_LEVEL.window / 2 if white.any() else 255.0

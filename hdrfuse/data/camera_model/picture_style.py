"""Picture styles: what a camera does to a picture after its tone curve, and what phones do before it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.splits import Split
from hdrfuse.imaging.color import luminance

Array = NDArray[np.float32]

SATURATION: dict[Split, tuple[float, float]] = {"train": (0.95, 1.15), "validation": (1.0, 1.1), "test": (1.0, 1.12)}
"""Gain of colour differences after the curve.

The curves have raised colours already: CIELAB chroma of drawn colours is 1.06 (validation) and 1.11 (test, quartiles
1.07 and 1.16) of what sRGB's curve gives them at the same median lightness.
"""
SHARPENING: dict[Split, tuple[float, float]] = {"train": (0.0, 0.5), "validation": (0.1, 0.4), "test": (0.05, 0.45)}
SHARPENING_PX = (0.7, 1.2)
BLACK_CUT = 0.012
"""Most of the display range that a style cuts off at black: crushed shadows, up to three levels of 255."""

LOCAL_SHARE = 0.15
"""Share of cameras that map tones locally, as phones do."""

COMPRESSION = (0.15, 0.35)
"""Share of large differences that they take out, by guess: ten stops become six and a half to eight and a half."""

LOCAL_RADIUS = 1 / 16
"""Radius of the guided filter as a share of the longer side; LOCAL_EDGE is its edge, a variance in stops squared."""
LOCAL_EDGE = 0.3

BT601_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Y' of JPEG, in which styles keep brightness and change colour."""

BASE_STOPS = -3.0
"""Brightness to which a phone draws shadows and highlights: about middle grey, 0.18 of white."""


@dataclass(frozen=True, kw_only=True)
class PictureStyle:
    """Numbers of a style; the neutral one changes nothing."""

    saturation: float = 1.0
    sharpening: float = 0.0
    """Amount of an unsharp mask on brightness."""
    sharpening_px: float = 1.0
    denoise: float = 0.0
    """Standard deviation in pixels to which colour is smoothed; brightness by a fourth, along edges only."""
    black_cut: float = 0.0
    """Share of the display range cut off at black."""
    compression: float = 0.0
    """Share of the large brightness differences that local tone mapping takes out."""

    def local_gain(self, linear: Array) -> Array:
        """What linear light (H, W, 3) is to be multiplied with (H, W, 1) so that large differences in it are less."""
        if self.compression == 0.0:
            return np.ones((1, 1, 1), np.float32)
        stops = np.log2(np.maximum(luminance(linear), np.float32(2.0**-12)))
        base = guided_mean(stops, max(1, round(max(stops.shape) * LOCAL_RADIUS)), LOCAL_EDGE)
        gain = np.exp2(np.float32(self.compression) * (np.float32(BASE_STOPS) - base))
        return np.asarray(np.minimum(gain, np.float32(4))[..., None], np.float32)

    def saturated_light(self, linear: Array, contrast: float) -> Array:
        """Linear light (H, W, 3) of any range as the style saturates it under a curve that is the power `contrast`."""
        display = np.maximum(linear, 0) ** np.float32(contrast)
        luma = (display @ BT601_LUMA)[..., None]
        return np.maximum(luma + np.float32(self.saturation) * (display - luma), 0) ** np.float32(1 / contrast)

    def after_the_curve(self, display: Array) -> Array:
        """Display values (H, W, 3) in [0, 1], denoised, saturated, sharpened, black cut off."""
        y, cr, cb = cv2.split(cv2.cvtColor(display, cv2.COLOR_RGB2YCrCb))
        if self.denoise > 0.0:
            cr, cb = (cv2.bilateralFilter(plane, -1, 0.05 * self.denoise, 2 * self.denoise) for plane in (cr, cb))
            y = cv2.bilateralFilter(y, 5, 0.03 * self.denoise, max(self.denoise / 2, 0.5))
        if self.sharpening > 0.0:
            y = y + np.float32(self.sharpening) * (y - cv2.GaussianBlur(y, (0, 0), self.sharpening_px))
        cr, cb = (np.float32(0.5) + np.float32(self.saturation) * (plane - np.float32(0.5)) for plane in (cr, cb))
        rgb = cv2.cvtColor(cv2.merge([y, cr, cb]), cv2.COLOR_YCrCb2RGB)
        return np.asarray(np.clip((rgb - self.black_cut) / (1 - self.black_cut), 0, 1), np.float32)


def guided_mean(plane: Array, radius: int, edge: float) -> Array:
    """Edge-keeping mean (H, W) of a plane by itself (guided filter, He et al. 2010)."""
    size = (2 * radius + 1,) * 2
    mean = cv2.blur(plane, size)
    variance = cv2.blur(plane * plane, size) - mean * mean
    slope = np.maximum(variance, 0) / (np.maximum(variance, 0) + np.float32(edge))
    return np.asarray(cv2.blur(slope, size) * plane + cv2.blur((1 - slope) * mean, size), np.float32)


def random_style(rng: np.random.Generator, split: Split, *, iso: int) -> PictureStyle:
    """Draw a style of the split; denoising goes by the ISO."""
    return PictureStyle(
        saturation=float(rng.uniform(*SATURATION[split])),
        sharpening=float(rng.uniform(*SHARPENING[split])),
        sharpening_px=float(rng.uniform(*SHARPENING_PX)),
        denoise=float(rng.uniform(0.3, 0.8) * np.log2(iso / 50) / 2),
        black_cut=float(rng.uniform(0, BLACK_CUT)) if rng.random() < 0.25 else 0.0,
        compression=float(rng.uniform(*COMPRESSION)) if rng.random() < LOCAL_SHARE else 0.0,
    )

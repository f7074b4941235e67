"""Tonemapping: linear radiance of any range to an 8-bit sRGB picture for a screen.

Every operator takes radiance (H, W, 3) float32 in Rec. 709 primaries and returns (H, W, 3) uint8. Its
exposure comes from the picture itself, by percentiles of the luminance, so that neither the unit of the
radiance nor a few extreme pixels change the result. What is negative or no number counts as black. Work goes
strip by strip: beside the input and the output, memory does not grow with the picture.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.color import luminance, mu_law, srgb_encode
from hdrfuse.setting_limits import Settings

Field = NDArray[np.float32]
Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class TonemappingSettings(Settings):
    """What the tone mappers do besides their papers; chosen by eye where no source is named."""

    strip_pixels: int = 1 << 20
    """Pixels that are mapped at a time; performance only."""
    samples: int = 1 << 19
    """How many pixels, evenly spread, the percentiles are taken from; performance only."""
    darkest: float = 2.0**-12
    """Relative to the brightest that counts; in logarithms, what is darker counts as this: night is black."""
    night: float = 2.0**-10
    """Relative to the brightest that counts; below, mantiuk2006 fades into black and lifts no noise."""
    mantiuk_pixels: int = 1_500_000
    """The contrast equalisation is solved at this size at most: it costs about 0.8 s a megapixel."""


TONEMAPPING = TonemappingSettings()


@dataclass(frozen=True, kw_only=True)
class LuminanceRange:
    """What the luminance of a scene spans, in the radiance's unit; all 0 for a black picture."""

    floor: float
    """Its 1st percentile."""
    log_average: float
    """The exponential of its mean logarithm."""
    ceiling: float
    """Its 99.9th percentile: a sun or a few hot pixels do not count."""


def luminance_range(radiance: Field) -> LuminanceRange:
    """Measure the luminance of radiance (H, W, 3) on evenly spread pixels."""
    step = max(1, int(np.sqrt(radiance.shape[0] * radiance.shape[1] / TONEMAPPING.samples)))
    values = luminance(clean(radiance[step // 2 :: step, step // 2 :: step])).ravel()
    ceiling = float(np.quantile(values, 0.999)) or float(values.max(initial=0))
    if ceiling == 0:
        return LuminanceRange(floor=0, log_average=0, ceiling=0)
    values = np.clip(values, TONEMAPPING.darkest * ceiling, ceiling)
    return LuminanceRange(
        floor=float(np.quantile(values, 0.01)),
        log_average=float(np.exp(np.log(values).mean(dtype=np.float64))),
        ceiling=ceiling,
    )


def kalantari2017(radiance: Field) -> Picture:
    """Compress each channel by log(1 + mu x) / log(1 + mu), x = 1 at the 99.9th percentile of the luminance.

    The HDR deghosting papers' curve, shown as it is (Kalantari & Ramamoorthi 2017, eq. 5).
    """
    picture = np.zeros(radiance.shape, np.uint8)
    white = luminance_range(radiance).ceiling
    if white > 0:
        for rows, strip in strips(radiance):
            picture[rows] = to_levels(mu_law(strip, white))
    return picture


def reinhard2002(radiance: Field) -> Picture:
    """Expose like a photographer and roll the highlights off (Reinhard, Stark, Shirley & Ferwerda 2002).

    Its equations 1 and 4, the global operator; key and white follow the luminance range.
    """
    picture = np.zeros(radiance.shape, np.uint8)
    seen = luminance_range(radiance)
    if seen.ceiling > 0:
        exposure = key(seen) / seen.log_average
        white2 = (exposure * seen.ceiling) ** 2
        for rows, strip in strips(radiance):
            scaled = luminance(strip) * np.float32(exposure)
            toned = scaled * (1 + scaled * np.float32(1 / white2)) / (1 + scaled)
            picture[rows] = to_srgb_levels(recolour(strip, toned))
    return picture


def key(seen: LuminanceRange) -> float:
    """Return the grey to show the log-average as: 0.18, more in a bright scene (Reinhard 2003, eq. 4)."""
    low, middle, high = np.log2([seen.floor, seen.log_average, seen.ceiling])
    skew = (2 * middle - low - high) / (high - low) if high - low > 1e-3 else 0.0
    return float(0.18 * 4**skew)


def drago2003(radiance: Field, *, bias: float = 0.85) -> Picture:
    """Compress by a logarithm whose base follows the luminance (Drago et al. 2003, eq. 4).

    The world adapts to the log-average; the 99.9th percentile becomes white.
    """
    picture = np.zeros(radiance.shape, np.uint8)
    seen = luminance_range(radiance)
    if seen.ceiling > 0:
        top = seen.ceiling / seen.log_average
        power = np.float32(np.log(bias) / np.log(0.5))
        gain = np.float32(1 / np.log10(top + 1))
        for rows, strip in strips(radiance):
            world = np.minimum(luminance(strip) * np.float32(1 / seen.log_average), np.float32(top))
            base = np.log(2 + 8 * (world * np.float32(1 / top)) ** power)
            picture[rows] = to_srgb_levels(recolour(strip, gain * np.log1p(world) / base))
    return picture


def mantiuk2006(radiance: Field, *, contrast: float = 0.7) -> Picture:
    """Compress contrasts at every scale, the large ones most (Mantiuk, Myszkowski & Seidel 2006).

    OpenCV solves it for a picture of TONEMAPPING.mantiuk_pixels at most, which the whole follows by local linear fits
    between the logarithms of luminance (He & Sun 2015), so that detail is as sharp at any size.
    Pictures without contrast or of fewer than 8 pixels a side go to reinhard2002.
    """
    seen = luminance_range(radiance)
    height, width = radiance.shape[:2]
    if seen.ceiling <= seen.floor * 1.001 or min(height, width) < 8:
        return reinhard2002(radiance)
    shrink = min(1.0, (TONEMAPPING.mantiuk_pixels / (height * width)) ** 0.5)
    small = cv2.resize(radiance, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    stops = log_luminance(clean(small.astype(np.float32, copy=False)), seen)
    solved = equalise(np.exp2(stops), contrast)
    solved -= np.float32(np.quantile(solved, 0.99))
    slope, offset = linear_fits(stops, solved)
    fits = cv2.merge([slope, offset])

    picture = np.empty(radiance.shape, np.uint8)
    for rows, strip in strips(radiance):
        x_scale, y_scale = fits.shape[1] / width, fits.shape[0] / height
        onto = np.array(
            [[x_scale, 0, 0.5 * x_scale - 0.5], [0, y_scale, (rows.start + 0.5) * y_scale - 0.5]], np.float64
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        local = cv2.warpAffine(fits, onto, strip.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        toned = np.exp2(local[..., 0] * log_luminance(strip, seen) + local[..., 1])
        night = np.minimum(luminance(strip) * np.float32(1 / (TONEMAPPING.night * seen.ceiling)), 1)
        picture[rows] = to_srgb_levels(recolour(strip, toned * night))
    return picture


def equalise(brightness: Field, contrast: float) -> Field:
    """Solve for the binary logarithm of the picture (H, W) whose contrasts are compressed by ``contrast``.

    OpenCV first subtracts the smallest channel of all and later divides by the luminance: a little more red
    and green than blue keeps that from being zero.
    """
    lift = np.float32(1e-6) * brightness.max()
    solver = cv2.createTonemapMantiuk(gamma=1.0, scale=contrast, saturation=1.0)
    # OpenCV 5 warns on stderr of its own arithmetic; the program's messages stay ours.
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        solved = solver.process(cv2.merge([brightness + lift, brightness + lift, brightness]))
    finally:
        cv2.utils.logging.setLogLevel(level)
    return np.log2(np.maximum(cv2.cvtColor(solved, cv2.COLOR_RGB2GRAY), np.float32(1e-7)))


def log_luminance(radiance: Field, seen: LuminanceRange) -> Field:
    """Return the binary logarithm of luminance (H, W), held within what counts."""
    return np.log2(np.clip(luminance(radiance), seen.ceiling * TONEMAPPING.darkest, seen.ceiling))


def linear_fits(guide: Field, target: Field, *, reach_px: int = 4, smoothing: float = 0.01) -> tuple[Field, Field]:
    """Fit target = slope * guide + offset around every pixel -> slope, offset (H, W) (He & Sun 2015)."""

    def mean(field: NDArray[np.floating]) -> Field:
        return cv2.blur(field, (2 * reach_px + 1, 2 * reach_px + 1)).astype(np.float32, copy=False)

    guide_mean, target_mean = mean(guide), mean(target)
    covariance = mean(guide * target) - guide_mean * target_mean
    variance = mean(guide * guide) - guide_mean * guide_mean
    slope = covariance / (np.maximum(variance, 0) + np.float32(smoothing))
    return mean(slope), mean(target_mean - slope * guide_mean)


def strips(radiance: Field) -> Iterator[tuple[slice, Field]]:
    """Go through radiance (H, W, 3) from top to bottom -> rows, and the clean radiance in them."""
    step = max(1, TONEMAPPING.strip_pixels // radiance.shape[1])
    for top in range(0, radiance.shape[0], step):
        rows = slice(top, min(top + step, radiance.shape[0]))
        yield rows, clean(radiance[rows])


def clean(radiance: Field) -> Field:
    """Return radiance as float32 without negatives and without what is no number."""
    limit = float(np.sqrt(np.finfo(np.float32).max))
    return np.clip(np.nan_to_num(radiance, nan=0.0, posinf=limit, neginf=0.0), 0, limit, dtype=np.float32)


def recolour(radiance: Field, toned: Field) -> Field:
    """Give a toned luminance (H, W) the radiance's colours -> display-linear (H, W, 3) in [0, 1].

    Colours that a screen cannot show that bright give up half in brightness and half in saturation; their
    hue stays, as no channel is clipped alone.
    """
    grey = np.minimum(toned, 1)[..., None]
    colour = radiance * (grey / np.maximum(luminance(radiance), np.finfo(np.float32).tiny)[..., None])
    peak = np.maximum(np.maximum(colour[..., 0], colour[..., 1]), colour[..., 2])[..., None]
    dimmer = np.sqrt(np.maximum(peak, 1))
    colour, grey, peak = colour / dimmer, grey / dimmer, peak / dimmer
    kept = np.where(peak > 1, (1 - grey) / np.maximum(peak - grey, np.float32(1e-6)), np.float32(1))
    return (grey + kept * (colour - grey)).astype(np.float32, copy=False)


def to_levels(display: Field) -> Picture:
    """Round display-encoded values, clipped to [0, 1], to 8 bits."""
    return (np.clip(display, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


SRGB_LEVELS: Picture = to_levels(srgb_encode(np.linspace(0, 1, 1 << 16, dtype=np.float32)))
"""The sRGB level of each of 65,536 steps of display-linear light."""


def to_srgb_levels(linear: Field) -> Picture:
    """Encode display-linear light, clipped to [0, 1], as 8-bit sRGB."""
    steps = np.float32(len(SRGB_LEVELS) - 1)
    return SRGB_LEVELS[(np.clip(linear, 0, 1) * steps + np.float32(0.5)).astype(np.uint16)]


Tonemapper = Callable[[Field], Picture]
"""Linear radiance (H, W, 3) float32, any unit -> (H, W, 3) uint8 sRGB."""

TONEMAPPERS: dict[str, Tonemapper] = {
    "mu-law": kalantari2017,
    "reinhard": reinhard2002,
    "drago": drago2003,
    "mantiuk": mantiuk2006,
}

"""How a picture is looked at: what its values are in light, and how large its pixels are in the eye."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hdrfuse.errors import UsageError

ColorEncoding = Literal["sRGB-display", "rgb-bt.709", "XYZ", "luminance", "luma-display"]
"""What the values of a picture are: display signals in [0, 1], or linear light."""

LINEAR: tuple[ColorEncoding, ...] = ("rgb-bt.709", "XYZ", "luminance")
"""Encodings that are proportional to light, so that a peak luminance can scale them."""

GREY: tuple[ColorEncoding, ...] = ("luminance", "luma-display")
"""Encodings of one channel."""

Display = Literal["ccfl-lcd", "led-lcd", "crt"]
"""Whose spectra the three primaries have."""

REFERENCE_MEAN = -1.0
"""As surround: the geometric mean of each channel of the reference."""

MM_PER_INCH = 25.4


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A screen that a picture fills, or shares with others of its resolution."""

    diagonal_in: float
    distance_m: float
    resolution: tuple[int, int] | None = None
    """Pixels across and down; by default the picture's own."""

    def pixels_per_degree(self, width: int, height: int) -> float:
        """Return the pixels in one degree of the visual field for a picture of a size (hdrvdp_pix_per_deg)."""
        across, down = self.resolution or (width, height)
        height_mm = self.diagonal_in * MM_PER_INCH / math.hypot(1, across / down)
        return down / math.degrees(2 * math.atan(height_mm / (2000 * self.distance_m)))


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The settings of a published evaluation."""

    color_encoding: ColorEncoding = "sRGB-display"
    screen: Screen | None = None
    pixels_per_degree: float = 30.0
    """Where there is no screen."""
    peak_luminance_cd_m2: float = 1.0
    """Luminance of the value 1.0 in a linear encoding."""
    display: Display = "ccfl-lcd"
    surround: float = 1e-5
    """Luminance of each channel around the picture, cd/m2."""


PRESETS: dict[str, Preset] = {
    "safnet": Preset(screen=Screen(diagonal_in=28, distance_m=0.55)),
    "deephdrvideo": Preset(screen=Screen(diagonal_in=24, distance_m=0.5)),
    "sctnet": Preset(screen=Screen(diagonal_in=30, distance_m=0.55, resolution=(1500, 1000))),
    "calibrated": Preset(color_encoding="rgb-bt.709", pixels_per_degree=30.0, peak_luminance_cd_m2=1000.0),
}
"""The first three as the scripts of SAFNet, DeepHDRVideo and SCTNet call it, on linear values in [0, 1]; the last in
absolute units."""


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """The conditions of one measurement."""

    preset: str
    """What was not said otherwise came from it."""
    color_encoding: ColorEncoding
    pixels_per_degree: float
    display: Display
    surround: float
    """cd/m2 of each channel, or REFERENCE_MEAN."""
    peak_luminance_cd_m2: float
    """Factor of the values before anything else; 1 for what is no light."""

    def __post_init__(self) -> None:
        if self.color_encoding not in get_args(ColorEncoding):
            raise UsageError(f"color encoding {self.color_encoding!r}; one of {_names(ColorEncoding)} is expected")
        if self.display not in get_args(Display):
            raise UsageError(f"display {self.display!r}; one of {_names(Display)} is expected")
        for name in ("pixels_per_degree", "peak_luminance_cd_m2"):
            if not (math.isfinite(value := getattr(self, name)) and value > 0):
                raise UsageError(f"{name} {value}; a positive number is expected")
        if not (self.surround == REFERENCE_MEAN or 0 <= self.surround < math.inf):
            raise UsageError(f"surround {self.surround}; cd/m2, or {REFERENCE_MEAN:g} for the mean of the reference")
        if self.color_encoding not in LINEAR and self.peak_luminance_cd_m2 != 1:
            raise UsageError(
                f"peak_luminance_cd_m2 {self.peak_luminance_cd_m2} scales linear light, and color encoding "
                f"{self.color_encoding} is not linear; one of {', '.join(LINEAR)} is expected"
            )

    @property
    def channels(self) -> int:
        """Channels that the encoding has."""
        return 1 if self.color_encoding in GREY else 3


def viewing(
    preset: str,
    *,
    width: int,
    height: int,
    color_encoding: ColorEncoding | None,
    pixels_per_degree: float | None,
    display: Display | None,
    surround: float | None,
    peak_luminance_cd_m2: float | None,
) -> Viewing:
    """Return a preset's conditions for a picture of a size; what is not None overrides it. Raises UsageError."""
    if preset not in PRESETS:
        raise UsageError(f"HDR-VDP-2 preset {preset!r}; one of {', '.join(PRESETS)} is expected")
    base = PRESETS[preset]
    encoding = color_encoding or base.color_encoding
    if pixels_per_degree is None:
        pixels_per_degree = base.screen.pixels_per_degree(width, height) if base.screen else base.pixels_per_degree
    if peak_luminance_cd_m2 is None:
        peak_luminance_cd_m2 = base.peak_luminance_cd_m2 if encoding in LINEAR else 1.0
    return Viewing(
        preset=preset,
        color_encoding=encoding,
        pixels_per_degree=pixels_per_degree,
        display=display or base.display,
        surround=base.surround if surround is None else surround,
        peak_luminance_cd_m2=peak_luminance_cd_m2,
    )


def _names(literal: object) -> str:
    return ", ".join(get_args(literal))

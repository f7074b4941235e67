"""The sensor: light through a lens and a colour filter array to numbers, each channel clipped at its own white."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.camera_model.color_matrices import XYZ_TO_SENSOR, Matrix, sensor_matrix
from hdrfuse.data.splits import Split

Array = NDArray[np.float32]

PEDESTAL = 512 / 16383
"""Black level as a share of the range, so that noise about black is kept (typical of 14-bit RAW files)."""

LIGHTS = {"daylight": (1.0, 1.0, 1.0), "shade": (0.85, 1.0, 1.2), "tungsten": (1.6, 1.0, 0.5), "led": (1.2, 1.0, 0.75)}
"""What the scene's white adds to red and blue beside daylight's; white balance takes it out, its noise stays.

Ratios of cameras' own white balance presets, about (Canon and Nikon maker notes: daylight 2.1/1.5, tungsten 1.4/2.4).
"""

FULL_WELL_E = (25_000.0, 80_000.0)
"""Electrons of white at ISO 100, of small and large pixels (photonstophotos.net lists 20 to 100 thousand)."""

ISO_SHARES = {100: 0.4, 200: 0.25, 400: 0.2, 800: 0.1, 1600: 0.05}
"""Share of cameras at each ISO.

Eight real stacks have ISO 80 to 2500, half of them 1000 and more, but all but one were shrunk two to five times since,
which lessens a pixel's noise as two to four stops of ISO do.
"""

READ_NOISE_E = (1.5, 8.0)
"""Electrons of read noise, good and poor."""

LENS_PX = (0.7, 1.1)
"""Such a blur leaves a tenth to a half of the contrast at half the sampling rate of one colour, a quarter per pixel."""

GLARE_PX = 0.15
"""Standard deviation of veiling glare as a share of the longer side."""

GLARE = (0.001, 0.01)
"""Share of the light that a lens spreads over the picture: what keeps cameras' shadows from being black.

Veiling glare by ISO 9358 is 1 to 3 % of a bright surround, which most scenes are not (McCann & Rizzi 2007).
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class BayerSensor:
    """What a camera does to light before it becomes numbers."""

    from_rgb: Matrix
    """(3, 3) linear BT.709 to sensor channels under daylight, green of white = 1."""
    light: tuple[float, float, float]
    """The scene's white on the sensor, beside daylight's."""
    iso: int
    full_well_e: float
    """Electrons of white at ISO 100."""
    read_noise_e: float
    bits: int
    """Of the analogue-digital converter."""
    lens_px: float
    """Standard deviation of what the lens and the optical low-pass filter blur."""
    glare: float
    """Share of the light that the lens spreads over the picture."""

    @property
    def white(self) -> NDArray[np.float64]:
        """(3,) channels of a white of 1."""
        return np.asarray(self.from_rgb.sum(axis=1) * self.light, np.float64)

    def spread(self, exposure: Array) -> Array:
        """Add the lens's veiling glare to linear light (H, W, 3)."""
        if self.glare == 0.0:
            return exposure
        height, width = exposure.shape[:2]
        scale = 64 / max(height, width)
        small = cv2.resize(exposure, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=3)
        wide = cv2.GaussianBlur(small, (0, 0), 64 * GLARE_PX, borderType=cv2.BORDER_REPLICATE)
        veil = cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(exposure + np.float32(self.glare) * (veil - exposure), np.float32)

    def channels(self, exposure: Array) -> Array:
        """Linear light (H, W, 3), 1.0 = white, as colour filters pass it (H, W, 3), 1.0 = where the sensor clips."""
        matrix = (self.from_rgb * np.array(self.light)[:, None]).T.astype(np.float32)
        return np.maximum(exposure @ matrix, 0)

    def expose(self, rng: np.random.Generator, exposure: Array) -> Array:
        """Linear light (H, W, 3), 1.0 = white, to raw numbers (H, W), RGGB, 1.0 = where the sensor clips."""
        raw = mosaic(self.channels(exposure))
        electrons = np.float32(self.full_well_e * 100.0 / self.iso)
        noise = np.sqrt(raw / electrons + np.float32((self.read_noise_e / electrons) ** 2))
        raw = raw + noise * rng.standard_normal(raw.shape, np.float32)
        top = np.float32(2**self.bits - 1)
        codes = np.rint(np.clip(raw * np.float32(1 - PEDESTAL) + np.float32(PEDESTAL), 0, 1) * top)
        return np.asarray((codes / top - np.float32(PEDESTAL)) / np.float32(1 - PEDESTAL), np.float32)


def mosaic(channels: Array) -> Array:
    """Keep of each pixel (H, W, 3) the channel that its filter passes (H, W), RGGB (Bayer 1976)."""
    raw = channels[..., 1].copy()
    raw[0::2, 0::2] = channels[0::2, 0::2, 0]
    raw[1::2, 1::2] = channels[1::2, 1::2, 2]
    return raw


def demosaic(raw: Array) -> Array:
    """Interpolate raw numbers (H, W), RGGB, to channels (H, W, 3): OpenCV's edge-aware way, at 16 bits."""
    low, top = np.float32(-PEDESTAL), np.float32(65535 / (1 + PEDESTAL))
    codes = np.rint(np.clip((raw - low) * top, 0, 65535)).astype(np.uint16)
    return np.asarray(cv2.demosaicing(codes, cv2.COLOR_BayerRGGB2RGB_EA) / top + low, np.float32)


def random_bayer_sensor(rng: np.random.Generator, split: Split) -> BayerSensor:
    """Draw a camera of a split, its light and its ISO."""
    names = list(XYZ_TO_SENSOR[split])
    return BayerSensor(
        from_rgb=sensor_matrix(names[rng.integers(len(names))], split),
        light=LIGHTS[list(LIGHTS)[rng.choice(len(LIGHTS), p=[0.5, 0.15, 0.2, 0.15])]],
        iso=int(rng.choice(list(ISO_SHARES), p=list(ISO_SHARES.values()))),
        full_well_e=float(np.exp(rng.uniform(*np.log(FULL_WELL_E)))),
        read_noise_e=float(np.exp(rng.uniform(*np.log(READ_NOISE_E)))),
        lens_px=float(rng.uniform(*LENS_PX)),
        bits=int(rng.choice([12, 14])),
        glare=float(np.exp(rng.uniform(*np.log(GLARE)))),
    )

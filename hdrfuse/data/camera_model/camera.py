"""A whole camera: sensor, development and file, one seed a camera."""

import io
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from hdrfuse.data.camera_model.exposure_times import nominal_time_s
from hdrfuse.data.camera_model.picture_style import PictureStyle, random_style
from hdrfuse.data.camera_model.sensor import BayerSensor, demosaic, random_bayer_sensor
from hdrfuse.data.camera_model.tone_curves import Curve, random_curve
from hdrfuse.data.splits import Split

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]

DRIFT = 0.02
"""Standard deviation of automatic white balance's gains from frame to frame, half of the cameras'."""

FLICKER_EV = 0.06
"""Standard deviation of lamps' brightness from frame to frame, in a share of scenes."""
FLICKER_SHARE = 0.15

HIGHLIGHT_STOPS = (0.0, 0.5)
"""Stops of sensor range above the style's white: how far highlights are rolled off."""

QUALITY = 88, 98
"""JPEG quality; the quantisation tables of nine real stacks' files are those of 90 to 97, median 95."""

MIDDLE = 1 / 16, 1 / 2
"""The middle of the range of linear light, whose mean slope is the curve's contrast."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """From light to JPEG files."""

    sensor: BayerSensor
    curve: Curve
    style: PictureStyle
    white_balance_drift: float
    """Standard deviation of red's and blue's gain from frame to frame, as a share."""
    flicker_ev: float
    """Standard deviation of the light from frame to frame, in stops."""
    highlight_stops: float
    """How far the sensor's white lies above a middle exposure's, which the curve rolls off."""
    quality: int
    """Of JPEG."""
    subsampling: str
    """Of colour: 4:2:0 or 4:4:4."""

    def photograph(self, rng: np.random.Generator, exposure: Array) -> bytes:
        """Linear light (H, W, 3), 1.0 = the sensor's white in green, to a JPEG file without EXIF."""
        light = exposure * np.float32(2.0 ** (self.flicker_ev * rng.standard_normal()))
        raw = self.sensor.expose(rng, self.sensor.spread(light))
        return self.write(self.develop(raw, self.balance(rng)))

    def balance(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(3,) gains of one frame that make the scene's white neutral, but for drift."""
        gains = 1.0 / self.sensor.white
        gains[[0, 2]] *= np.exp(self.white_balance_drift * rng.standard_normal(2))
        return np.asarray(gains, np.float64)

    def develop(self, raw: Array, gains: NDArray[np.float64]) -> Picture:
        """Raw numbers (H, W), RGGB, to display values (H, W, 3)."""
        linear = self.colours(demosaic(raw), gains)
        linear = linear * self.style.local_gain(linear)
        lifted = rolled_off(linear * np.float32(2.0**self.highlight_stops), 2.0**self.highlight_stops)
        display = self.style.after_the_curve(self.curve(lifted))
        return np.rint(display * 255).astype(np.uint8)

    def colours(self, channels: Array, gains: NDArray[np.float64]) -> Array:
        """Sensor channels (H, W, 3) under white balance to linear BT.709, 1.0 = white; all channels clip together."""
        white = np.float32(gains.min() * self.sensor.white[1])
        balanced = np.clip(channels * gains.astype(np.float32), 0, white)
        matrix = np.linalg.inv(self.sensor.from_rgb / self.sensor.from_rgb.sum(axis=1, keepdims=True))
        return np.maximum(balanced @ matrix.T.astype(np.float32), 0)

    def truth(self, radiance: Array, white: float) -> Array:
        """Radiance (H, W, 3), 1.0 = white of the shortest frame, as this camera sees it; its frames are held to this.

        It holds what every frame has in common: the light that comes through the lens, where the shortest frame's
        sensor clips it, in the output's gamut and with the style's saturation about the middle of the tone curve; and
        what is the reference's alone: its local tone mapping, with the radiance `white` as the frame's white. Noise,
        the tone curve, denoising and sharpening are left out. One smooth tone a channel leads from here to what the
        camera shows, but for saturation far from the middle of the curve: there the frames contradict each other.
        """
        channels = np.clip(self.sensor.channels(self.sensor.spread(radiance)), 0, 1)
        light = self.colours(channels, 1.0 / self.sensor.white)
        light = light * self.style.local_gain(np.clip(light / np.float32(white), 0, 1))
        dark, bright = self.curve(np.array(MIDDLE, np.float32))
        contrast = np.log(bright / dark) / np.log(MIDDLE[1] / MIDDLE[0])
        return np.clip(self.style.saturated_light(light, float(contrast)), 0, 1)

    def write(self, picture: Picture, exif: bytes = b"") -> bytes:
        """Display values (H, W, 3) as a JPEG file."""
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=self.quality, subsampling=self.subsampling, exif=exif)
        return stream.getvalue()


def rolled_off(linear: Array, top: float) -> Array:
    """Light in [0, top] to [0, 1], straight up to a half and then ever flatter: a camera's highlight roll-off."""
    if top <= 1.0:
        return np.clip(linear, 0, 1)
    knee, span = np.float32(0.5), np.float32(top - 0.5)
    over = np.clip((linear - knee) / span, 0, 1)
    power = np.float32(span / (1 - knee))  # so that the slope is 1 at the knee
    return np.where(linear <= knee, linear, knee + (1 - knee) * (1 - (1 - over) ** power)).astype(np.float32)


def random_camera(rng: np.random.Generator, split: Split) -> Camera:
    """Draw a camera of a split: its matrix, curve and style are no other split's."""
    sensor = random_bayer_sensor(rng, split)
    return Camera(
        sensor=sensor,
        curve=random_curve(rng, split),
        style=random_style(rng, split, iso=sensor.iso),
        white_balance_drift=DRIFT if rng.random() < 0.5 else 0.0,
        flicker_ev=FLICKER_EV if rng.random() < FLICKER_SHARE else 0.0,
        highlight_stops=float(rng.uniform(*HIGHLIGHT_STOPS)),
        quality=int(rng.integers(*QUALITY, endpoint=True)),
        subsampling=str(rng.choice(["4:2:0", "4:4:4"])),
    )


def read(file: bytes) -> Picture:
    """Decode a camera's file (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def with_exif(file: bytes, third_stops: int, *, iso: int, f_number: float = 8.0) -> bytes:
    """The file with the nominal exposure time of 2^(third_stops / 3) s, its pixels as they are."""
    exif = Image.Exif()
    details = exif.get_ifd(IFD.Exif)
    time_s: Fraction = nominal_time_s(third_stops)
    details[Base.ExposureTime] = IFDRational(time_s.numerator, time_s.denominator)
    details[Base.FNumber] = IFDRational(round(f_number * 10), 10)
    details[Base.ISOSpeedRatings] = iso
    block = exif.tobytes()
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    return file[:2] + segment + file[2:]

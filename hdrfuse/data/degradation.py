"""Degradation: from scene radiance to what a bracket's frames hold after registration and calibration."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.radiometry import NoiseModel

Array = NDArray[np.float32]

GREATEST_CURVE_ERROR_STOPS = 0.1
GREATEST_GAIN_ERROR_STOPS = 0.05


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Noise and storage of all frames of one bracket; signals in units of the frame's white."""

    noise: NoiseModel
    grain_px: float
    """Blur that demosaicking and noise reduction leave on the noise; 0 for none."""
    bits: int
    storage_gamma: float
    """Exponent of the encoding in which values are rounded."""
    jpeg_quality: int | None


def random_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a camera from ISO 50 to 25,600, raw or JPEG."""
    eight_bit = rng.random() < 0.6
    return Sensor(
        noise=NoiseModel(shot=float(10 ** rng.uniform(-6, -3.2)), read=float(10 ** rng.uniform(-8.5, -5))),
        grain_px=float(rng.uniform(0.4, 0.9)) if rng.random() < 0.4 else 0.0,
        bits=8 if eight_bit else int(rng.choice([10, 12, 14, 16])),
        storage_gamma=float(rng.uniform(1.8, 2.8)) if eight_bit else float(rng.choice([1.0, 2.2])),
        jpeg_quality=int(rng.integers(70, 99)) if eight_bit and rng.random() < 0.5 else None,
    )


def raw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a camera at its lowest ISO, read from raw files."""
    return Sensor(
        noise=NoiseModel(shot=float(10 ** rng.uniform(-6, -4.7)), read=float(10 ** rng.uniform(-8.5, -6.5))),
        grain_px=0.0,
        bits=int(rng.choice([14, 16])),
        storage_gamma=float(rng.choice([1.0, 2.2])),
        jpeg_quality=None,
    )


def add_noise(exposure: Array, normal: Array, noise: NoiseModel) -> Array:
    """Linear exposure (H, W, 3) >= 0 and noise of unit variance -> what a sensor that clips at 1.0 reads, [0, 1]."""
    return np.clip(exposure + np.sqrt(noise.variance(exposure)) * normal, 0, 1, dtype=np.float32)


def capture(rng: np.random.Generator, exposure: Array, sensor: Sensor) -> Array:
    """Linear exposure (H, W, 3), 1.0 = white -> what the file says it was, in [0, 1], linear."""
    normal = rng.standard_normal(exposure.shape, np.float32)
    if sensor.grain_px:
        normal = cv2.GaussianBlur(normal, (0, 0), sensor.grain_px) * np.float32(2.2 * sensor.grain_px)
    return store_and_read(add_noise(np.minimum(exposure, 2.0), normal, sensor.noise), sensor)


def store_and_read(signal: Array, sensor: Sensor) -> Array:
    """Encode, round, perhaps compress and decode a linear signal (H, W, 3) in [0, 1]."""
    levels = np.float32(2**sensor.bits - 1)
    codes = np.round(cv2.pow(signal, 1 / sensor.storage_gamma) * levels)
    if sensor.jpeg_quality is not None:
        bgr = codes.astype(np.uint8)
        options = [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg_quality]
        decoded = cv2.imdecode(cv2.imencode(".jpg", bgr, options)[1], cv2.IMREAD_COLOR)
        codes = np.asarray(decoded, np.float32)
    return cv2.pow(codes / levels, sensor.storage_gamma).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """What response calibration leaves on a side frame, in stops."""

    gain: float
    slope: float
    wave: float

    def apply(self, linear: Array) -> Array:
        """Distort a linear frame (H, W, 3) smoothly; black and white stay."""
        if not (self.gain or self.slope or self.wave):
            return linear
        encoded = cv2.pow(linear, 1 / GAMMA)
        curve = np.float32(self.slope) * (1 - encoded) + np.float32(self.wave) * np.sin(np.float32(np.pi) * encoded)
        distorted = linear * np.exp2((curve + np.float32(self.gain)) * (linear < 1))
        return np.minimum(distorted, 1).astype(np.float32)


def random_calibration_error(rng: np.random.Generator) -> CalibrationError:
    """Draw the error of a bracket's curve and one frame's gain."""
    curve = GREATEST_CURVE_ERROR_STOPS * rng.uniform(-1, 1, 2) / 2
    return CalibrationError(
        gain=float(GREATEST_GAIN_ERROR_STOPS * rng.uniform(-1, 1)),
        slope=float(curve[0]),
        wave=float(curve[1]),
    )


NO_CALIBRATION_ERROR = CalibrationError(gain=0.0, slope=0.0, wave=0.0)


@dataclass(frozen=True, kw_only=True)
class SimulatedRegistration:
    """How a hand-held side frame lay, and how registration laid it back; both (2, 3), reference to frame."""

    true: NDArray[np.float64]
    estimated: NDArray[np.float64]
    interpolation: int

    def displaced(self, scene: Array) -> Array:
        """The scene (H, W, 3) as the side frame's camera stood."""
        return self._sampled(scene, self.true, cv2.INTER_LINEAR)

    def undone(self, frame: Array) -> Array:
        """The captured frame (H, W, 3) resampled onto the reference."""
        return self._sampled(frame, np.linalg.inv(np.vstack([self.estimated, [0, 0, 1]]))[:2], self.interpolation)

    @staticmethod
    def _sampled(image: Array, matrix: NDArray[np.float64], interpolation: int) -> Array:
        size = (image.shape[1], image.shape[0])
        moved = cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REFLECT_101)
        return np.maximum(moved, 0).astype(np.float32)


def random_registration(rng: np.random.Generator, size: int) -> SimulatedRegistration:
    """Draw a hand's shift and what registration misses of it: usually a fraction of a pixel, seldom more."""
    missed_px = float(rng.choice([0.15, 0.4, 1.2, 4.0], p=[0.45, 0.35, 0.15, 0.05]))
    true = shift_with_turn(rng.uniform(-1.5, 1.5, 2), float(rng.normal(0, 0.3)), size)
    error = shift_with_turn(rng.normal(0, missed_px, 2), float(rng.normal(0, 0.15 * missed_px)), size)
    estimated = np.vstack([true, [0, 0, 1]]) @ np.vstack([error, [0, 0, 1]])
    interpolation = rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4], p=[0.25, 0.25, 0.5])
    return SimulatedRegistration(true=true, estimated=estimated[:2], interpolation=int(interpolation))


def shift_with_turn(shift_px: NDArray[np.float64], turn_deg: float, size: int) -> NDArray[np.float64]:
    """Return the matrix (2, 3) that turns a size x size picture about its middle, then shifts it."""
    matrix = np.asarray(cv2.getRotationMatrix2D((size / 2, size / 2), turn_deg, 1.0), np.float64)
    matrix[:, 2] += shift_px
    return matrix

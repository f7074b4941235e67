"""Synthetic brackets with known radiance: random views, movers and a camera's faults, one seed a sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.degradation import (
    NO_CALIBRATION_ERROR,
    CalibrationError,
    SimulatedRegistration,
    capture,
    random_calibration_error,
    random_registration,
    random_sensor,
    raw_sensor,
)
from hdrfuse.data.layers import bend, blur_by_motion, random_layer
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.light import relight
from hdrfuse.data.sample import BracketSample
from hdrfuse.data.views import painted_view, random_view
from hdrfuse.imaging.color import GAMMA

Array = NDArray[np.float32]

REFERENCE = 1
"""Frames are in the order short, reference, long."""
CAREFUL = 0.4
"""Share of brackets from a tripod and raw files at a low ISO: nothing to blame on the camera."""
MARGIN_PX = 8
"""Rendered around the sample and cut off, so that shifts show no border."""


@dataclass(frozen=True, kw_only=True)
class SyntheticBrackets:
    """An endless list: the same seed and index give the same sample."""

    library: ImageLibrary
    size: int
    seed: int
    painted_fraction: float = 0.15

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index` >= 0."""
        return random_bracket(np.random.default_rng([self.seed, index]), self.library, self.size, self.painted_fraction)


def random_bracket(
    rng: np.random.Generator, library: ImageLibrary, size: int, painted_fraction: float
) -> BracketSample:
    """Return a random bracket of size x size pixels from the library's images."""
    return photographed(rng, random_scene(rng, library, size + 2 * MARGIN_PX, painted_fraction))


def photographed(rng: np.random.Generator, scene: Sequence[Array]) -> BracketSample:
    """Return a bracket of a scene as the short, reference and long frame see it, taken by a random photographer.

    Each is (full, full, 3), 1.0 = the reference's white; MARGIN_PX of every border are cut off.
    """
    full = len(scene[REFERENCE])
    ev = random_ev_offsets(rng)
    careful = rng.random() < CAREFUL
    sensor = raw_sensor(rng) if careful else random_sensor(rng)
    hand_held = not careful and rng.random() < 0.7
    calibrated = careful or rng.random() < 0.3
    curve_error = random_calibration_error(rng)
    inner = slice(MARGIN_PX, full - MARGIN_PX)
    ldr, truth = [], scene[REFERENCE]
    for index, frame in enumerate(scene):
        side = index != REFERENCE
        registration = random_registration(rng, full) if side and hand_held else None
        error = NO_CALIBRATION_ERROR if calibrated or not side else with_own_gain(rng, curve_error)
        displaced = frame if registration is None else registration.displaced(frame)
        linear = error.apply(capture(rng, displaced * np.float32(2 ** ev[index]), sensor))
        ldr.append(encode_registered(linear, registration)[inner, inner])
    if hand_held and rng.random() < 0.3:
        hide_borders(rng, ldr, ev)
    return complete_bracket(rng, np.stack(ldr), ev, truth[inner, inner])


def hide_borders(rng: np.random.Generator, ldr: list[Array], ev: NDArray[np.float64]) -> None:
    """Let the side frames (H, W, 3) end before the reference does; what lies beyond repeats it, as a merge has it."""
    size = len(ldr[REFERENCE])
    for side in (0, 2):
        width_px = int(np.exp(rng.uniform(np.log(2), np.log(size / 3))))
        beyond = slice(None, width_px) if rng.random() < 0.5 else slice(-width_px, None)
        place = (beyond, slice(None)) if rng.random() < 0.5 else (slice(None), beyond)
        brighter = np.float32(2 ** (ev[side] / GAMMA))
        ldr[side][place] = np.minimum(ldr[REFERENCE][place] * brighter, np.float32(1))


def complete_bracket(rng: np.random.Generator, ldr: Array, ev: NDArray[np.float64], truth: Array) -> BracketSample:
    """Put a bracket together; now and then it has two frames, the missing side repeating the reference."""
    missing = rng.random()
    for side in (0, 2):
        if missing < 0.05 and side == (0 if missing < 0.025 else 2):
            ldr[side], ev[side] = ldr[REFERENCE], ev[REFERENCE]
    exposure = np.exp2(ev - ev.min()).astype(np.float32)
    radiance = np.clip(truth / exposure[REFERENCE], 0, 1)
    return BracketSample(ldr=ldr, exposure=exposure, radiance=radiance)


def encode_registered(linear: Array, registration: SimulatedRegistration | None) -> Array:
    """Gamma-encode a linear frame and lay it onto the reference, as registration does: (H, W, 3) in [0, 1]."""
    ldr = np.asarray(cv2.pow(linear, 1 / GAMMA), np.float32)
    return ldr if registration is None else np.minimum(registration.undone(ldr), 1)


def with_own_gain(rng: np.random.Generator, error: CalibrationError) -> CalibrationError:
    """Keep a bracket's curve error and draw another gain, as every frame has its own."""
    return CalibrationError(gain=random_calibration_error(rng).gain, slope=error.slope, wave=error.wave)


def random_scene(rng: np.random.Generator, library: ImageLibrary, size: int, painted_fraction: float) -> list[Array]:
    """Return the scene in the short, reference and long frame: three (size, size, 3), 1.0 = reference's white."""
    backgrounds = library.of_kind("panorama", "photograph")
    if not backgrounds or rng.random() < painted_fraction:
        view = painted_view(rng, size)
    else:
        view = random_view(rng, library, backgrounds[int(rng.integers(len(backgrounds)))], size)
    view = expose_by_percentile(rng, relight(rng, view))
    count = int(rng.choice(5, p=[0.12, 0.3, 0.3, 0.18, 0.1]))
    clipped = np.argwhere(view.max(axis=-1) > 1)
    layers = [random_layer(rng, library, size, clipped) for _ in range(count)]
    times = random_times(rng)
    shutters = random_shutters(rng)
    waving_px = float(np.exp(rng.uniform(np.log(0.3), np.log(4)))) if rng.random() < 0.15 else 0.0
    shake_px = rng.normal(0, 1.5, 2) if rng.random() < 0.1 else np.zeros(2)
    frames = []
    for time, shutter in zip(times, shutters, strict=True):
        frame = bend(view, waving_px, rng) if waving_px else view
        for layer in layers:  # the first lies furthest back
            frame = layer.laid_over(frame, time, shutter)
        frames.append(blur_by_motion(frame, shake_px * shutter / max(shutters[-1], 1e-3)))
    return frames


def expose_by_percentile(rng: np.random.Generator, view: Array) -> Array:
    """Scale a view so that a random percentile, 50 to 97, lies between half the reference's white and white."""
    return view * random_gain(rng, view)


def random_gain(rng: np.random.Generator, view: Array) -> np.float32:
    """Return what `expose_by_percentile` scales a view by."""
    brightest = view.max(axis=-1) if rng.random() < 0.5 else view.mean(axis=-1)
    level = float(np.percentile(brightest, rng.uniform(50, 97))) + 1e-6
    return np.float32(rng.uniform(0.5, 1.0) / level)


def random_ev_offsets(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the EVs of short, reference and long frame against the reference, even or uneven, 1 to 3 stops."""
    steps = rng.choice([1.0, 2.0, 3.0], 2, p=[0.2, 0.5, 0.3])
    if rng.random() < 0.75:
        steps[1] = steps[0]
    if rng.random() < 0.15:
        steps = rng.uniform(0.7, 3.3, 2)
    return np.array([-steps[0], 0.0, steps[1]])


def random_times(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return when short, reference and long frame were taken, in frames from the reference."""
    return random_order(rng) * rng.uniform(0.7, 1.3)


def random_order(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the places of short, reference and long frame in a burst, the reference at 0."""
    order = rng.random()
    return np.array([-1.0, 0.0, 1.0] if order < 0.4 else [1.0, 0.0, -1.0] if order < 0.6 else [1.0, 0.0, 2.0])


def random_shutters(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how much of the time from frame to frame each shutter is open; the long one's may blur."""
    longest = rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0
    return longest * np.array([1 / 16, 1 / 4, 1.0])

"""Frames of a camera that is like none of the camera model's: what its white balance and matrix do is no motion."""

import io

import cv2
import numpy as np
import pytest
from daily import daily
from PIL import Image

from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import merge_bracket

EVS = (-2.0, 0.0, 2.0)
REFERENCE, BRIGHTEST = 1, 2
HEIGHT, WIDTH = 256, 384

FROM_RGB = np.array([[0.59, 0.32, 0.09], [0.15, 0.68, 0.17], [0.04, 0.25, 0.71]], np.float32)
"""Light to sensor channels, each 1 for white; what leads back takes 0.5 of green from blue."""

RED, BLUE = 0, 2

OTHERS = 1.02
"""Gain of the channel in the frames whose balance drifted the other way."""

PASSER = (slice(70, 150), slice(60, 110))
"""Where something dark passes in the brightest frame."""


def scene():
    """Light (HEIGHT, WIDTH, 3), 1 = the reference's white: blue light, white clouds, a wall under a yellow lamp."""
    rng = np.random.default_rng(3)
    stops = sum(
        2.0**-octave * cv2.resize(rng.standard_normal((4 << octave, 6 << octave)), (WIDTH, HEIGHT), interpolation=3)
        for octave in range(5)
    )
    across = np.linspace(0, 1, WIDTH)
    colours = np.array([(0.02, 0.05, 0.5), (1.0, 1.0, 1.0), (0.8, 0.7, 0.02)])
    shares = np.array([np.clip(2 - 4 * np.abs(across - middle), 0, 1) for middle in (-0.2, 0.4, 1.1)])
    light = (shares / shares.sum(axis=0)).T @ colours
    return (light * np.exp2(stops)[..., None]).astype(np.float32)


def developed(light, gains, rng):
    """Light (H, W, 3) cut off by the sensor, then balanced, then through a matrix, an exponential curve and a JPEG."""
    channels = light @ FROM_RGB.T
    noisy = channels + 0.01 * np.sqrt(channels) * rng.standard_normal(light.shape, np.float32)
    balanced = np.clip(noisy, 0, 1) * np.array(gains, np.float32)
    linear = np.clip(balanced @ np.linalg.inv(FROM_RGB).T, 0, 1)
    display = (1 - np.exp(-2.5 * linear**0.75)) / (1 - np.exp(-2.5))
    luma = (display @ np.array([0.299, 0.587, 0.114]))[..., None]
    saturated = np.clip(luma + 1.12 * (display - luma), 0, 1)
    stream = io.BytesIO()
    Image.fromarray(np.rint(saturated * 255).astype(np.uint8)).save(stream, "JPEG", quality=93)
    return np.asarray(Image.open(stream).convert("RGB"))


def gains_for(white, channel):
    """The balance under which white ends at a code in one channel."""
    brightest, rng = np.full((16, 16, 3), 8, np.float32), np.random.default_rng(0)
    for gain in np.linspace(1.0, 0.7, 301):
        gains = np.where(np.arange(3) == channel, gain, 1.0)
        if developed(brightest, gains, rng)[8, 8, channel] <= white:
            return gains
    raise AssertionError(white)


def photographed(white, channel, coloured, *, passer):
    """The frames, the `coloured` one's white ending at a code in one channel."""
    rng, light = np.random.default_rng(1), scene()
    own, others = gains_for(white, channel), np.where(np.arange(3) == channel, OTHERS, 1.0)
    frames = []
    for index, ev in enumerate(EVS):
        seen = light * np.float32(2.0**ev)
        if passer and index == BRIGHTEST:
            seen[PASSER] = 0.2
        frames.append(developed(seen, own if index == coloured else others, rng))
    return frames


def called_moved(frames):
    """(h, w) where any frame is rejected."""
    merged = merge_bracket(bracket_of_arrays(frames, EVS, reference=REFERENCE), MergeOptions(method="classical"))
    return np.min(merged.ghosts.consistency, axis=0) < 0.5


WHITES = [
    (253, BLUE, REFERENCE), (250, RED, BRIGHTEST), (253, BLUE, BRIGHTEST), (251, BLUE, REFERENCE),
    (251, BLUE, BRIGHTEST), (249, BLUE, REFERENCE), (249, BLUE, BRIGHTEST),
]  # fmt: skip


@pytest.mark.parametrize(("white", "channel", "coloured"), daily(2, WHITES))
def test_a_balance_after_the_sensor_s_white_and_a_strong_matrix_are_no_motion(white, channel, coloured):
    assert called_moved(photographed(white, channel, coloured, passer=False)).mean() < 0.01


@pytest.mark.parametrize(("white", "channel", "coloured"), daily(1, WHITES))
def test_what_passes_there_is_found(white, channel, coloured):
    moved = called_moved(photographed(white, channel, coloured, passer=True))
    assert moved[PASSER].mean() > 0.98
    assert moved.mean() < 0.12  # it covers 0.04, and ghosts grow

"""Ghosts by structure: a border in one of two frames alone is motion, anything smooth is the camera's."""

import cv2
import numpy as np
import pytest

from hdrfuse.imaging.merging.consistency import Tolerance, in_colors_of
from hdrfuse.imaging.merging.ghosts import find_ghosts
from hdrfuse.imaging.merging.reference_estimate import ReferenceEstimate
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel

HEIGHT, WIDTH = 240, 320
NOISE = NoiseModel(shot=1e-5, read=1e-7)
RENDERED = Tolerance(relative=0.03, highlights=0.25, rendered=True, misregistration_px=0.1)
EXACT = Tolerance(relative=0.03, highlights=0.05, rendered=False, misregistration_px=0.1)


def scene() -> np.ndarray:
    """Radiance (H, W, 3) of a wall with painted squares of many colours."""
    rng = np.random.default_rng(0)
    colours = np.exp2(rng.uniform(-5, -2, (HEIGHT // 20, WIDTH // 20, 3)))
    return cv2.resize(colours, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(np.float32)


def frames(reference: np.ndarray, brighter: np.ndarray, ev: float = 1.5) -> list[CalibratedFrame]:
    rng = np.random.default_rng(1)
    taken = []
    for radiance, stops in ((reference, 0.0), (brighter, ev)):
        exposure = np.clip(radiance * 2.0**stops, 0, 1)
        noisy = exposure + rng.normal(size=exposure.shape) * np.sqrt(NOISE.variance(exposure))
        pixels = np.clip(noisy, 0, 1).astype(np.float32)
        taken.append(CalibratedFrame(pixels=pixels, lookup=None, white=1.0, ev=stops, noise=NOISE))
    return taken


def ghost(reference: np.ndarray, brighter: np.ndarray, tolerance: Tolerance = RENDERED) -> np.ndarray:
    """(H, W) where the brighter frame is rejected."""
    return find_ghosts(frames(reference, brighter), 0, [tolerance, tolerance]).consistency[1] < 0.5


def test_light_that_changes_smoothly_is_no_ghost():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    glow = 1 + 0.6 * np.exp(-((x - 200) ** 2 + (y - 120) ** 2) / (2 * 45.0**2))[..., None]
    assert ghost(scene(), scene() * glow).mean() == 0
    assert ghost(scene(), scene() * glow, EXACT).mean() > 0.1  # exact curves tell it, and nothing else may explain it


def test_borders_that_both_frames_show_may_differ_in_contrast():
    still = scene()
    assert ghost(still, still ** np.float32(1.12) * np.float32(1.3)).mean() < 0.005


@pytest.mark.parametrize("stops", [-1.0, 0.5, 1.0])
def test_a_thing_without_texture_before_a_plain_wall_is_found_whole(stops):
    wall = np.full((HEIGHT, WIDTH, 3), 0.1, np.float32)
    wall[:, :100] = scene()[:, :100]
    came = wall.copy()
    thing = np.zeros((HEIGHT, WIDTH), np.bool_)
    thing[80:170, 160:250] = True
    came[thing] *= np.float32(2.0**stops)
    found = ghost(wall, came)
    assert found[thing].mean() > 0.98
    assert found[~cv2.dilate(thing.view(np.uint8), np.ones((17, 17), np.uint8)).view(np.bool_)].mean() < 0.02


def test_a_thing_of_another_hue_is_found_though_its_brightness_is_the_walls():
    wall = np.full((HEIGHT, WIDTH, 3), 0.1, np.float32)
    wall[:, :100] = scene()[:, :100]
    came = wall.copy()
    came[80:170, 160:250] *= np.array([1.5, 0.9, 0.7], np.float32)
    assert ghost(wall, came)[80:170, 160:250].mean() > 0.98


def test_colours_that_the_reference_clips_are_not_mapped_like_those_that_it_shows():
    wall = scene()
    red = wall[..., 0] > 2 * wall[..., 1]
    darker = wall.copy()
    darker[red, 1] *= 0.65  # a camera's doing: red walls are less green in the darker picture
    for each in (wall, darker):
        each[:, 200:] = 0.8, 0.2, 0.1  # a sunset, whose red the reference clips
    frame, reference = frames(darker, wall)
    anchor, own = ReferenceEstimate.of(reference), ReferenceEstimate.of(frame)
    mapped, _ = in_colors_of(anchor, own, frame, RENDERED)
    green = mapped.radiance[..., 1] / wall[..., 1]
    assert np.median(green[:, :200][red[:, :200]]) == pytest.approx(1.0, abs=0.1)  # not 0.65
    assert np.median(green[:, 200:]) == pytest.approx(1.0, abs=0.01)

import numpy as np
import pytest

from hdrfuse.imaging.display.ghost_map import draw_ghost_map, draw_legend, mean_stops
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel

SHAPE = (60, 90)


def exposed(light, ev: float) -> CalibratedFrame:
    """A linear frame of some light (h, w, 3), which clips at 1."""
    pixels = np.clip(light * np.float32(2.0**ev), 0, 1).astype(np.float32)
    return CalibratedFrame(pixels=pixels, lookup=None, white=1.0, ev=ev, noise=NoiseModel(shot=1e-4, read=1e-6))


def bracket(light) -> list[CalibratedFrame]:
    return [exposed(light, ev) for ev in (-2.0, 0.0, 2.0)]


def still(count: int = 3, shape=SHAPE) -> Ghosts:
    return Ghosts(
        consistency=tuple(np.ones(shape, np.float32) for _ in range(count)),
        occluded_highlight_mask=np.zeros(shape, np.float32),
        highlight_estimate=np.zeros((*shape, 3), np.float32),
    )


def flat(level: float, shape=SHAPE):
    return np.full((*shape, 3), level, np.float32)


@pytest.mark.parametrize(("level", "low", "high"), [(0.05, 0.5, 1.0), (3.0, -1.0, -0.9), (9.0, -1.0, -0.9)])
def test_dark_light_comes_from_brighter_frames_and_bright_light_from_darker_ones(level, low, high):
    stops = mean_stops(flat(level), bracket(flat(level)), 1, still())
    assert low <= stops.min() <= stops.max() <= high


def test_the_reference_alone_is_neutral():
    ghosts = still()
    for index in (0, 2):
        ghosts.consistency[index][:] = 0
    assert np.abs(mean_stops(flat(0.2), bracket(flat(0.2)), 1, ghosts)).max() < 1e-3
    drawn = draw_ghost_map(flat(0.2), bracket(flat(0.2)), 1, ghosts)[: SHAPE[0]]
    assert drawn.shape == (*SHAPE, 3)


def test_darker_frames_are_blue_and_brighter_ones_amber():
    light = flat(0.02)
    light[:, SHAPE[1] // 2 :] = 3.0
    drawn = draw_ghost_map(light, bracket(light), 1, still()).astype(int)
    amber, blue = drawn[30, 10], drawn[30, 80]
    assert amber[0] > amber[2]
    assert blue[2] > blue[0]


def test_what_moved_is_red_and_what_was_filled_is_striped():
    light, ghosts = flat(0.3), still()
    ghosts.consistency[2][10:30, 10:30] = 0
    ghosts.occluded_highlight_mask[10:40, 50:80] = 1
    drawn = draw_ghost_map(light, bracket(light), 1, ghosts).astype(int)
    assert (drawn[15:25, 15:25, 0] - drawn[15:25, 15:25, 1:].max(-1) > 50).all()
    assert (drawn[50, 5, 0] - drawn[50, 5, 1:].max()) < 50
    filled = drawn[12:38, 52:78]
    assert len(np.unique(filled.reshape(-1, 3), axis=0)) == 2
    assert (filled[..., 1] < filled[..., 2]).all()


@pytest.mark.parametrize("width", [40, 96, 320, 1200, 6000])
def test_the_legend_is_as_wide_as_the_picture_and_holds_every_color(width):
    band = draw_legend(width)
    assert band.shape[1:] == (width, 3)
    assert band.shape[0] < 40 + width // 4 + 100
    for color in ((225, 40, 40), (255, 90, 230)):
        assert (band == color).all(axis=2).any()


def test_large_frames_are_drawn_small_and_enlarged():
    shape = (1500, 2000)
    light = np.full((*shape, 3), np.float32(0.1))
    small = (500, 667)
    drawn = draw_ghost_map(light, [exposed(light, ev) for ev in (0.0, 2.0)], 0, still(2, small))
    assert drawn.shape[1:] == (2000, 3)
    assert drawn.shape[0] > 1500

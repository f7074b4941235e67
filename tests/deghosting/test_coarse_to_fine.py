"""Large frames: the network sees them small, and at full size only where it would change something."""

from functools import cache

import numpy as np
import pytest

from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.deghosting import coarse_to_fine
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.merging import detection
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import MergeOptions, merge_bracket

SIZE = (384, 256)
TILE = 64


@pytest.fixture(autouse=True)
def small_frames_are_large(monkeypatch):
    monkeypatch.setattr(detection, "GHOST_PIXELS", SIZE[0] * SIZE[1] // 4)


def merged(motion, *, blend=True):
    made = procedural_bracket(2, motion=motion, size=SIZE, photon_noise=1e-6, read_noise=1e-9)
    bracket = bracket_of_arrays(made.frames, made.evs, reference=made.reference)
    return merge_bracket(bracket, MergeOptions(method="lfdiff", tile=TILE, blend=blend)), made.truth


once_merged = cache(merged)
"""The same merge for all tests that change nothing of how it is made."""


def test_what_stands_still_is_not_shown_to_the_network():
    still, _ = once_merged("static")
    moving, _ = once_merged("moving")
    network = still.report.network
    assert network.tiles < 0.1 * network.settled_tiles
    assert network.tiles < 0.3 * moving.report.network.tiles
    assert network.share < 0.02


@pytest.mark.slow
def test_what_is_not_shown_to_it_would_not_have_changed(monkeypatch):
    sparing, truth = once_merged("moving")
    assert sparing.report.network.settled_tiles > 10
    monkeypatch.setattr(coarse_to_fine, "COARSE_TO_FINE", coarse_to_fine.CoarseToFineSettings(visible=-1.0))
    thorough, _ = merged("moving")
    assert thorough.report.network.settled_tiles == 0
    assert psnr_mu(sparing.radiance / 4, thorough.radiance / 4) > 55
    assert psnr_mu(sparing.radiance / 4, truth) > psnr_mu(thorough.radiance / 4, truth) - 0.1


def test_specks_of_noise_do_not_call_the_network():
    needed = np.zeros((40, 60), np.bool_)
    needed[3:5, 7:11] = True  # eight pixels
    needed[20, 30:39] = True  # nine, a thin line
    needed[30, 50], needed[31, 51] = True, True
    kept = coarse_to_fine.large_parts(needed)
    assert kept[20, 30:39].all()
    assert kept.sum() == 9


def test_without_the_merge_the_network_sees_everything():
    alone, _ = merged("static", blend=False)
    network = alone.report.network
    assert network.settled_tiles == 0
    assert network.share == 1.0


def test_two_runs_are_the_same_to_the_byte():
    first, second = once_merged("moving")[0].radiance, merged("moving")[0].radiance
    assert np.array_equal(first, second)

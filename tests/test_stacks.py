"""Brackets of real cameras, where they are at hand: calibration explains them, and they merge."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from daily import daily
from shared_data import STACK_NAMES

from hdrfuse.benchmark.disagreement import median_disagreement, srgb_to_linear
from hdrfuse.brackets.scene import find_scene
from hdrfuse.imaging.bracket import Bracket, read_bracket
from hdrfuse.imaging.calibration.correspondences import match_histograms
from hdrfuse.imaging.calibration.fit import FIT, calibrate
from hdrfuse.pipeline import MergeOptions, merge_bracket

RESIDUAL_EV = {"iphone9": 0.2}
"""What calibration may leave beyond a curve's error: a phone's tone mapping differs from place to place."""

TELLING = {"canal-handheld", "lighthouse", "iphone9", "sony-3"}
"""One of them is merged and all are calibrated every day, the other stacks in slow runs."""

TELLING_FIRST = sorted(STACK_NAMES, key=lambda name: name not in TELLING)


@cache
def read(folder: Path) -> Bracket:
    return read_bracket(find_scene([folder]))


@pytest.fixture
def bracket(name: str, stacks: Path) -> Bracket:
    return read(stacks / name)


@pytest.mark.parametrize("name", daily(len(TELLING), TELLING_FIRST))
def test_neighbouring_frames_agree_after_calibration_where_srgb_leaves_twice_as_much(name, bracket):
    frames = bracket.frames
    matches = match_histograms([frame.encoded_samples() for frame in frames], bracket.relative_evs)
    found = calibrate(matches, len(frames), bracket.reference)
    grid = np.linspace(0.0, 1.0, found.curve.table.shape[1])

    def calibrated(encoded: np.ndarray, channel: int) -> np.ndarray:
        return np.interp(encoded, grid, found.curve.table[channel])

    evs = [frame.ev + gain for frame, gain in zip(frames, found.gains_ev, strict=True)]
    pixels = [frame.pixels for frame in frames]
    nominal = [bright.ev - dark.ev for dark, bright in pairwise(frames)]
    ours = median_disagreement(pixels, [bright - dark for dark, bright in pairwise(evs)], calibrated)
    srgb = median_disagreement(pixels, nominal, srgb_to_linear)
    assert ours is not None
    assert srgb is not None
    assert ours < RESIDUAL_EV.get(name, 0.12)
    assert srgb > 2 * ours
    assert max(map(abs, found.gains_ev)) <= FIT.largest_gain_ev


@pytest.mark.parametrize("name", daily(1, TELLING_FIRST))
def test_a_stack_merges_with_more_light_than_its_reference_holds(name, bracket):
    merged = merge_bracket(bracket, MergeOptions(method="classical"))
    assert merged.radiance.shape == bracket.frames[0].pixels.shape
    assert np.isfinite(merged.radiance).all()
    assert merged.radiance.min() >= 0
    assert merged.radiance.max() > 1.0
    assert merged.report.response.residual_ev < RESIDUAL_EV.get(name, 0.12)

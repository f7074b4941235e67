"""Where a frame is white below its highest code, and what that is worth to a merge."""

import numpy as np
import pytest
from daily import daily

from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.calibration.white_level import least_channel_whites, white_levels
from hdrfuse.metrics.tone import align_tone
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import merge_bracket

EVS = (-2.0, 0.0, 2.0)


def encoded(white=255.0, spread=0.0, motion="static", evs=EVS):
    """A scene's frames in 8 bits, white at a code, give or take a tone mapping's slow change over the picture."""
    bracket = procedural_bracket(5, motion=motion, size=(384, 256), evs=evs, encoding="linear")
    across = np.linspace(-1, 1, 384, dtype=np.float32)[None, :, None]
    frames = []
    for frame in bracket.frames:
        contrast = (frame.astype(np.float32) / 65535) ** np.float32(1 / 2.8)  # a camera's, steeper than sRGB
        frames.append(np.rint(np.clip((white + spread * across) * contrast, 0, 255)).astype(np.uint8))
    return frames, bracket


def levels(frames):
    return np.array(white_levels([frame / np.float32(255) for frame in frames])) * 255


@pytest.mark.parametrize("motion", daily(1, ["handheld-moving", "static"]))
@pytest.mark.parametrize(("white", "spread"), daily(2, [(247, 0), (230, 5), (240, 0), (215, 0)]))
def test_a_white_below_the_highest_code_is_found(white, spread, motion):
    found = levels(encoded(white, spread, motion)[0])
    assert found[0] == 255
    assert (np.abs(found[1:] - white) <= 3 + spread).all()


@pytest.mark.parametrize("evs", daily(1, [(EVS,), ((-0.66, -0.33, 0.0, 0.33, 0.66),), ((-4.0, 0.0, 4.0),)]))
def test_ordinary_frames_are_white_at_their_highest_code(evs):
    for curve in ("srgb", "gamma"):
        bracket = procedural_bracket(5, motion="handheld-moving", size=(384, 256), evs=evs, encoding=curve, bits=8)
        assert (levels(bracket.frames) == 255).all()
    assert (levels(encoded(255)[0]) == 255).all()


def test_frames_that_clip_nothing_have_no_white():
    frames, _ = encoded()
    assert (levels([np.minimum(frame, 200) for frame in frames][:1] * 3) == 255).all()
    grey = [np.full((64, 64, 3), code, np.uint8) for code in (60, 110, 190)]
    assert (levels(grey) == 255).all()


def test_a_curve_that_ends_earlier_has_its_white_there():
    curve, stops = KNOWN_CURVES["gamma"]().ending_at(0.9)
    values = curve(np.repeat([[0.0], [0.45], [0.9], [1.0]], 3, axis=1))[:, 1]
    assert values == pytest.approx([0.0, 0.5**2.2, 1.0, 1.0], abs=1e-4)
    assert stops == pytest.approx(-2.2 * np.log2(0.9), abs=1e-3)


def test_a_darker_frame_tells_what_such_a_white_hides():
    frames, bracket = encoded(235)
    merged = merge_bracket(bracket_of_arrays(frames, EVS), MergeOptions(method="classical"))
    truth = bracket.truth * np.float32(4)
    shown = (truth.max(axis=2) > 1.2) & (truth.max(axis=2) < 3)
    assert shown.mean() > 0.02
    error = np.log2(align_tone(merged.radiance, truth)[shown] / truth[shown])
    assert np.abs(error).mean() < 0.1  # white taken for a measurement: half a stop and more
    assert merged.report.ghost_fraction < 0.01


def balanced_after_white(drifts, evs=EVS):
    """A scene's frames in 8 bits, balanced by drifting gains a channel after the sensor cut light off."""
    bracket = procedural_bracket(5, motion="static", size=(384, 256), evs=evs, encoding="linear")
    frames = []
    for frame, gains in zip(bracket.frames, drifts, strict=True):
        light = frame.astype(np.float32) / 65535 * np.array(gains, np.float32)
        frames.append(np.rint(np.clip(light, 0, 1) ** np.float32(1 / 2.8) * 255).astype(np.uint8))
    return frames, bracket


DRIFTS = (1.0, 1.0, 0.99), (1.0, 1.01, 1.0), (0.99, 1.01, 0.9)


def test_a_white_that_has_a_colour_is_found_by_its_least_channel():
    frames, _ = balanced_after_white(DRIFTS)
    found = np.array(least_channel_whites([frame / np.float32(255) for frame in frames])) * 255
    assert abs(found[2] - 255 * 0.9 ** (1 / 2.8)) <= 3  # 245.6; the others reach 254 and more
    assert (levels(frames) == 255).all()


def test_a_white_that_has_a_colour_is_found_beside_light_of_the_channel_that_it_lacks():
    light = np.geomspace(0.05, 4.0, 256)[None, :, None] * np.ones((64, 1, 3))
    dark, bright = (np.rint(255 * np.clip(gain * light, 0, 1) ** (1 / 2.8)).astype(np.uint8) for gain in (0.25, 1.0))
    bright[..., 2] = np.minimum(bright[..., 2], 253)
    for frame, blue in ((dark, 0.3), (bright, 1.2)):  # more than a third is under a blue lamp, which reaches 255
        frame[:24] //= 8
        frame[:24, :, 2] = np.rint(255 * np.clip(blue * light[:24, :, 2], 0, 1) ** (1 / 2.8))
    found = np.array(least_channel_whites([frame / np.float32(255) for frame in (dark, bright)])) * 255
    assert 249 <= found[1] <= 253


def test_a_white_that_has_a_colour_is_no_motion():
    frames, _ = balanced_after_white(DRIFTS)
    merged = merge_bracket(bracket_of_arrays(frames, EVS), MergeOptions(method="classical"))
    assert merged.report.ghost_fraction < 0.01

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.data.procedural import sense
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.merging import strips
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.merge import hold_white, merge
from hdrfuse.imaging.merging.strips import enlarge_rows
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.metrics import psnr_l, psnr_mu

SIZE = (150, 200)
EVS = (-2.0, 0.0, 2.0)
NOISE = NoiseModel(shot=2e-4, read=1e-6)


def light(seed: int, *, top: float = 3.0) -> np.ndarray:
    """Smooth radiance over ten stops (H, W, 3), 1.0 = the reference's white."""
    rng = np.random.default_rng(seed)
    stops = cv2.GaussianBlur(rng.standard_normal((*SIZE, 3)).astype(np.float32), (0, 0), 12)
    stops = (stops - stops.min()) / np.ptp(stops)
    return (top * np.exp2((stops - 1) * 10)).astype(np.float32)


def taken(radiance: np.ndarray, ev: float, *, seed: int = 0, noise: NoiseModel = NOISE) -> CalibratedFrame:
    rng = np.random.default_rng([seed, round(100 * ev) + 1000])
    pixels = sense(rng, radiance * np.float32(2**ev), noise.shot, noise.read)
    return CalibratedFrame(pixels=pixels, lookup=None, white=1.0, ev=ev, noise=noise)


def bracket(radiance: np.ndarray, evs: Sequence[float] = EVS) -> list[CalibratedFrame]:
    return [taken(radiance, ev) for ev in evs]


def no_ghosts(frames: Sequence[CalibratedFrame], shape: tuple[int, int] = SIZE) -> Ghosts:
    return Ghosts(
        consistency=tuple(np.ones(shape, np.float32) for _ in frames),
        occluded_highlight_mask=np.zeros(shape, np.float32),
        highlight_estimate=np.zeros((*shape, 3), np.float32),
    )


def oracle(frames: Sequence[CalibratedFrame], radiance: np.ndarray) -> np.ndarray:
    """The mean weighted by each pixel's true variance, clipped values left out, by someone who knows the truth."""
    total, weights = np.zeros(radiance.shape), np.zeros(radiance.shape)
    for frame in frames:
        exposure = radiance.astype(np.float64) * frame.gain
        weight = frame.gain**2 / (NOISE.shot * exposure + NOISE.read) * (frame.pixels.max(axis=2) < 1)[..., None]
        total += weight * frame.pixels / frame.gain
        weights += weight
    return total / weights


@pytest.mark.parametrize("score", [psnr_l, psnr_mu])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_still_scene_is_merged_within_half_a_decibel_of_who_knows_the_truth(seed, score):
    radiance = light(seed)
    frames = bracket(radiance)
    merged, best = merge(frames, 1, no_ghosts(frames)), oracle(frames, radiance)
    white = radiance.max()
    ours, theirs = (score(each / white, radiance / white) for each in (merged, best))
    assert ours > theirs - 0.5
    alone = frames[1].pixels
    assert ours > score(alone / white, radiance / white) + 3


def test_highlights_beyond_the_references_white_come_from_the_shortest_frame():
    radiance = light(2).max(axis=2, keepdims=True).repeat(3, axis=2)
    frames = bracket(radiance)
    merged = merge(frames, 1, no_ghosts(frames))
    beyond = radiance.min(axis=2) > 1.2
    assert beyond.sum() > 100
    np.testing.assert_allclose(merged[beyond], radiance[beyond], rtol=0.15)
    assert np.median(np.abs(merged[beyond] / radiance[beyond] - 1)) < 0.02


def test_places_where_every_frame_is_clipped_are_neutral_at_the_shortest_frames_white():
    radiance = light(3)
    radiance[40:60, 50:80] = (50.0, 30.0, 8.0)
    frames = bracket(radiance)
    merged = merge(frames, 1, no_ghosts(frames))
    np.testing.assert_allclose(merged[40:60, 50:80], 4.0, rtol=0.02)


NINE = tuple(float(ev) for ev in range(-4, 5))
PATCH = (slice(40, 60), slice(50, 80))


@pytest.mark.parametrize(("rejected", "white"), [(0, 16.0), (1, 8.0), (3, 2.0), (4, 1.0)])
@pytest.mark.parametrize("exact", [False, True])
def test_what_clips_in_every_frame_that_agrees_has_the_white_of_the_darkest_of_them(rejected, white, exact):
    radiance = light(3)
    radiance[PATCH] = 30.0
    frames = [replace(frame, exact=exact) for frame in bracket(radiance, NINE)]
    ghosts = no_ghosts(frames)
    for index in range(rejected):
        frames[index].pixels[PATCH] = 0.03
        ghosts.consistency[index][PATCH] = 0.0
    np.testing.assert_allclose(merge(frames, 4, ghosts)[PATCH], white, rtol=0.02)


def test_a_clipped_rim_that_no_darker_frame_reaches_has_the_references_white():
    radiance = light(3)
    radiance[:12] = 30.0
    frames = bracket(radiance, NINE)
    reached = np.ones(SIZE, np.bool_)
    reached[:12] = False
    frames = [replace(frame, valid=reached) if frame.ev < 0 else frame for frame in frames]
    np.testing.assert_allclose(merge(frames, 4, no_ghosts(frames))[:12], 1.0, rtol=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_white_is_held_in_the_channels_that_the_reference_clips_and_nothing_else_changes(dtype):
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = np.full((*SIZE, 3), white * 0.5, dtype)
    pixels[PATCH], pixels[:20, :, 0] = white, white
    lookup = None if dtype is np.float32 else KNOWN_CURVES["srgb"]().lookup(np.dtype(dtype))
    reference = CalibratedFrame(pixels=pixels, lookup=lookup, white=float(white), ev=0.0, noise=NOISE)
    radiance = np.full((*SIZE, 3), 0.1, np.float32)
    radiance[50:] = 5.0
    expected = np.where(pixels == white, np.maximum(radiance, np.float32(1)), radiance)
    hold_white(radiance, reference, no_ghosts([reference]))
    np.testing.assert_array_equal(radiance, expected)


def test_under_a_fitted_curve_what_nears_white_is_held_at_what_it_shows():
    lookup = KNOWN_CURVES["gamma"]().lookup(np.dtype(np.uint8))
    pixels = np.full((*SIZE, 3), 245, np.uint8)
    pixels[PATCH], pixels[:10] = 250, 255
    shoulder = float(lookup[0, 250])
    reference = CalibratedFrame(pixels=pixels, lookup=lookup, white=255.0, ev=0.0, noise=NOISE, shoulder=shoulder)
    radiance = np.full((*SIZE, 3), 0.1, np.float32)
    hold_white(radiance, reference, no_ghosts([reference]))
    np.testing.assert_allclose(radiance[:10], 1.0, rtol=1e-6)
    np.testing.assert_allclose(radiance[PATCH], lookup[0, 250], rtol=1e-6)
    assert radiance[15, 0, 0] < lookup[0, 245]  # what is measured there counts, as far as it does


def test_a_lamps_hue_that_darker_frames_measure_is_not_bleached_by_what_clips_in_a_rendered_reference():
    lookup = KNOWN_CURVES["gamma"]().lookup(np.dtype(np.uint8))
    white = np.full((*SIZE, 3), 255, np.uint8)
    rendered = CalibratedFrame(pixels=white, lookup=lookup, white=255.0, ev=0.0, noise=NOISE, shoulder=0.9)
    lamp = np.full((*SIZE, 3), (3.8, 2.0, 0.6), np.float32)
    dark = np.full((*SIZE, 3), (0.6, 0.5, 0.1), np.float32)
    guessed = Ghosts(
        consistency=(lamp[..., 0],), occluded_highlight_mask=np.ones(SIZE, np.float32), highlight_estimate=lamp
    )
    for reference, ghosts, blue in (
        (rendered, no_ghosts([rendered]), 0.6),
        (rendered, guessed, 1.0),
        (replace(rendered, shoulder=1.0), no_ghosts([rendered]), 1.0),
    ):
        held = lamp.copy()
        hold_white(held, reference, ghosts)
        np.testing.assert_allclose(held, np.broadcast_to(np.float32([3.8, 2.0, blue]), lamp.shape), rtol=1e-6)
    hold_white(dark, rendered, no_ghosts([rendered]))
    np.testing.assert_array_equal(dark, 1.0)


def test_deep_frames_clip_at_their_white_alone_and_what_darker_frames_measure_below_it_stays():
    light = np.linspace(0.9, 1.2, SIZE[1], dtype=np.float32)[None, :, None].repeat(SIZE[0], axis=0).repeat(3, axis=2)
    reference = CalibratedFrame(pixels=np.minimum(light, 1), lookup=None, white=1.0, ev=0.0, noise=NOISE)
    held = light.copy()
    hold_white(held, reference, no_ghosts([reference]))
    np.testing.assert_array_equal(held, light)
    dark = np.zeros_like(light)
    hold_white(dark, reference, no_ghosts([reference]))
    assert (dark[light >= 1] == 1).all()


def test_frames_that_never_clip_have_no_white_to_hold():
    radiance = light(9)
    reference = CalibratedFrame(pixels=radiance * 40, lookup=None, white=float("inf"), ev=0.0, noise=NOISE)
    held = radiance.copy()
    hold_white(held, reference, no_ghosts([reference]))
    np.testing.assert_array_equal(held, radiance)


@given(
    levels=st.lists(st.floats(0, 1e4, width=32), min_size=3, max_size=3),
    evs=st.lists(st.integers(-8, 8), min_size=2, max_size=5, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_no_radiance_is_negative_or_not_finite_or_beyond_all_frames(levels, evs):
    shape = (6, 8)
    frames = bracket(np.broadcast_to(np.array(levels, np.float32), (*shape, 3)), sorted(evs))
    merged = merge(frames, 0, no_ghosts(frames, shape))
    assert np.isfinite(merged).all()
    radiances = [frame.pixels / frame.gain for frame in frames]
    assert (merged >= np.min(radiances, axis=0) * 0.999).all()
    assert (merged <= np.max(radiances, axis=0) * 1.001).all()


def test_the_order_of_the_frames_does_not_matter():
    frames = bracket(light(4))
    ghosts = no_ghosts(frames)
    ghosts.consistency[0][30:60] = 0.3
    turned = replace(ghosts, consistency=ghosts.consistency[::-1])
    np.testing.assert_allclose(merge(frames[::-1], 1, turned), merge(frames, 1, ghosts), rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_strips_do_not_show(rows, monkeypatch):
    frames = bracket(light(5))
    frames[0] = replace(frames[0], valid=np.indices(SIZE)[0] > 20)
    small = (SIZE[0] // 3, SIZE[1] // 3)
    ghosts = no_ghosts(frames, small)
    ghosts.consistency[2][10:20, 5:40] = 0.0
    ghosts.occluded_highlight_mask[10:30] = 0.5
    ghosts.highlight_estimate[:] = np.random.default_rng(0).random(ghosts.highlight_estimate.shape)
    expected = merge(frames, 1, ghosts)
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    np.testing.assert_allclose(merge(frames, 1, ghosts), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("rows", [5, 1000])
def test_strips_do_not_show_in_resampled_frames(rows, monkeypatch):
    """Their weights look at a pixel's neighbours, which may lie in another strip."""
    frames = bracket(light(5))
    frames[0], frames[2] = (replace(frames[index], detail_loss=0.3) for index in (0, 2))
    ghosts = no_ghosts(frames)
    expected = merge(frames, 1, ghosts)
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    np.testing.assert_allclose(merge(frames, 1, ghosts), expected, rtol=1e-5, atol=1e-7)


@given(
    small=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    factor=st.integers(1, 5),
    more=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    channels=st.booleans(),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@settings(max_examples=100, deadline=None)
def test_enlarged_rows_are_those_of_the_whole_enlarged_by_opencv(small, factor, more, channels, ends):
    plane = np.random.default_rng(0).random((*small, 3) if channels else small, dtype=np.float32)
    height, width = (extent * factor + odd for extent, odd in zip(small, more, strict=True))
    first, last = sorted(round(end * height) for end in ends)
    rows = slice(first, max(last, first + 1)) if first < height else slice(height - 1, height)
    whole = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(enlarge_rows(plane, (height, width), rows), whole[rows], atol=1e-5)


def test_a_frames_invalid_border_contributes_nothing():
    radiance = light(6)
    frames = bracket(radiance)
    valid = np.ones(SIZE, np.bool_)
    valid[:30], valid[:, -25:] = False, False
    for index in (0, 2):
        others = [frame for at, frame in enumerate(frames) if at != index]
        expected = merge(others, others.index(frames[1]), no_ghosts(others))
        nonsense = frames[index].pixels.copy()
        nonsense[~valid] = 0.3
        nonsensical = list(frames)
        nonsensical[index] = replace(frames[index], pixels=nonsense, valid=valid)
        merged = merge(nonsensical, 1, no_ghosts(frames))
        unclipped = ~valid & (frames[1].pixels.max(axis=2) < 0.8)
        np.testing.assert_allclose(merged[unclipped], expected[unclipped], rtol=1e-4)
        assert np.abs(merged[valid] / expected[valid] - 1).max() > 0.01


def test_an_inconsistent_frame_contributes_nothing_and_the_reference_speaks_where_nobody_agrees():
    radiance = light(7, top=0.7)
    frames = bracket(radiance)
    other = [frames[0], frames[1], taken(radiance * 0.5, 2.0)]
    ghosts = no_ghosts(frames)
    ghosts.consistency[2][:, :100] = 0
    merged = merge(other, 1, ghosts)
    expected = merge(frames[:2], 1, no_ghosts(frames[:2]))
    np.testing.assert_allclose(merged[:, :100], expected[:, :100], rtol=1e-5)
    nobody = replace(ghosts, consistency=(np.zeros(SIZE, np.float32),) * 3)
    np.testing.assert_allclose(merge(other, 1, nobody), np.maximum(frames[1].pixels, 0), rtol=1e-4, atol=1e-7)


def test_unknown_white_takes_the_fill_as_far_as_it_is_unknown():
    radiance = light(8, top=0.7)
    radiance[20:100, 30:90] = 3.0
    frames = bracket(radiance)
    ghosts = no_ghosts(frames)
    expected = merge(frames, 1, ghosts)
    ghosts.occluded_highlight_mask[20:50, 30:90], ghosts.occluded_highlight_mask[50:80, 30:90] = 1.0, 0.25
    ghosts.highlight_estimate[:] = (6.0, 5.0, 4.0)
    merged = merge(frames, 1, ghosts)
    np.testing.assert_allclose(merged[20:50, 30:90], ghosts.highlight_estimate[20:50, 30:90], rtol=1e-5)
    partly = 0.75 * expected[50:80, 30:90] + 0.25 * ghosts.highlight_estimate[50:80, 30:90]
    np.testing.assert_allclose(merged[50:80, 30:90], partly, rtol=1e-4)
    merged[20:80, 30:90] = expected[20:80, 30:90]
    np.testing.assert_array_equal(merged, expected)


def test_channels_that_the_reference_measures_stay_and_scale_the_fill():
    radiance = light(8, top=0.7)
    radiance[20:100, 30:90] = (2.0, 2.0, 0.4)
    frames = bracket(radiance)
    ghosts = no_ghosts(frames)
    expected = merge(frames, 1, ghosts)
    ghosts.occluded_highlight_mask[20:50, 30:90] = 1.0
    ghosts.highlight_estimate[:] = (4.0, 4.0, 0.8)
    merged = merge(frames, 1, ghosts)[25:45, 40:80]
    np.testing.assert_allclose(merged[..., 2], expected[25:45, 40:80, 2], rtol=1e-5)
    assert 2.4 < merged[..., :2].mean() < 3.6  # between half the fill and all of it


def test_unknown_places_that_the_reference_sees_stay_the_references():
    radiance = light(8, top=0.7)
    frames = bracket(radiance)
    ghosts = no_ghosts(frames)
    expected = merge(frames, 1, ghosts)
    ghosts.occluded_highlight_mask[:] = 1.0
    ghosts.highlight_estimate[:] = (5.0, 4.0, 3.0)
    np.testing.assert_allclose(merge(frames, 1, ghosts), expected, rtol=1e-5)


def test_values_that_resampling_mixed_with_clipped_ones_contribute_nothing_where_others_see():
    radiance = light(11, top=0.6)
    frames = bracket(radiance)
    contaminated = np.zeros(SIZE, np.bool_)
    contaminated[40:90] = True
    nonsense = np.where(contaminated[..., None], np.float32(0.5), frames[0].pixels)
    merged = merge(
        [replace(frames[0], pixels=nonsense, saturation_contaminated=contaminated), *frames[1:]], 1, no_ghosts(frames)
    )
    others = merge(frames[1:], 0, no_ghosts(frames[1:]))
    np.testing.assert_allclose(merged[contaminated], others[contaminated], rtol=1e-3)


@pytest.mark.parametrize("white_in_both", [False, True])
def test_values_mixed_with_clipped_ones_are_better_than_the_references_white(white_in_both):
    texture = np.random.default_rng(3).uniform(4.5 if white_in_both else 1.5, 6.0, (*SIZE, 1))
    radiance = np.repeat(texture, 3, axis=2).astype(np.float32)  # its finest detail counts as error of resampled frames
    frames = [taken(radiance, ev, noise=NoiseModel(shot=1e-7, read=1e-10)) for ev in EVS]
    everywhere = np.ones(SIZE, np.bool_)
    frames[0] = replace(frames[0], saturation_contaminated=everywhere, detail_loss=0.2)
    merged = merge(frames, 1, no_ghosts(frames))
    np.testing.assert_allclose(merged, np.minimum(radiance, 4.0), rtol=0.02)


def test_a_clipped_channel_costs_the_others_nothing_under_an_exactly_known_curve():
    radiance = light(5, top=0.2) * np.float32((40.0, 1.0, 1.0))  # red clips first
    frames = bracket(radiance)
    clipped = (frames[2].pixels[..., 0] >= 1) & (frames[2].pixels[..., 1:] < 0.9).all(axis=2)
    error = {}
    for exact in (False, True):
        merged = merge([replace(frame, exact=exact) for frame in frames], 1, no_ghosts(frames))
        error[exact] = np.mean((merged[clipped][:, 1:] / radiance[clipped][:, 1:] - 1) ** 2)
    assert clipped.mean() > 0.2
    assert error[True] < 0.6 * error[False]


def test_a_clipped_value_that_compression_darkened_is_no_measurement_above_a_fitted_curves_shoulder():
    radiance = np.full((*SIZE, 3), 2.0, np.float32)
    frames = bracket(radiance)
    frames[1].pixels[::10, ::10] = 0.93  # clipped in truth
    merged = {}
    for shoulder in (0.91, 1.0):
        frames[1] = replace(frames[1], shoulder=shoulder)
        merged[shoulder] = merge(frames, 1, no_ghosts(frames))[::10, ::10]
    np.testing.assert_allclose(merged[0.91], 2.0, rtol=0.1)
    assert merged[1.0].mean() < 1.8  # the specks that this is about


def test_scene_referred_frames_keep_values_above_one():
    radiance = light(9, top=40.0)
    frames = [
        CalibratedFrame(pixels=radiance * np.float32(2**ev), lookup=None, white=float("inf"), ev=ev, noise=NOISE)
        for ev in EVS
    ]
    np.testing.assert_allclose(merge(frames, 1, no_ghosts(frames)), radiance, rtol=1e-4)


def test_progress_rises_to_one():
    shares: list[float] = []
    frames = bracket(light(10))
    merge(frames, 1, no_ghosts(frames), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 1

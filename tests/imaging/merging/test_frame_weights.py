from dataclasses import replace

import numpy as np

from hdrfuse.deghosting.blend_statistics import merge_variance
from hdrfuse.imaging.display.ghost_map import mean_stops
from hdrfuse.imaging.merging import strips
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.merge import merge
from hdrfuse.imaging.merging.weights import WEIGHTS, WeightSettings, finest_detail, frame_weights, weighted_mean
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel

SHAPE = (30, 40)
HERE = (slice(10, 20), slice(10, 20))
NOISE = NoiseModel(shot=2e-4, read=1e-6)


def bracket(level=0.1, evs=(-2.0, 0.0, 2.0)):
    light = np.random.default_rng(0).uniform(0.8, 1.2, (*SHAPE, 3)).astype(np.float32) * np.float32(level)
    return [
        CalibratedFrame(
            pixels=np.clip(light * np.float32(2.0**ev), 0, 1), lookup=None, white=1.0, ev=ev, noise=NOISE
        )
        for ev in evs
    ]  # fmt: skip


def still(frames):
    return Ghosts(
        consistency=tuple(np.ones(SHAPE, np.float32) for _ in frames),
        occluded_highlight_mask=np.zeros(SHAPE, np.float32),
        highlight_estimate=np.zeros((*SHAPE, 3), np.float32),
    )


def weights_of(frames, ghosts=None, **keywords):
    exposures = [frame.exposure() for frame in frames]
    return frame_weights(frames, 1, ghosts or still(frames), exposures, **keywords)


def test_the_merge_is_the_mean_under_the_weights():
    frames = bracket(0.4)
    ghosts = still(frames)
    ghosts.consistency[0][HERE] = 0.3
    radiances = [frame.exposure() / np.float32(frame.gain) for frame in frames]
    expected = weighted_mean(radiances, weights_of(frames, ghosts))
    np.testing.assert_allclose(merge(frames, 1, ghosts), expected, rtol=1e-6)


def test_weights_are_the_inverse_variance_of_what_a_frame_says_of_the_radiance():
    frames = bracket(0.1)
    radiance = np.full((*SHAPE, 3), 0.1, np.float32)
    for frame, weight in zip(frames, weights_of(frames, radiance=radiance), strict=True):
        expected = frame.gain**2 / (NOISE.shot * 0.1 * frame.gain + NOISE.read)
        np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_resampled_frames_count_less_on_fine_detail_unless_that_is_left_out():
    frames = bracket(0.1)
    resampled = [replace(frame, detail_loss=0.2 * (frame.ev > 0)) for frame in frames]
    radiance = frames[1].exposure()
    whole, less = weights_of(frames, radiance=radiance), weights_of(resampled, radiance=radiance)
    np.testing.assert_array_equal(whole[1], less[1])
    np.testing.assert_allclose(1 / less[2] - 1 / whole[2], np.float32(0.2) * finest_detail(radiance), rtol=2e-3)
    without = weights_of(resampled, radiance=radiance, lost_detail=False)
    np.testing.assert_array_equal(without[2], whole[2])


def test_what_counts_where_nobody_agrees_is_a_setting():
    frames = bracket(0.1)
    ghosts = still(frames)
    for consistency in ghosts.consistency:
        consistency[HERE] = 0.0
    firm, shy = (
        weights_of(frames, ghosts, settings=WeightSettings(reference_consistency=share))[1][HERE]
        for share in (1e-2, WEIGHTS.reference_consistency)
    )
    np.testing.assert_allclose(firm, 100 * shy, rtol=1e-5)


def test_blend_and_ghost_map_believe_no_pixel_that_the_merge_does_not():
    """A brighter frame that resampling smeared white into, and one where the reference itself is white."""
    contaminated = np.zeros(SHAPE, np.bool_)
    contaminated[HERE] = True
    frames = bracket(0.02)
    frames[2] = replace(frames[2], saturation_contaminated=contaminated)
    merged = merge(frames, 1, still(frames))
    stops = mean_stops(merged, frames, 1, still(frames))
    _, reference_share = merge_variance(merged, frames, 1, still(frames))
    assert stops[0, 0] > 0.5
    assert stops[HERE].max() < 0.0
    assert reference_share[0, 0] < 0.3
    assert reference_share[HERE].min() > 0.7


def test_the_variance_of_a_merge_is_what_its_frames_noise_leaves():
    frames = bracket(0.1)
    merged = np.full((*SHAPE, 3), 0.1, np.float32)
    variance, reference_share = merge_variance(merged, frames, 1, still(frames))
    each = np.array([(NOISE.shot * 0.1 * frame.gain + NOISE.read) / frame.gain**2 for frame in frames])
    np.testing.assert_allclose(variance, 1 / np.sum(1 / each), rtol=1e-4)
    np.testing.assert_allclose(reference_share, 1 / each[1] / np.sum(1 / each), rtol=1e-4)


def test_strips_do_not_show_in_the_ghost_map(monkeypatch):
    frames = [replace(frame, detail_loss=0.3 * (frame.ev != 0)) for frame in bracket(0.1)]
    radiance = frames[1].exposure()
    expected = mean_stops(radiance, frames, 1, still(frames))
    monkeypatch.setattr(strips, "STRIP_ROWS", 7)
    np.testing.assert_allclose(mean_stops(radiance, frames, 1, still(frames)), expected, rtol=1e-5, atol=1e-6)


def test_what_resampling_lost_adds_nothing_to_the_noise_that_the_blend_expects():
    """Along edges the network errs more than its mean error says, so that the merge is not to look noisier there."""
    frames = bracket(0.1)
    resampled = [replace(frame, detail_loss=0.2 * (frame.ev != 0)) for frame in frames]
    merged = frames[1].exposure()
    for plain, lossy in zip(
        merge_variance(merged, frames, 1, still(frames)),
        merge_variance(merged, resampled, 1, still(frames)),
        strict=True,
    ):
        np.testing.assert_array_equal(plain, lossy)

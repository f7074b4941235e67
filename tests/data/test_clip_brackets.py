"""Brackets out of clips: the reference is the truth, what moves differs, what stands does not."""

import pickle

import cv2
import numpy as np
import pytest
from moving_clips import write_clip

from hdrfuse.data import clip_brackets as module
from hdrfuse.data.clip_brackets import (
    FRAMES_AN_IMAGE,
    GREATEST_SHARE,
    GREATEST_STEP,
    ClipBrackets,
    clip_scene,
    clip_share,
    moving_places,
    radiance_of,
    random_moments,
    random_window,
)
from hdrfuse.data.clips import PackedClip, open_clips, pack_clip
from hdrfuse.data.packing import Sources
from hdrfuse.imaging.color import srgb_encode

INDICES = range(24)


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    return packed(tmp_path_factory.mktemp("moving"), step_px=6)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    return packed(tmp_path_factory.mktemp("still"), step_px=0)


def packed(folder, **kwargs):
    clip = PackedClip(name="walk", frames=folder / "walk.npy")
    pack_clip(write_clip(folder / "walk.mp4", **kwargs), clip.frames)
    return clip


@pytest.fixture(scope="module")
def shared_clips(shared_data, tmp_path_factory):
    if not (shared_data / "video").is_dir():
        pytest.skip("no clips in the shared data")
    clips, skipped = open_clips(
        Sources(images=(shared_data / "video",)), tmp_path_factory.mktemp("shared"), "train"
    )  # fmt: skip
    assert [clip.name for clip in clips] == ["01_dog", "03_blocks"]
    assert skipped == ()
    return clips


def scenes(clip, size=64):
    return [np.stack(clip_scene(np.random.default_rng(index), clip.codes(), size)) for index in INDICES]


def test_the_same_seed_and_index_give_the_same_sample_and_others_another(moving):
    brackets = ClipBrackets(clips=(moving,), size=48, seed=3)
    one, again = brackets[5], ClipBrackets(clips=(moving,), size=48, seed=3)[5]
    for name in ("ldr", "exposure", "radiance"):
        assert np.array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.radiance, brackets[6].radiance)
    assert not np.array_equal(one.radiance, ClipBrackets(clips=(moving,), size=48, seed=4)[5].radiance)


def test_samples_go_to_another_process_by_the_files_path(moving):
    brackets = ClipBrackets(clips=(moving,), size=48, seed=3)
    sent = pickle.dumps(brackets)
    assert len(sent) < 2000
    assert np.array_equal(pickle.loads(sent)[2].ldr, brackets[2].ldr)


def check_range(sample, size):
    assert sample.ldr.shape == (3, size, size, 3)
    assert sample.radiance.shape == (size, size, 3)
    assert {sample.ldr.dtype, sample.radiance.dtype, sample.exposure.dtype} == {np.dtype(np.float32)}
    for values in (sample.ldr, sample.radiance):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1
    assert sample.exposure.min() == 1
    assert (np.diff(sample.exposure) >= 0).all()


def test_samples_are_what_training_takes_also_where_they_are_larger_than_the_clip(moving):
    for size in (48, 128):
        for index in range(6):
            check_range(ClipBrackets(clips=(moving,), size=size, seed=1)[index], size)


def closeness(sample, number):
    """How many stops a frame is off the truth, where it shows it: the mean, so that what moves counts."""
    ldr = sample.ldr[number]
    shown = (ldr > 0.3) & (ldr < 0.95) & (sample.radiance > 1e-4)
    linear = ldr**2.2 / sample.exposure[number]
    return np.abs(np.log2(linear[shown] / sample.radiance[shown])).mean() if shown.any() else np.nan


def check_that_the_truth_is_the_reference(clips):
    brackets = ClipBrackets(clips=clips, size=96, seed=2)
    off = np.array([[closeness(brackets[index], number) for number in range(3)] for index in range(40)])
    short, reference, long = np.nanmedian(off, axis=0)
    assert reference < 0.05
    assert min(short, long) > 3 * reference


def test_the_truth_is_the_middle_frame(moving):
    check_that_the_truth_is_the_reference((moving,))


def test_the_truth_is_the_middle_frame_of_real_clips_too(shared_clips):
    check_that_the_truth_is_the_reference(shared_clips)


def moved_share(scene):
    """Share of the pixels that differ from the reference by a seventh."""
    difference = np.abs(scene[[0, 2]] - scene[1]) / np.maximum(scene[1], 0.05)
    return (difference.max(axis=(0, -1)) > 0.15).mean()


def test_frames_differ_where_the_square_walks_and_there_alone(moving):
    shares = [moved_share(scene) for scene in scenes(moving)]
    assert np.mean([share > 0.02 for share in shares]) > 0.75
    assert np.median(shares) < 0.8


def test_frames_of_a_clip_that_stands_are_the_same(still):
    shares = [moved_share(scene) for scene in scenes(still)]
    assert np.median(shares) < 0.005
    assert np.mean(shares) < 0.02  # what the encoder makes better after its first frame


def test_frames_of_equal_codes_are_equal_so_rounding_is_undone_for_all_three_alike():
    frame = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    codes = np.broadcast_to(frame, (5, *frame.shape))
    for index in INDICES:
        scene = clip_scene(np.random.default_rng(index), codes, 48)
        assert np.array_equal(scene[0], scene[1])
        assert np.array_equal(scene[2], scene[1])


def test_frames_are_one_to_six_apart_in_or_against_time_within_the_clip():
    moments = np.array([random_moments(np.random.default_rng(seed), 40) for seed in range(600)])
    gaps = np.diff(np.sort(moments, axis=1), axis=1)
    assert set(gaps.ravel()) == set(range(1, GREATEST_STEP + 1))
    assert moments.min() == 0
    assert moments.max() == 39
    short, reference, long = moments.T
    assert {tuple(np.argsort(each)) for each in moments} == {(0, 1, 2), (2, 1, 0), (1, 0, 2)}
    assert np.mean((short < reference) & (reference < long)) == pytest.approx(0.4, abs=0.06)


def test_a_clip_of_three_frames_gives_all_of_them():
    for seed in range(20):
        assert sorted(random_moments(np.random.default_rng(seed), 3)) == [0, 1, 2]


def test_codes_are_decoded_within_their_rounding():
    codes = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (3, 256, 64, 3))
    linear = radiance_of(np.random.default_rng(0), codes, 0.0)
    encoded = srgb_encode(linear) * 255
    off = encoded - codes
    assert np.abs(off).max() <= 0.51
    assert np.std(off[:, 5:]) == pytest.approx(12**-0.5, rel=0.05)
    assert linear.min() >= 0


@pytest.mark.parametrize("stops", [0.0, 1.0, 2.0])
def test_the_clips_white_lies_so_many_stops_above_and_its_shadows_stay(stops):
    codes = np.full((3, 64, 64, 3), 255, np.uint8)
    white = radiance_of(np.random.default_rng(0), codes, stops)
    assert np.log2(np.median(white)) == pytest.approx(stops, abs=0.03)
    codes[:] = 40
    shadow = radiance_of(np.random.default_rng(0), codes, stops)
    assert np.median(shadow) == pytest.approx(float(radiance_of(np.random.default_rng(0), codes, 0.0).mean()), rel=0.03)


def test_the_reference_clips_light_that_the_truth_holds(shared_clips):
    clipped = []
    for index in range(60):
        sample = ClipBrackets(clips=shared_clips, size=64, seed=0)[index]
        white = 1 / sample.exposure[1]
        clipped.append(((sample.ldr[1] > 0.995) & (sample.radiance > 1.2 * white)).any(axis=-1).mean())
    assert np.mean(np.array(clipped) > 0.01) > 0.4


def test_most_windows_lie_over_what_moves():
    frames = np.zeros((3, 180, 320, 3), np.uint8)
    frames[2, 40:64, 250:274] = 200
    windows = [random_window(np.random.default_rng(seed), frames, 48) for seed in range(200)]
    assert 0.75 < np.mean([window.max() > 0 for window in windows]) < 0.98
    assert all(window.shape[1] == window.shape[2] for window in windows)


def test_noise_is_no_motion():
    frames = np.random.default_rng(0).integers(100, 104, (3, 80, 80, 3)).astype(np.uint8)
    assert len(moving_places(frames)) == 0
    frames[0, 40:56, 24:40] += 60
    places = moving_places(frames)
    assert set(map(tuple, places)) == {(y, x) for y in (40, 48) for x in (24, 32)}


def test_clips_count_by_their_length_up_to_a_bound(moving, monkeypatch):
    assert clip_share((), 10) == 0
    assert clip_share((moving,), 20) == pytest.approx(24 / FRAMES_AN_IMAGE / (20 + 24 / FRAMES_AN_IMAGE))
    assert clip_share((moving,), 1) == GREATEST_SHARE
    monkeypatch.setattr(module, "FRAMES_AN_IMAGE", 12)
    assert clip_share((moving,), 20) == pytest.approx(2 / 22)


def test_a_step_between_frames_is_seen_in_the_clip(moving):
    """The square walks 3 packed pixels a frame: what the test above calls motion is no noise of the encoder."""
    codes = moving.codes().astype(int)
    difference = np.abs(codes[4] - codes[0]).max(axis=-1) > 40
    assert 100 < difference.sum() < 1500
    assert not np.abs(cv2.blur((codes[4] - codes[0]).astype(np.float32), (5, 5)))[:20].max() > 12

import cv2
import numpy as np
import pytest

from hdrfuse.data.procedural import (
    ENCODINGS,
    ProceduralBracket,
    contrast_curve,
    handheld_homography,
    procedural_bracket,
    sense,
)
from hdrfuse.errors import UsageError
from hdrfuse.imaging.color import srgb_decode

SIZE = (320, 240)


def small(seed=1, **options) -> ProceduralBracket:
    return procedural_bracket(seed, **{"motion": "static", "size": SIZE} | options)


def silent(seed=1, **options) -> ProceduralBracket:
    return small(seed, photon_noise=0.0, read_noise=0.0, **options)


def linear(bracket: ProceduralBracket, index: int) -> np.ndarray:
    """Undo gamma 2.2 and the exposure: radiance in the truth's unit."""
    frame = (bracket.frames[index] / 65535.0) ** 2.2
    return frame / 2 ** (bracket.evs[index] - bracket.evs[0])


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not():
    one, two, other = small(motion="handheld-moving"), small(motion="handheld-moving"), small(2)
    assert all(np.array_equal(a, b) for a, b in zip(one.frames, two.frames, strict=True))
    assert np.array_equal(one.truth, two.truth)
    assert np.array_equal(one.moving, two.moving)
    assert not np.array_equal(one.frames[0], other.frames[0])


def test_frames_truth_and_mask_have_the_shapes_and_types_promised():
    bracket = small(motion="moving")
    assert len(bracket.frames) == len(bracket.evs) == len(bracket.homographies) == 3
    assert all(frame.shape == (240, 320, 3) and frame.dtype == np.uint16 for frame in bracket.frames)
    assert bracket.truth.shape == (240, 320, 3)
    assert bracket.truth.dtype == np.float32
    assert bracket.truth.min() >= 0
    assert bracket.truth.max() <= 1
    assert bracket.moving.shape == (240, 320)
    assert small(bits=8).frames[0].dtype == np.uint8


@pytest.mark.parametrize("evs", [(-2.0, 0.0), (-2.0, 0.0, 2.0), (-3.0, 1.0, 2.0, 2.5), (-4.0, -2.0, 0.0, 2.0, 4.0)])
def test_every_frame_is_the_truth_at_its_exposure(evs):
    bracket = silent(evs=evs)
    for i, frame in enumerate(bracket.frames):
        exposure = np.clip(bracket.truth * 2 ** (evs[i] - evs[0]), 0, 1)
        np.testing.assert_allclose(frame / 65535, exposure ** (1 / 2.2), atol=1e-4)


def test_the_middle_frame_is_the_reference_and_of_two_the_darker():
    assert small().reference == 1
    assert small(evs=(-2.0, 0.0)).reference == 0
    assert small(evs=(-3.0, -1.0, 1.0, 3.0)).reference == 1


def test_outside_the_mask_a_moving_scene_is_the_still_one_and_inside_it_is_not():
    for seed in (0, 1, 2):
        moving, still = silent(seed, motion="moving"), silent(seed, motion="static")
        assert 0 < moving.moving.mean() < 0.5
        assert not still.moving.any()
        for i in range(3):
            np.testing.assert_allclose(linear(moving, i)[~moving.moving], linear(still, i)[~moving.moving], atol=5e-3)
        assert np.array_equal(moving.frames[1], still.frames[1])
        assert np.abs(linear(moving, 0) - linear(still, 0))[moving.moving].max() > 0.01


def test_homographies_take_the_reference_to_each_frame():
    bracket = silent(5, motion="handheld")
    for i in (0, 2):
        shot = np.minimum(linear(bracket, i), 0.06).astype(np.float32)  # where no frame clips
        truth = np.minimum(bracket.truth, 0.06)
        back = cv2.warpPerspective(
            shot,
            bracket.homographies[i],
            SIZE,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderValue=(-1, -1, -1),
        )
        seen = cv2.erode((back.min(-1) > -0.5).astype(np.uint8), np.ones((9, 9))) > 0
        # Interpolation costs the finest detail; what is a little coarser has to fit.
        truth, back, shot = (cv2.GaussianBlur(x, (0, 0), 1.2) for x in (truth, back, shot))
        assert np.abs(back - truth)[seen].mean() < 0.25 * np.abs(shot - truth)[seen].mean()


def test_only_the_hand_moves_the_camera():
    for motion in ("static", "moving"):
        assert all(np.array_equal(h, np.eye(3)) for h in small(motion=motion).homographies)
    bracket = small(motion="handheld-moving")
    assert np.array_equal(bracket.homographies[1], np.eye(3))
    assert not np.array_equal(bracket.homographies[0], bracket.homographies[2])


@pytest.mark.parametrize("size", [(1024, 768), (768, 1024), (6000, 4000), (160, 120)])
def test_a_hand_moves_the_frame_visibly_and_never_beyond_the_scene(size):
    rng = np.random.default_rng(0)
    scale = max(size) / 1024
    corners = np.array([[[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]]], np.float64)
    for _ in range(200):
        moved = np.abs(cv2.perspectiveTransform(corners, handheld_homography(rng, size)) - corners)
        assert 2 * scale < moved.max() < 60 * scale


@pytest.mark.slow
def test_a_typical_reference_clips_in_3_to_12_percent_and_the_shortest_hardly():
    brackets = [small(seed, motion="moving") for seed in range(12)]
    reference = [(b.frames[1].max(-1) == 65535).mean() for b in brackets]
    shortest = [(b.frames[0].max(-1) == 65535).mean() for b in brackets]
    assert 0.03 < np.median(reference) < 0.12
    assert max(reference) < 0.25
    assert np.median(shortest) < 0.02


def test_scenes_have_shadows_near_the_noise_floor():
    darkest = [np.quantile(small(seed).truth, 0.001) for seed in range(6)]
    assert np.median(darkest) < 2e-3


def test_noise_has_the_variances_asked_for():
    rng = np.random.default_rng(0)
    for level in (0.001, 0.1, 0.8):
        noisy = sense(rng, np.full((200, 200, 3), level, np.float32), photon_noise=2e-4, read_noise=1e-8)
        assert noisy.var() == pytest.approx(2e-4 * level + 1e-8, rel=0.05)
        assert noisy.mean() == pytest.approx(level, rel=0.01)


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_rise_from_black_to_white(name):
    exposure = np.linspace(0, 1, 1000, dtype=np.float32)
    encoded = ENCODINGS[name](exposure)
    assert encoded[0] == pytest.approx(0, abs=1e-6)
    assert encoded[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(encoded) > 0).all()


def test_the_contrast_curve_makes_two_stops_look_like_two_and_a_half_to_an_srgb_reader():
    exposure = np.geomspace(0.01, 0.2, 50).astype(np.float32)
    pair = srgb_decode(contrast_curve(4 * exposure)) / srgb_decode(contrast_curve(exposure))
    assert 2.4 < np.median(np.log2(pair)) < 3.1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"motion": "walking"}, "walking"),
        ({"encoding": "log"}, "log"),
        ({"bits": 12}, "12 bits"),
        ({"size": (8, 600)}, "8x600"),
        ({"evs": (0.0,)}, "rising"),
        ({"evs": (0.0, 0.0, 2.0)}, "rising"),
        ({"evs": (0.0, float("nan"))}, "rising"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(wrong, said):
    with pytest.raises(UsageError, match=said):
        small(**wrong)

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from daily import daily

from hdrfuse.imaging.registration.guesses import peaks_by_turn, phase_peaks
from hdrfuse.imaging.registration.homography import frame_grid, project
from hdrfuse.imaging.registration.matching import Pair
from hdrfuse.imaging.registration.register import Registration, register
from hdrfuse.imaging.registration.view import MatchingView, working_scale
from hdrfuse.imaging.registration.warping import resampling_loss, warp

HEIGHT, WIDTH = 480, 640
MARGIN = 160


def texture(rng, height: int, width: int, contrast: float) -> np.ndarray:
    """Log radiance in stops: noise of every scale and hard-edged patches."""
    plane = np.zeros((height, width), np.float32)
    for size in (2, 4, 8, 16, 32, 64, 128):
        coarse = rng.standard_normal((height // size + 3, width // size + 3)).astype(np.float32)
        whole = cv2.resize(coarse, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
        plane += whole[:height, :width] * size**0.5
    plane /= plane.std()
    for _ in range(80):
        corner = rng.integers(0, (width, height))
        side = rng.integers(10, 120, 2)
        plane[corner[1] : corner[1] + side[1], corner[0] : corner[0] + side[0]] += rng.uniform(-1, 1)
    return plane * np.float32(contrast)


def hand(rng, *, shift_px: float = 12, degrees: float = 0.5) -> np.ndarray:
    turn = np.deg2rad(rng.uniform(0.7, 1) * degrees * rng.choice([-1, 1]))
    x, y = rng.uniform(-shift_px, shift_px, 2)
    centre = np.array([[1, 0, -WIDTH / 2], [0, 1, -HEIGHT / 2], [0, 0, 1]])
    move = np.array([[np.cos(turn), -np.sin(turn), x], [np.sin(turn), np.cos(turn), y], [0, 0, 1]])
    move[2, :2] = rng.uniform(-5e-6, 5e-6, 2)
    matrix = np.linalg.inv(centre) @ move @ centre
    return matrix / matrix[2, 2]


def photograph(rng, scene: np.ndarray, matrix: np.ndarray, ev: float, *, bend: float = 0.05) -> np.ndarray:
    """An 8-bit photo of a scene of log radiance, linearised by a curve that is not quite the camera's."""
    to_scene = np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1]]) @ np.linalg.inv(matrix)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    exposure = np.exp2(cv2.warpPerspective(scene, to_scene, (WIDTH, HEIGHT), flags=flags) + ev)
    exposure = exposure + rng.standard_normal(exposure.shape) * np.sqrt(exposure * 1e-4 + 1e-7)
    code = np.round(np.clip(exposure, 0, 1) ** (1 / 2.2) * 255) / 255
    return (code ** (2.2 * (1 + rng.uniform(-bend, bend)))).astype(np.float32)


def backdrop(rng, contrast: float = 1.0, range_stops: float = 3.0) -> np.ndarray:
    scene = cv2.GaussianBlur(texture(rng, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN, contrast), (0, 0), 0.6)
    return scene - np.float32(2.5) + np.linspace(-0.65, 0.35, scene.shape[1], dtype=np.float32) * range_stops


def error_px(found: Registration, truth: np.ndarray, height: int = HEIGHT, width: int = WIDTH) -> float:
    """Root mean square over a grid that holds the frame's corners."""
    grid = frame_grid(height, width)
    return float(np.sqrt(((project(found.matrix, grid) - project(truth, grid)) ** 2).sum(axis=1).mean()))


def bracket(seed: int, evs: Sequence[float], *, range_stops: float = 3.0, **how: float) -> tuple[list, list]:
    rng = np.random.default_rng(seed)
    scene = backdrop(rng, range_stops=range_stops)
    truths = [np.eye(3) if ev == 0 else hand(rng, **how) for ev in evs]
    return [photograph(rng, scene, t, ev) for t, ev in zip(truths, evs, strict=True)], truths


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hand_held_frames_are_registered_within_a_tenth_of_a_pixel(seed):
    frames, truths = bracket(seed, (-2, 0, 2))
    for found, truth in zip(register(frames, (-2, 0, 2), 1), truths, strict=True):
        assert found.warning is None
        assert error_px(found, truth) < 0.1


@pytest.mark.parametrize(("height", "width"), [(200, 300), (233, 350)])
def test_a_small_frame_with_a_clipped_sky_is_registered(height, width):
    frames, truths = bracket(7, (-2, 0, 2), shift_px=6)
    small = [frame[:height, :width].copy() for frame in frames]
    for frame in small[1:]:
        frame[: height // 3] = 1.0
    for found, truth in zip(register(small, (-2, 0, 2), 1), truths, strict=True):
        assert found.warning is None
        assert error_px(found, truth, height, width) < 0.3


@pytest.mark.parametrize(("height", "width"), [(64, 96), (80, 120), (133, 200)])
def test_a_very_small_frame_is_registered(height, width):
    frames, truths = bracket(7, (-2, 0, 2), shift_px=3)
    small = [frame[:height, :width].copy() for frame in frames]
    for found, truth in zip(register(small, (-2, 0, 2), 1), truths, strict=True):
        assert found.warning is None
        assert error_px(found, truth, height, width) < 0.3


def test_a_very_small_frame_that_lies_still_stays_to_the_bit():
    rng = np.random.default_rng(5)
    scene = backdrop(rng)
    small = [photograph(rng, scene, np.eye(3), ev)[:80, :120].copy() for ev in (-2, 0, 2)]
    assert [found.model for found in register(small, (-2, 0, 2), 1)] == ["identity"] * 3


def test_a_turn_of_three_degrees_is_found():
    frames, truths = bracket(4, (-2, 0, 2), shift_px=20, degrees=3)
    for found, truth in zip(register(frames, (-2, 0, 2), 1), truths, strict=True):
        assert error_px(found, truth) < 0.1


@pytest.mark.parametrize("degrees", [-0.7, 0.6])
def test_a_turned_frame_is_guessed_closer_by_trying_turns(degrees):
    rng = np.random.default_rng(3)
    scene = backdrop(rng)
    truth = hand(rng, degrees=0)
    middle = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    truth = np.vstack([cv2.getRotationMatrix2D(middle, degrees, 1.0), [0, 0, 1]]) @ truth
    still, turned = (MatchingView(photograph(rng, scene, matrix, -1.0)).fine for matrix in (np.eye(3), truth))
    pair = Pair(still, turned, -1.0, -1.0)
    grid = frame_grid(HEIGHT, WIDTH)

    def nearest_px(guesses) -> float:
        return min(float(np.hypot(*(project(guess, grid) - project(truth, grid)).T).mean()) for guess in guesses)

    assert nearest_px(peaks_by_turn(pair)) < 1.0
    assert nearest_px(peaks_by_turn(pair)) < 0.5 * nearest_px(phase_peaks(pair))


def test_frames_four_stops_apart_are_registered():
    frames, truths = bracket(5, (-4, 0))
    found = register(frames, (-4, 0), 1)[0]
    assert found.warning is None
    assert error_px(found, truths[0]) < 0.2


def test_frames_eight_stops_apart_are_registered_by_way_of_those_in_between():
    evs = (-4, -2, 0, 2, 4)
    frames, truths = bracket(6, evs, range_stops=9)
    found = register(frames, evs, 0)
    truths = [truth @ np.linalg.inv(truths[0]) for truth in truths]
    assert [f.warning for f in found] == [None] * 5
    assert max(error_px(f, t) for f, t in zip(found, truths, strict=True)) < 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tripod_bracket_lies_exactly_still(seed):
    rng = np.random.default_rng(seed)
    scene = backdrop(rng)
    frames = [photograph(rng, scene, np.eye(3), ev) for ev in (-2, 0, 2)]
    for found in register(frames, (-2, 0, 2), 1):
        assert found.model == "identity"
        assert found.warning is None
        assert (found.matrix == np.eye(3)).all()


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("seed", daily(1, [1, 2, 3]))
def test_a_large_striking_object_does_not_take_the_registration_with_it(seed, still):
    rng = np.random.default_rng(seed)
    scene = backdrop(rng, contrast=0.25)
    side = np.array([0.6 * HEIGHT, 0.6 * WIDTH]).astype(int)  # 36 % of the frame
    poster = texture(rng, *side, 1.0) - 2.5
    frames, truths = [], []
    for step, ev in enumerate((-2, 0, 2)):
        moved = scene.copy()
        top, left = MARGIN + 90, MARGIN + 130 + 60 * (step - 1)
        moved[top : top + side[0], left : left + side[1]] = poster
        truths.append(np.eye(3) if still or ev == 0 else hand(rng))
        frames.append(photograph(rng, moved, truths[-1], ev))
    for found, truth in zip(register(frames, (-2, 0, 2), 1), truths, strict=True):
        assert found.warning is None
        assert error_px(found, truth) < (1e-9 if still else 0.35)


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_frame_without_features_stays_with_a_warning(level):
    frames, _truths = bracket(7, (0, 2))
    found = register([frames[0], np.full_like(frames[0], level)], (0, 2), 0)
    assert found[0].warning is None
    assert found[1].model == "identity"
    assert found[1].warning


def test_a_frame_of_another_scene_stays_with_a_warning():
    frames = [bracket(8, (0,))[0][0], bracket(9, (0,))[0][0]]
    found = register(frames, (0, 1), 0)[1]
    assert (found.matrix == np.eye(3)).all()
    assert found.warning


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (40, 60), (100, 130)])
def test_tiny_frames_do_not_crash(size):
    rng = np.random.default_rng(0)
    frames = [rng.random(size, dtype=np.float32) * 0.5] * 2
    assert all((found.matrix == np.eye(3)).all() for found in register(frames, (0, 1), 0))


def test_the_same_bracket_gives_the_same_bytes():
    frames, _truths = bracket(10, (-2, 0, 2), degrees=2)
    first, second = (register(frames, (-2, 0, 2), 1) for _ in range(2))
    assert [f.matrix.tobytes() for f in first] == [s.matrix.tobytes() for s in second]


def test_a_large_frame_is_registered_in_its_own_coordinates():
    (reference, moved), truths = bracket(11, (0, 1))
    factor = 4
    size = (WIDTH * factor, HEIGHT * factor)
    assert working_scale(size[1], size[0]) < 1
    large = [cv2.resize(f, size, interpolation=cv2.INTER_CUBIC).clip(0, 1) for f in (reference, moved)]
    found = register(large, (0, 1), 0)[1]
    up = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
    truth = up @ truths[1] @ np.linalg.inv(up)
    assert error_px(found, truth, size[1], size[0]) < 0.3
    small = register([reference, moved], (0, 1), 0)[1].enlarged(HEIGHT, WIDTH, to=(size[1], size[0]))
    assert error_px(small, truth, size[1], size[0]) < 0.3


def shifted(x: float, y: float) -> Registration:
    matrix = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    return Registration(matrix=matrix, model="translation", inliers=9, residual_px=0, shift_px=np.hypot(x, y))


STILL = Registration(matrix=np.eye(3), model="identity", inliers=9, residual_px=0, shift_px=0)


def smooth_picture(dtype, low: float, high: float) -> np.ndarray:
    noise = np.random.default_rng(0).random((120, 160, 3)).astype(np.float32)
    plane = cv2.GaussianBlur(noise, (0, 0), 3)
    plane = (plane - plane.min()) / (plane.max() - plane.min())
    return (low + plane * (high - low)).astype(dtype)


def test_a_still_frame_is_returned_bit_for_bit():
    picture = smooth_picture(np.uint8, 0, 255)
    still = warp(picture, STILL)
    assert still.pixels is picture
    assert still.valid.all()
    assert not still.saturation_contaminated.any()


def test_a_round_trip_returns_the_picture_where_it_holds_data():
    picture = smooth_picture(np.float32, 0.1, 0.9)
    there = warp(picture, shifted(3.4, -2.3)).pixels
    back = warp(there, shifted(-3.4, 2.3))
    inner = back.valid.copy()
    inner[:8], inner[-8:], inner[:, :8], inner[:, -8:] = False, False, False, False
    assert np.abs(back.pixels - picture)[inner].max() < 0.01


def test_the_mask_is_false_where_the_kernel_leaves_the_frame():
    valid = warp(smooth_picture(np.uint16, 0, 60000), shifted(10, -5)).valid
    assert valid.shape == (120, 160)
    assert not valid[:7].any()  # five rows without data, two that the kernel needs
    assert not valid[:, -12:].any()
    assert valid[7:118, :148].all() == valid[7:118, 2:148].all()


def test_eight_bits_become_sixteen_and_floats_stay_floats():
    eight = warp(smooth_picture(np.uint8, 0, 200), shifted(0.5, 0.5)).pixels
    assert eight.dtype == np.uint16
    assert len(np.unique(eight)) > 256
    assert warp(smooth_picture(np.float32, 0, 0.9), shifted(0.5, 0.5)).pixels.dtype == np.float32


def test_what_leans_on_a_clipped_value_is_told_and_nothing_leaves_the_range():
    picture = np.full((40, 40, 3), 0.2, np.float32)
    picture[:, 20:] = 1.0
    warped = warp(picture, shifted(0.3, 0))
    assert warped.pixels.min() >= 0
    assert warped.pixels.max() == 1.0
    mixed = (warped.pixels[..., 0] > 0.25) & (warped.pixels[..., 0] < 0.99)
    assert mixed.any()
    assert warped.saturation_contaminated[mixed].all()
    assert not warped.saturation_contaminated[:, :15].any()
    assert not warped.saturation_contaminated[:, 25:].any()  # white all over


def test_a_channel_that_clips_alone_spoils_only_its_edge():
    picture = np.full((40, 40, 3), 0.2, np.float32)
    picture[:, 20:, 0] = 1.0
    saturation_contaminated = warp(picture, shifted(0.3, 0)).saturation_contaminated
    assert saturation_contaminated[:, 19:22].any()
    assert not saturation_contaminated[:, :15].any()
    assert not saturation_contaminated[:, 25:].any()


def test_scene_referred_floats_may_exceed_one():
    picture = smooth_picture(np.float32, 0.5, 20)
    assert warp(picture, shifted(0.5, 0), white=np.inf).pixels.max() > 15


def test_the_resampling_loss_is_what_white_noise_loses():
    assert resampling_loss(STILL, (120, 160)).detail_loss == 0
    noise = (np.random.default_rng(1).standard_normal((300, 300, 3)) * 0.02 + 0.5).astype(np.float32)
    for x, y in ((0.5, 0.5), (0.25, 0.1)):
        warped = warp(noise, shifted(x, y))
        loss = resampling_loss(shifted(x, y), (300, 300))
        assert warped.pixels[warped.valid].var() / noise.var() == pytest.approx(loss.noise_gain, rel=0.02)
        assert loss.detail_loss > 0.05


@pytest.mark.parametrize("number", [float, np.float64])
def test_exposures_may_be_numpys_numbers(number):
    plane = cv2.resize(np.random.default_rng(0).random((60, 90), np.float32), (360, 240)) * np.float32(0.2) + 0.02
    moved = np.roll(plane, 3, axis=1) * np.float32(4)
    found = register([plane.astype(np.float32), moved.astype(np.float32)], [number(0.0), number(2.0)], 0)
    assert found[1].warning is None
    assert found[1].shift_px == pytest.approx(3.0, abs=0.1)

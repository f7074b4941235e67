from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from hdrfuse.data.procedural import sense
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.color import srgb_encode
from hdrfuse.imaging.merging.consistency import Tolerance
from hdrfuse.imaging.merging.ghosts import Ghosts, find_ghosts
from hdrfuse.imaging.merging.merge import merge
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel, estimate_noise

HEIGHT, WIDTH = 240, 320
EVS = (-2.0, 0.0, 2.0)
NOISE = NoiseModel(shot=1e-4, read=1e-6)
STILL = Tolerance(relative=0.02, highlights=0.05, rendered=False, misregistration_px=0.1)
HELD = Tolerance(relative=0.02, highlights=0.05, rendered=False, misregistration_px=0.25)


def fractal(seed: int, height: int, width: int) -> np.ndarray:
    """Noise of every scale (height, width), mean 0, standard deviation 1."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((height, width), np.float32)
    for size in (2, 4, 8, 16, 32, 64):
        coarse = rng.standard_normal((height // size + 3, width // size + 3)).astype(np.float32)
        whole = cv2.resize(coarse, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
        plane += whole[:height, :width] * size**0.5
    return (plane - plane.mean()) / plane.std()


@cache
def wall(seed: int) -> np.ndarray:
    """Textured radiance (H, W, 3) that the reference exposes well, and that no frame clips much."""
    stops = 0.5 * fractal(seed, HEIGHT, WIDTH)[..., None] + 0.2 * np.stack(
        [fractal(seed + 50 + c, HEIGHT, WIDTH) for c in range(3)], axis=2
    )
    return np.minimum(0.09 * np.exp2(stops), 0.22).astype(np.float32)


def taken(radiance: np.ndarray, ev: float, *, seed: int = 0, **changes: object) -> CalibratedFrame:
    pixels = sense(np.random.default_rng([seed, int(ev + 10)]), radiance * np.float32(2**ev), NOISE.shot, NOISE.read)
    return CalibratedFrame(pixels=pixels, lookup=None, white=1.0, ev=ev, noise=NOISE, **changes)


def shifted(radiance: np.ndarray, x: float, y: float) -> np.ndarray:
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(radiance, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def found_in(scenes: list[np.ndarray], tolerance: Tolerance = STILL) -> tuple[Ghosts, np.ndarray]:
    """Ghosts and the merged picture of what a camera on a tripod saw, one scene a frame."""
    frames = [taken(scene, ev) for scene, ev in zip(scenes, EVS, strict=True)]
    ghosts = find_ghosts(frames, 1, [tolerance] * 3)
    return ghosts, merge(frames, 1, ghosts)


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) > 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_still_scene_has_next_to_no_ghosts(seed):
    ghosts, _merged = found_in([wall(seed)] * 3)
    assert ghosts.fraction < 0.005
    assert (ghosts.occluded_highlight_mask == 0).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_in_the_dark_is_no_ghost(seed):
    scene = np.full((HEIGHT, WIDTH, 3), 0.002, np.float32)
    frames = [taken(scene, ev, seed=seed) for ev in EVS]
    assert find_ghosts(frames, 1, [STILL] * 3).fraction < 0.005


def test_a_wide_faint_change_is_a_ghost():
    """A shadow that takes a fifth of the light off a smooth wall."""
    smooth = np.full((HEIGHT, WIDTH, 3), 0.12, np.float32)
    shaded = smooth.copy()
    shaded[60:160, 80:200] *= 0.8
    ghosts, _merged = found_in([shaded, smooth, smooth])
    flagged = ghosts.consistency[0] < 0.5
    assert flagged[65:155, 85:195].mean() > 0.95
    assert flagged[~grown(shaded[..., 0] < 0.11, 12)].mean() < 0.005
    assert (ghosts.consistency[2] < 0.5).mean() < 0.005


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_hand_held_scene_has_next_to_no_ghosts_with_what_registration_leaves(seed):
    rng = np.random.default_rng(seed)
    dark, bright = (shifted(wall(seed), *rng.normal(0, 0.25 / 2**0.5, 2)) for _ in range(2))
    ghosts, _merged = found_in([dark, wall(seed), bright], HELD)
    assert ghosts.fraction < 0.005


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_moved_by_a_few_pixels_leaves_no_second_outline(seed):
    """A light figure before a dark wall, three pixels further in the darker frame, both with their texture."""
    outline = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(outline, (150, 120), (50, 80), 20, 0, 360, 1.0, -1)
    light = 0.16 * np.exp2(0.2 * fractal(seed + 20, HEIGHT, WIDTH))
    here, there = (
        0.1 * wall(seed) * (1 - plane)[..., None] + (light * plane)[..., None]
        for plane in (outline, shifted(outline, 3.0, 0))
    )
    ghosts, merged = found_in([there, here, here], replace(STILL, relative=0.06, rendered=True))
    changed = np.abs(there - here).max(axis=2) > 0.08
    assert (ghosts.consistency[0] < 0.5)[changed].mean() > 0.99
    np.testing.assert_allclose(merged[changed], here[changed], rtol=0.2, atol=0.004)


def test_a_still_scene_with_clipped_windows_has_next_to_no_ghosts():
    scene = wall(3).copy()
    scene[40:120, 60:200] = 0.5 + 2.5 * np.linspace(0, 1, 140, dtype=np.float32)[:, None]
    ghosts, merged = found_in([scene] * 3)
    assert ghosts.fraction < 0.005
    np.testing.assert_allclose(merged[45:115, 65:195], scene[45:115, 65:195], rtol=0.15)


def square(frame: int, *, brightness: float, seed: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """The wall with a textured square that moves on from frame to frame -> scene and where it is."""
    scene = wall(4).copy()
    left = 40 + 70 * frame
    texture = brightness * np.exp2(0.5 * fractal(seed, 90, 60))[..., None]
    scene[70:160, left : left + 60] = np.minimum(texture, 0.23)
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[70:160, left : left + 60] = True
    return scene, mask


@pytest.mark.parametrize("brightness", [0.03, 0.09, 0.2])
def test_a_moving_square_is_flagged_where_frames_differ_and_the_background_is_not(brightness):
    scenes, masks = zip(*(square(frame, brightness=brightness) for frame in range(3)), strict=True)
    ghosts, _merged = found_in(list(scenes))
    for index in (0, 2):
        flagged = ghosts.consistency[index] < 0.5
        differs = np.abs(np.log2(scenes[index] / scenes[1])).max(axis=2) > 0.4
        assert differs.sum() > 3000
        assert flagged[differs].mean() > 0.95
        background = ~grown(masks[1] | masks[index], 12)
        assert flagged[background].mean() < 0.005
    assert (ghosts.consistency[1] == 1).all()


@pytest.mark.parametrize("brightness", [0.03, 0.09, 0.2])
def test_a_moving_square_is_merged_where_the_reference_saw_it_and_nowhere_else(brightness):
    scenes, _masks = zip(*(square(frame, brightness=brightness) for frame in range(3)), strict=True)
    _ghosts, merged = found_in(list(scenes))
    error = np.abs(np.log2(np.maximum(merged, 1e-4) / scenes[1])).max(axis=2)
    assert np.quantile(error, 0.99) < 0.25
    assert np.median(error) < 0.05


def test_a_frame_is_not_flagged_where_it_has_no_data():
    nonsense = wall(5).copy()
    nonsense[:, 250:] = 0.01
    valid = np.ones((HEIGHT, WIDTH), np.bool_)
    valid[:, 245:] = False
    frames = [taken(nonsense, -2.0, valid=valid), taken(wall(5), 0.0), taken(wall(5), 2.0)]
    ghosts = find_ghosts(frames, 1, [HELD] * 3)
    assert (ghosts.consistency[0] < 0.5).mean() < 0.005
    without = find_ghosts([taken(nonsense, -2.0), *frames[1:]], 1, [HELD] * 3)
    assert (without.consistency[0][:, 255:] < 0.5).mean() > 0.9


WINDOW = (slice(40, 200), slice(60, 260))


def window() -> np.ndarray:
    """A dark room with a window three times the reference's white, brighter to the right."""
    scene = wall(6).copy()
    scene[WINDOW] = (2.2 + 1.2 * np.linspace(0, 1, 200, dtype=np.float32))[:, None]
    return scene


def test_what_passes_before_a_clipped_window_is_replaced_by_the_window():
    """The short frame, the only one that could tell, shows a dark thing there; the reference shows the window."""
    passed = window()
    hidden = (slice(90, 150), slice(120, 180))
    passed[hidden] = 0.1
    ghosts, merged = found_in([passed, window(), window()])
    assert ghosts.occluded_highlight_mask[hidden].mean() > 0.95
    error = np.log2(merged[hidden] / window()[hidden])
    assert np.abs(error).max() < 0.3
    assert merged[hidden].min() > 0.95  # the reference's white is the least that it can be
    elsewhere = ~grown(np.abs(passed - window()).max(axis=2) > 0, 14)
    assert (ghosts.occluded_highlight_mask[elsewhere] < 0.5).all()


def test_a_window_that_the_reference_clips_is_never_darker_than_its_white():
    """A thing that enters from the side, half over the room, half over the window."""
    passed = window()
    passed[100:180, 20:140] = 0.05
    _ghosts, merged = found_in([passed, window(), window()])
    inside = np.zeros((HEIGHT, WIDTH), np.bool_)
    inside[45:195, 65:255] = True
    assert merged[inside].min() > 0.9
    room = (slice(110, 170), slice(25, 50))
    np.testing.assert_allclose(cv2.blur(merged, (5, 5))[room], cv2.blur(window(), (5, 5))[room], rtol=0.15)


def hue(radiance: np.ndarray) -> np.ndarray:
    """Green and blue as shares of red."""
    return radiance[..., 1:] / radiance[..., :1]


def test_a_red_thing_that_clips_in_one_channel_keeps_its_hue_where_it_moved():
    red = np.array([1.6, 0.25, 0.12], np.float32)
    scenes = []
    for frame in range(3):
        scene = wall(7).copy()
        left = 30 + 90 * frame
        scene[80:150, left : left + 70] = red
        scenes.append(scene)
    _ghosts, merged = found_in(scenes)
    inside = merged[88:142, 128:182]
    np.testing.assert_allclose(inside[..., 1:], np.broadcast_to(red[1:], inside[..., 1:].shape), rtol=0.25)
    assert inside[..., 0].min() > 0.9
    assert inside[..., 0].max() < 4.0


def test_a_still_red_thing_that_clips_in_one_channel_is_merged_with_its_hue():
    red = np.array([1.6, 0.25, 0.12], np.float32)
    scene = wall(8).copy()
    scene[80:150, 100:200] = red
    _ghosts, merged = found_in([scene] * 3)
    inside = merged[85:145, 105:195]
    np.testing.assert_allclose(hue(inside).mean(axis=(0, 1)), hue(red), rtol=0.03)


@pytest.mark.parametrize(("blue_of_the_lamp", "is_a_ghost"), [(0.4, False), (0.01, True)])
def test_what_a_clipped_lamp_leaves_in_the_channel_beside_it_is_no_ghost(blue_of_the_lamp, is_a_ghost):
    lamp = slice(60, 180), slice(80, 240)
    red = 2.5 * np.exp2(0.4 * fractal(3, HEIGHT, WIDTH))[lamp]
    short = np.minimum(4 * slide(9), 0.9)
    short[lamp] = np.stack([red, 0.8 * red, np.full_like(red, blue_of_the_lamp)], axis=2)
    reference = short.copy()
    reference[lamp][..., 2] = np.minimum(0.4 + 0.12 * (red - 1), 0.9)  # a colour matrix adds what red, cut off, lacks
    frames = [taken(short, -2.0), taken(reference, 0.0)]
    ghosts = find_ghosts(frames, 1, [replace(STILL, rendered=True)] * 2)
    assert (ghosts.consistency[0][lamp].mean() < 0.5) == is_a_ghost


def test_the_same_frames_give_the_same_ghosts():
    scenes = [square(frame, brightness=0.03)[0] for frame in range(3)]
    (first, _), (second, _) = found_in(scenes), found_in(scenes)
    for one, other in zip(first.consistency, second.consistency, strict=True):
        assert one.tobytes() == other.tobytes()
    assert first.highlight_estimate.tobytes() == second.highlight_estimate.tobytes()


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (17, 4)])
def test_tiny_frames_do_not_crash(shape):
    frames = [taken(np.full((*shape, 3), 0.2, np.float32), ev) for ev in EVS]
    ghosts = find_ghosts(frames, 1, [STILL] * 3)
    assert [each.shape for each in (*ghosts.consistency, ghosts.occluded_highlight_mask)] == [shape] * 4
    assert ghosts.fraction == 0


def test_spoiled_pixels_beside_a_hidden_highlight_say_nothing_of_it():
    scene = wall(3).copy()
    scene[60:180, 80:240] = 3.0
    before = scene.copy()
    hidden = (slice(90, 150), slice(130, 190))
    before[hidden] = 0.05
    frames = [taken(before, -2.0), taken(scene, 0.0), taken(scene, 2.0)]
    contaminated = np.zeros((HEIGHT, WIDTH), np.bool_)
    contaminated[70:170, 110:210] = True
    contaminated[hidden] = False
    frames[0] = CalibratedFrame(
        pixels=np.where(contaminated[..., None], np.float32(0.3), frames[0].pixels), lookup=None, white=1.0,
        ev=-2.0,
        noise=NOISE, saturation_contaminated=contaminated,
    )  # fmt: skip
    ghosts = find_ghosts(frames, 1, [STILL] * 3)
    assert ghosts.occluded_highlight_mask[100:140, 140:180].min() > 0.9
    np.testing.assert_allclose(ghosts.highlight_estimate[100:140, 140:180], 3.0, rtol=0.05)


def scanned(radiance: np.ndarray, ev: float, grain_px: float, codes: float) -> CalibratedFrame:
    """What eight bits hold of a slide: grain of so many codes, soft over so many pixels."""
    grain = np.random.default_rng([7, int(ev + 10)]).standard_normal(radiance.shape).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), grain_px)
    encoded = 255 * srgb_encode(np.clip(radiance * 2.0**ev, 0, 1)) + codes * grain / grain.std()
    pixels = np.clip(np.rint(encoded), 0, 255).astype(np.uint8)
    srgb = KNOWN_CURVES["srgb"]()
    noise = estimate_noise(pixels, srgb, 255.0)
    return CalibratedFrame(
        pixels=pixels, lookup=srgb.lookup(np.dtype(np.uint8)), white=255.0, ev=ev, noise=noise, exact=True
    )


def slide(seed: int) -> np.ndarray:
    """Radiance over eight stops (H, W, 3), some of it beyond the reference's white."""
    return (0.06 * np.exp2(1.3 * fractal(seed, HEIGHT, WIDTH)))[..., None] * np.float32((1.0, 0.8, 0.6))


@pytest.mark.parametrize(("grain_px", "codes"), [(0.7, 5.0), (1.5, 3.0), (3.0, 2.0), (2.5, 4.0)])
def test_soft_grain_is_no_ghost(grain_px, codes):
    frames = [scanned(slide(11), ev, grain_px, codes) for ev in (-4.0, -2.0, 0.0, 2.0, 4.0)]
    assert find_ghosts(frames, 2, [STILL] * 5).fraction < 0.03


@pytest.mark.parametrize("brightness", [0.004, 0.3])
def test_what_moves_in_soft_grain_is_a_ghost(brightness):
    scenes, masks = [], []
    for frame in range(3):
        scene = slide(12)
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        mask[70:160, 40 + 70 * frame : 100 + 70 * frame] = True
        scene[mask] = brightness
        scenes.append(scene)
        masks.append(mask)
    frames = [scanned(scene, ev, 2.0, 3.0) for scene, ev in zip(scenes, (-2.0, 0.0, 2.0), strict=True)]
    ghosts = find_ghosts(frames, 1, [STILL] * 3)
    for index in (0, 2):
        seen = [np.clip(scenes[at] * frames[index].gain, 1e-3, 0.9) for at in (1, index)]
        differs = np.abs(np.log2(seen[0] / seen[1])).min(axis=2) > 1.0
        assert differs.sum() > 2000
        assert (ghosts.consistency[index] < 0.5)[differs].mean() > 0.95
        assert (ghosts.consistency[index] < 0.5)[~grown(masks[1] | masks[index], 14)].mean() < 0.02


@pytest.mark.parametrize("quality", [75, 95])
def test_what_compression_leaves_beside_white_is_no_ghost(quality):
    scene = slide(13)
    scene[60:130, 90:200] *= 20
    frames = []
    for ev in (-2.0, 0.0, 2.0, 4.0):
        taken = scanned(scene, ev, 1.0, 0.5)
        encoded = cv2.imencode(".jpg", taken.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        frames.append(replace(taken, pixels=cv2.imdecode(encoded, cv2.IMREAD_COLOR)))
    assert find_ghosts(frames, 1, [STILL] * 4).fraction < 0.02


def test_what_a_frame_shows_that_may_lie_anywhere_is_not_taken_for_noise():
    still = wall(3)
    scenes = [still, still, shifted(still, 3.0, 2.0)]
    frames = [taken(scene, ev) for scene, ev in zip(scenes, EVS, strict=True)]

    def agreeing(placed: bool) -> float:
        return float(np.mean(find_ghosts(frames, 1, [STILL, STILL, replace(STILL, placed=placed)]).consistency[2]))

    assert agreeing(placed=False) < agreeing(placed=True) - 0.1

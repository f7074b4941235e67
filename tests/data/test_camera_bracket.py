"""Brackets of camera files: metered, the same for the same seed, and true to the files."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hdrfuse.data.camera_model.bracket import LEAST_GAIN_EV, METERED, MOST_GAIN_EV, camera_bracket, metered
from hdrfuse.data.camera_model.camera import Camera, random_camera
from hdrfuse.data.camera_model.picture_style import PictureStyle
from hdrfuse.data.collage import WHITE, Collage
from hdrfuse.data.procedural import ProceduralScene
from hdrfuse.imaging.color import luminance

SIZE = (144, 96)
MARGIN_PX = 8


def made(brightness: float, seed: int = 1) -> Collage:
    """A collage without movers, all of it between a fifth and the whole of the reference's white times a brightness."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0.2, 1.0, (8, 12, 3)).astype(np.float32) * np.float32(brightness * WHITE)
    width, height = (2 * (extent + 2 * MARGIN_PX) for extent in SIZE)
    backdrop = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    scene = ProceduralScene(backdrop=backdrop, margin_px=MARGIN_PX, movers=())
    return Collage(name="drawn", stage_lit=False, scene=scene, size=SIZE, seed=seed)


def plain_camera(style: PictureStyle) -> Camera:
    """A camera with nearly no noise and glare, whose curve is a power."""
    camera = random_camera(np.random.default_rng(3), "test")
    sensor = replace(camera.sensor, full_well_e=1e9, read_noise_e=0.1, glare=0.0)
    return replace(
        camera, sensor=sensor, style=style, curve=np.sqrt, white_balance_drift=0.0,
        flicker_ev=0.0, highlight_stops=0.0, quality=98, subsampling="4:4:4",
    )  # fmt: skip


def smooth_scene(darkest: float, brightest: float) -> np.ndarray:
    coarse = np.random.default_rng(0).uniform(darkest, brightest, (6, 9, 3)).astype(np.float32)
    return cv2.resize(coarse, SIZE, interpolation=cv2.INTER_LINEAR)


def shown(camera: Camera, exposure: np.ndarray) -> np.ndarray:
    """What a noiseless frame of an exposure shows, its curve taken off."""
    raw = camera.sensor.expose(np.random.default_rng(0), exposure)
    return (camera.develop(raw, camera.balance(np.random.default_rng(0))) / 255.0) ** 2


@pytest.mark.parametrize("brightness", [0.1, 0.5, 0.9])
def test_dark_and_pale_scenes_are_metered_alike(brightness: float) -> None:
    rescaled = metered(np.random.default_rng(0), made(brightness))
    light = luminance(rescaled.scene.seen(SIZE, np.eye(3), 0.0)[0]) / WHITE
    assert 0.97 * METERED[0] < np.minimum(light, 1).mean() < 1.03 * METERED[1]


def test_metering_has_its_limits() -> None:
    before = made(1e-3)
    after = metered(np.random.default_rng(0), before)
    gain_ev = np.log2(after.scene.backdrop.max() / before.scene.backdrop.max())
    assert LEAST_GAIN_EV < gain_ev <= MOST_GAIN_EV
    assert gain_ev == pytest.approx(MOST_GAIN_EV, abs=0.1)


@pytest.mark.parametrize("saturation", [0.9, 1.0, 1.12])
def test_the_truth_is_what_an_unclipped_frame_shows_without_its_curve(saturation: float) -> None:
    camera = plain_camera(PictureStyle(saturation=saturation))
    radiance = smooth_scene(0.02, 0.2)
    truth = camera.truth(radiance, 0.25)
    for exposure in (1.0, 4.0):
        difference = np.abs(shown(camera, radiance * exposure) / exposure - truth)[8:-8, 8:-8]
        assert difference.mean() < 0.001
    assert (np.abs(truth - radiance).mean() > 0.002) == (saturation != 1.0)


def test_the_truth_ends_where_the_shortest_frame_does() -> None:
    camera = plain_camera(PictureStyle())
    blue = np.broadcast_to(np.array([0.5, 0.9, 6.0], np.float32), (*SIZE[::-1], 3))
    truth = camera.truth(blue.copy(), 0.25)
    np.testing.assert_allclose(truth[40, 60], shown(camera, blue)[40, 60], atol=0.01)
    assert truth.max() <= 1.0


def test_the_truth_has_the_references_local_tones() -> None:
    camera = plain_camera(PictureStyle(compression=0.3))
    radiance = np.concatenate([np.full((96, 72, 3), 0.004), np.full((96, 72, 3), 0.2)], axis=1).astype(np.float32)
    truth = camera.truth(radiance, 0.25)
    np.testing.assert_allclose(shown(camera, radiance * 4)[48, 10] / 4, truth[48, 10], rtol=0.08)
    np.testing.assert_allclose(shown(camera, radiance * 4)[48, 130] / 4, truth[48, 130], rtol=0.08)
    assert truth[48, 10, 1] / radiance[48, 10, 1] > 2 * truth[48, 130, 1] / radiance[48, 130, 1]


def test_equal_seeds_give_equal_brackets_and_every_split_a_camera_of_its_own() -> None:
    first, second = (camera_bracket(made(0.5), motion="static", split="test") for _ in range(2))
    assert first.files == second.files
    np.testing.assert_array_equal(first.bracket.truth, second.bracket.truth)
    drawn = {camera_bracket(made(0.5), motion="static", split=split).camera.sensor.full_well_e
             for split in ("train", "validation", "test")}  # fmt: skip
    assert len(drawn) == 3


def test_frames_are_the_files_and_their_exposures_those_that_exif_names() -> None:
    taken = camera_bracket(made(0.5), motion="handheld", split="validation")
    decoded = cv2.imdecode(np.frombuffer(taken.files[1], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(decoded.astype(int) - taken.bracket.frames[1]).mean() < 1
    steps = np.diff(taken.bracket.evs)
    assert np.abs(steps - 2).max() < 1 / 6
    assert taken.bracket.evs[taken.bracket.reference] == 0.0

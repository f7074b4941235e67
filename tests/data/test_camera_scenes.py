"""Camera scenes: made once, the same for the same images, and a truth that the calibrated frames show."""

import cv2
import numpy as np
import pytest

from hdrfuse.data.camera_scenes import camera_sample, open_camera_scenes
from hdrfuse.data.library import ImageLibrary, pack
from hdrfuse.data.patches import ScenePatches
from hdrfuse.errors import OutputError

SIZE = (160, 128)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    rng = np.random.default_rng(0)
    coarse = np.exp(rng.normal(0, 1, (24, 32, 1)) + rng.normal(0, 0.2, (24, 32, 3))).astype(np.float32)
    folder = tmp_path_factory.mktemp("library")
    pack([("street", "photograph", cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_LINEAR))], folder)
    return ImageLibrary(folder)


@pytest.fixture(scope="module")
def sample(library):
    return camera_sample(library, 1, SIZE)


def test_the_same_seed_gives_the_same_sample_and_another_seed_another_camera(library, sample):
    again, other = camera_sample(library, 1, SIZE), camera_sample(library, 2, SIZE)
    for name in ("ldr", "exposure", "radiance"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(again, name))
    assert np.abs(sample.ldr - other.ldr).mean() > 0.01


def test_a_sample_is_what_the_network_takes(sample):
    assert sample.ldr.shape == (3, SIZE[1], SIZE[0], 3)
    assert sample.ldr.min() >= 0
    assert sample.ldr.max() <= 1
    np.testing.assert_allclose(np.log2(sample.exposure), [0, 2, 4], atol=0.5)
    assert sample.radiance.min() >= 0
    assert sample.radiance.max() <= 1


def test_the_truth_has_the_tones_of_the_calibrated_reference(sample):
    own = sample.ldr[1] ** 2.2 / sample.exposure[1]
    shown = (sample.ldr[1] > 0.3) & (sample.ldr[1] < 0.85)
    stops = np.log2(own[shown] / sample.radiance[shown])
    assert np.abs(np.median(stops)) < 0.05
    assert np.median(np.abs(stops)) < 0.15


def test_scenes_are_made_once_and_an_interrupted_call_goes_on(library, tmp_path):
    made, later = [], []
    first = open_camera_scenes(library, tmp_path, count=1, size=SIZE, report=made.append)
    both = open_camera_scenes(library, tmp_path, count=2, size=SIZE, report=later.append)
    assert made == ["camera scene 1 of 1"]
    assert later == ["camera scene 2 of 2"]
    assert both[0] == first[0]


def test_scenes_hold_the_samples(library, sample, tmp_path):
    scenes = open_camera_scenes(library, tmp_path, count=2, size=SIZE)
    crop = ScenePatches(scenes=scenes[1:], size=128, stride=128)[0]
    np.testing.assert_allclose(crop.exposure, sample.exposure, rtol=1e-6)
    assert crop.radiance.mean() == pytest.approx(sample.radiance[:, :128].mean(), rel=1e-5)
    assert crop.ldr.mean() == pytest.approx(sample.ldr[:, :, :128].mean(), abs=1e-4)


@pytest.mark.slow
def test_scenes_of_other_images_are_made_anew(library, tmp_path):
    open_camera_scenes(library, tmp_path, count=1, size=SIZE)
    other = ImageLibrary(library.folder)
    other.images = [*other.images, *other.images]
    made = []
    open_camera_scenes(other, tmp_path, count=1, size=SIZE, report=made.append)
    assert made


def test_a_folder_that_cannot_be_made_is_named(library, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        open_camera_scenes(library, tmp_path / "file", count=1, size=SIZE)

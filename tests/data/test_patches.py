from types import SimpleNamespace

import numpy as np
import pytest

from hdrfuse.data.patches import ScenePatches, pack_scenes, turned
from hdrfuse.errors import BadInputError


def scene(name, height, width):
    rng = np.random.default_rng(len(name))
    radiance = rng.random((height, width, 3), np.float32)
    ldr = np.stack([np.clip(radiance * t, 0, 1) ** (1 / 2.2) for t in (1, 4, 16)]).astype(np.float32)
    return SimpleNamespace(name=name, ldr=ldr, ev=np.array([-2.0, 0.0, 2.0]), radiance=radiance)


@pytest.fixture
def patches(tmp_path):
    pack_scenes([scene("beach", 50, 70), scene("cat", 40, 33)], tmp_path)
    return ScenePatches(tmp_path, size=32, stride=16, seed=4)


def test_every_full_window_is_a_crop(patches):
    assert len(patches.windows) == 2 * 3 + 1 * 1


def test_a_frame_of_1000_by_1500_has_308_crops_at_the_published_size(tmp_path):
    np.save(tmp_path / "a.radiance.npy", np.zeros((1000, 1500, 1), np.uint8))
    (tmp_path / "scenes.json").write_text('{"a": [-2, 0, 2]}')
    assert len(ScenePatches(tmp_path).windows) == 308


def test_an_epoch_holds_every_window_once_and_the_next_in_another_order(patches):
    def means(epoch):
        count = len(patches.windows)
        return [round(float(patches[epoch * count + k].radiance.mean()), 6) for k in range(count)]

    assert len(set(means(0))) == len(patches.windows)
    assert sorted(means(0)) == sorted(means(1))
    assert means(0) != means(1)


def test_frames_and_truth_are_turned_together(patches):
    for index in range(20):
        crop = patches[index]
        assert crop.ldr.shape == (3, 32, 32, 3)
        np.testing.assert_allclose(crop.ldr[0] ** 2.2, crop.radiance, atol=1e-4)
        assert crop.exposure.tolist() == [1, 4, 16]


def test_a_crop_is_the_same_every_time(patches):
    assert np.array_equal(patches[11].ldr, patches[11].ldr)


def test_turning_covers_the_eight_ways_to_lay_a_square():
    square = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    ways = {turned(square, q, mirrored=m).tobytes() for q in range(4) for m in (False, True)}
    assert len(ways) == 8


def test_scenes_that_are_missing_or_too_small_are_named(tmp_path):
    with pytest.raises(BadInputError, match=r"scenes\.json"):
        ScenePatches(tmp_path)
    pack_scenes([scene("dot", 8, 8)], tmp_path)
    with pytest.raises(BadInputError, match="128 x 128"):
        ScenePatches(tmp_path)

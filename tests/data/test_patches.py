import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import public_sets
import pytest

from hdrfuse.data.patches import PackedScene, ScenePatches, open_patches, turn
from hdrfuse.errors import BadInputError, BracketError, OutputError
from hdrfuse.training.feed import batches

SCENES = ["a", "b", "c", "d"]


@pytest.fixture
def source(tmp_path):
    public_sets.write_set(tmp_path / "tel", "tel", split="Training", scenes=SCENES, size=(50, 70))
    return tmp_path / "tel"


@pytest.fixture
def patches(source, tmp_path):
    return open_patches("tel", source, tmp_path / "cache", size=32, stride=16, seed=4)


def means(patches, epoch=0):
    count = len(patches.windows)
    return [round(float(patches[epoch * count + k].radiance.mean()), 6) for k in range(count)]


def test_every_full_window_is_a_crop(patches):
    assert len(patches.windows) == 4 * 2 * 3


def test_the_published_set_has_308_crops_a_scene_and_22792_in_all(tmp_path):
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (1000, 1500, 1))
    scene = PackedScene(name="a", evs=(-2, 0, 2), frames=tmp_path / "none", radiance=tmp_path / "a.npy")
    assert len(ScenePatches(scenes=(scene,)).windows) == 308
    assert len(ScenePatches(scenes=(scene,) * 74).windows) == 22_792


def test_an_epoch_holds_every_window_once_and_the_next_in_another_order(patches):
    assert len(set(means(patches))) == len(patches.windows)
    assert sorted(means(patches)) == sorted(means(patches, epoch=1))
    assert means(patches) != means(patches, epoch=1)


@pytest.mark.parametrize("name", public_sets.LAYOUTS)
def test_crops_are_windows_of_what_the_files_hold(tmp_path, name):
    written = public_sets.write_set(tmp_path, name, split="Training", size=(20, 20))
    patches = open_patches(name, tmp_path, tmp_path / "cache", size=16, stride=4)
    windows = {
        turn(
            np.concatenate([scene.ldr, scene.radiance[None]])[:, top : top + 16, left : left + 16], q, mirrored=m
        ).tobytes()
        for scene in written.values()
        for top in (0, 4)
        for left in (0, 4)
        for q in range(4)
        for m in (False, True)
    }
    for index in range(2 * len(patches.windows)):
        crop = patches[index]
        assert np.concatenate([crop.ldr, crop.radiance[None]]).tobytes() in windows
        assert crop.exposure.tolist() == [1, 4, 16]


def test_a_crop_is_the_same_every_time_and_another_with_another_seed(patches, source, tmp_path):
    again = pickle.loads(pickle.dumps(open_patches("tel", source, tmp_path / "new", size=32, stride=16, seed=4)))
    for index in (0, 11, 1_000_000):
        assert np.array_equal(patches[index].ldr, again[index].ldr)
    assert means(patches) != means(replace(patches, seed=5))


def test_the_truth_is_clipped_to_white_in_training(source, tmp_path):
    bright = np.full((50, 70, 3), 4, np.float32)
    cv2.imwrite(str(source / "Training" / "a" / "HDRImg.hdr"), bright)
    patches = open_patches("tel", source, tmp_path / "cache", size=50, stride=50)
    assert max(float(patches[index].radiance.max()) for index in range(4)) == 1


def test_turning_covers_the_eight_ways_to_lay_a_square():
    square = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    ways = {turn(square, q, mirrored=m).tobytes() for q in range(4) for m in (False, True)}
    assert len(ways) == 8


def test_a_loader_feeds_them_to_training(patches):
    first = next(batches(patches, first_step=0, batch=6, rank=0, ranks=1, workers=0))
    assert first.ldr.shape == (6, 3, 3, 32, 32)
    assert first.radiance.shape == (6, 3, 32, 32)
    assert np.array_equal(first.radiance[3].permute(1, 2, 0).numpy(), patches[3].radiance)


def test_a_scene_is_decoded_once_and_again_when_its_files_change(source, tmp_path):
    decoded = []
    for _ in range(2):
        open_patches("tel", source, tmp_path / "cache", size=32, report=decoded.append)
    assert decoded == SCENES
    written = public_sets.write_scene(source, *public_sets.tel("Training", "c"), seed=99, size=(50, 70))
    patches = open_patches("tel", source, tmp_path / "cache", size=32, stride=16, report=decoded.append)
    assert decoded == [*SCENES, "c"]
    assert np.array_equal(np.load(patches.scenes[2].radiance), written.radiance)


def test_other_exposures_need_no_new_decoding(source, tmp_path):
    decoded = []
    open_patches("tel", source, tmp_path / "cache", size=50, report=decoded.append)
    for scene in SCENES:
        (source / "Training" / scene / "exposure.txt").write_text("0\n3\n6")
    patches = open_patches("tel", source, tmp_path / "cache", size=50, report=decoded.append)
    assert patches[0].exposure.tolist() == [1, 8, 64]
    assert decoded == SCENES


def test_an_interrupted_packing_goes_on_where_it_stopped(source, tmp_path):
    decoded = []

    def interrupt(scene):
        decoded.append(scene)
        if scene == "c":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_patches("tel", source, tmp_path / "cache", size=32, report=interrupt)
    open_patches("tel", source, tmp_path / "cache", size=32, report=decoded.append)
    assert decoded == ["a", "b", "c", "c", "d"]


def test_several_may_pack_at_once(source, tmp_path):
    def first_crop(_):
        return open_patches("tel", source, tmp_path / "cache", size=32)[0].ldr

    with ThreadPoolExecutor(4) as pool:
        crops = list(pool.map(first_crop, range(4)))
    assert all(np.array_equal(crop, crops[0]) for crop in crops)
    assert len(list((tmp_path / "cache").rglob("*.*"))) == 2 * len(SCENES)


@pytest.mark.parametrize("damaged", ["input_1.tif", "HDRImg.hdr"])
def test_a_truncated_picture_leaves_its_scene_out_and_is_told(source, tmp_path, damaged):
    path = source / "Training" / "b" / damaged
    public_sets.truncate(path)
    patches = open_patches("tel", source, tmp_path / "cache", size=32, stride=16)
    assert [scene.name for scene in patches.scenes] == ["a", "c", "d"]
    assert len(patches.windows) == 3 * 2 * 3
    (line,) = patches.skipped
    assert line.startswith(f"scene b left out: {path}: ")
    public_sets.write_scene(source, *public_sets.tel("Training", "b"), size=(50, 70))
    assert open_patches("tel", source, tmp_path / "cache", size=32).skipped == ()


def test_a_set_of_which_nothing_can_be_read_is_an_error(source, tmp_path):
    for scene in SCENES:
        public_sets.truncate(source / "Training" / scene / "input_1.tif")
    with pytest.raises(BadInputError, match=r"none of 4 scenes can be read; the first: scene a left out: .*input_1"):
        open_patches("tel", source, tmp_path / "cache")


def test_a_missing_file_is_an_error_in_training_too(source, tmp_path):
    (source / "Training" / "b" / "HDRImg.hdr").unlink()
    with pytest.raises(BadInputError, match=r"b/HDRImg\.hdr: no such file"):
        open_patches("tel", source, tmp_path / "cache")


def test_ground_truth_of_another_size_is_an_error_in_training_too(source, tmp_path):
    public_sets.write_scene(tmp_path, *public_sets.tel("other", "b"), size=(50, 71))
    (tmp_path / "other" / "b" / "HDRImg.hdr").replace(source / "Training" / "b" / "HDRImg.hdr")
    with pytest.raises(BracketError, match="ground truth of 71 x 50 pixels"):
        open_patches("tel", source, tmp_path / "cache")


def test_scenes_smaller_than_a_crop_are_named(source, tmp_path):
    with pytest.raises(BadInputError, match=r"Training: no scene has room for a crop of 128 x 128 pixels"):
        open_patches("tel", source, tmp_path / "cache")


def test_a_cache_that_is_a_file_is_named(source, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(OutputError, match="cannot be made a folder"):
        open_patches("tel", source, tmp_path / "cache")


def test_held_back_scenes_are_in_no_training_crop(patches):
    train, validation = patches.divided(2)
    assert [scene.name for scene in validation.scenes] == ["b", "d"]
    assert [scene.name for scene in train.scenes] == ["a", "c"]
    assert not set(means(train)) & set(means(validation))
    assert sorted(means(train) + means(validation)) == sorted(means(patches))
    assert patches.divided(0)[0].scenes == patches.scenes
    with pytest.raises(BadInputError, match="4 of 4 scenes held back"):
        patches.divided(4)


def test_scenes_of_several_sizes_give_crops_of_one(tmp_path):
    for scene, size in (("small", (40, 33)), ("tiny", (9, 9)), ("large", (64, 96))):
        public_sets.write_scene(tmp_path, *public_sets.tel("Training", scene), size=size)
    patches = open_patches("tel", tmp_path, tmp_path / "cache", size=32, stride=32)
    assert len(patches.windows) == 1 + 0 + 6
    assert {patches[index].ldr.shape for index in range(7)} == {(3, 32, 32, 3)}

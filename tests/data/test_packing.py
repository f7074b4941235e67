import pickle

import cv2
import numpy as np
import OpenEXR
import pytest

from hdrfuse.data.packing import Sources, left_out_sources, open_split
from hdrfuse.data.splits import split_of, splits_of
from hdrfuse.errors import BadInputError


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "images"
    (folder / "foreground").mkdir(parents=True)
    (folder / "stacks").mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("venice", (16, 32, 3)), ("city", (16, 32, 3)), ("Tree", (20, 18, 3))):
        cv2.imwrite(str(folder / f"{name}.hdr"), rng.random(size, np.float32))
    cutout = np.full((9, 9, 4), 255, np.uint8)
    cv2.imwrite(str(folder / "foreground" / "rembg_car-1.out.png"), cutout)
    cv2.imwrite(str(folder / "foreground" / "street.jpg"), cutout[..., :3])
    cv2.imwrite(str(folder / "stacks" / "frame.jpg"), cutout[..., :3])
    (folder / "._city.hdr").write_bytes(b"")
    return folder


def test_a_split_holds_its_own_images_and_only_those(source, tmp_path):
    train = open_split(source, tmp_path / "cache", "train")
    assert {"city", "Tree", "rembg_car-1"} <= {image.name for image in train.images}
    assert all(split_of(image.name) == "train" for image in train.images)
    assert [image.name for image in open_split(source, tmp_path / "cache", "test").of_kind("panorama")] == ["venice"]


def test_each_file_is_taken_for_what_it_is(source, tmp_path):
    open_split(source, tmp_path / "cache", "train")
    from hdrfuse.data.library import ImageLibrary

    kinds = {image.name: image.kind for image in ImageLibrary(tmp_path / "cache").images}
    assert kinds == {
        "city": "panorama",
        "Tree": "photograph",
        "rembg_car-1": "cutout",
        "street": "texture",
    }


def test_a_folder_is_packed_once_and_again_when_it_changes(source, tmp_path):
    read = []
    for _ in range(2):
        open_split(source, tmp_path / "cache", "train", read.append)
    assert len(read) == 4
    (source / "Tree.hdr").unlink()
    open_split(source, tmp_path / "cache", "train", read.append)
    assert len(read) == 7


def test_a_folder_without_hdr_images_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"no HDR image below it; expected \.exr or \.hdr"):
        open_split(tmp_path, tmp_path / "cache", "train")


def test_what_cannot_be_read_is_left_out_and_named(source, tmp_path):
    damaged = source / "courtyard.hdr"
    damaged.write_bytes((source / "city.hdr").read_bytes()[:-40])
    for _ in range(2):  # packed, then found packed
        train = open_split(source, tmp_path / "cache", "train")
        assert "courtyard" not in {image.name for image in train.images}
        ((name, reason),) = left_out_sources(tmp_path / "cache").items()
        assert name == str(damaged)
        assert "courtyard.hdr" in reason


def test_training_never_opens_a_test_or_reserved_image(source, tmp_path):
    for name in ("venice", "spree_bank"):
        (source / f"{name}.hdr").write_bytes(b"opening this would be an error")
    read = []
    open_split(source, tmp_path / "cache", "train", read.append)
    open_split(source, tmp_path / "cache", "validation", read.append)
    assert "city.hdr" in read
    assert not {"venice.hdr", "spree_bank.hdr"} & set(read)
    assert left_out_sources(tmp_path / "cache") == {}


def test_images_that_all_serve_the_test_are_not_trained_on(tmp_path):
    cv2.imwrite(str(tmp_path / "venice.hdr"), np.ones((8, 16, 3), np.float32))
    with pytest.raises(BadInputError, match="they serve other splits"):
        open_split(tmp_path, tmp_path / "cache", "train")


def test_a_truncated_cut_out_is_left_out_rather_than_read_in_part(source, tmp_path):
    cutout = source / "foreground" / "rembg_car-1.out.png"
    cutout.write_bytes(cutout.read_bytes()[:-30])
    assert open_split(source, tmp_path / "cache", "train").of_kind("cutout") == []
    assert list(left_out_sources(tmp_path / "cache")) == [str(cutout)]


def test_images_that_are_all_damaged_are_an_error(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.exr").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match=r"no HDR image for train: .*broken\.exr"):
        open_split(tmp_path / "images", tmp_path / "cache", "train")


def test_an_image_that_holds_no_numbers_is_left_out(source, tmp_path):
    pixels = np.full((8, 16, 3), 0.5, np.float32)
    pixels[1, 1] = np.nan
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, {"RGB": pixels}) as file:
        file.write(str(source / "forest.exr"))
    open_split(source, tmp_path / "cache", "train")
    assert "NaN" in left_out_sources(tmp_path / "cache")[str(source / "forest.exr")]


def test_several_folders_and_a_folder_of_movers_make_one_library(source, tmp_path):
    second, movers = tmp_path / "second", tmp_path / "movers"
    second.mkdir()
    movers.mkdir()
    (source / "Tree.hdr").rename(second / "Tree.hdr")
    cv2.imwrite(str(movers / "dog.png"), np.full((9, 9, 4), 65535, np.uint16))
    sources = Sources(images=(source, second), movers=(movers,))
    open_split(sources, tmp_path / "cache", "train")
    from hdrfuse.data.library import ImageLibrary

    library = ImageLibrary(tmp_path / "cache")
    assert {"city", "Tree", "dog", "street"} <= {image.name for image in library.images}
    (dog,) = [image for image in library.images if image.name == "dog"]
    assert library.half(dog)[..., 3].max() == 1


@pytest.mark.parametrize("missing", ["images", "movers"])
def test_a_missing_folder_is_named(source, tmp_path, missing):
    folders = {"images": (source,), "movers": ()} | {missing: (tmp_path / "nowhere",)}
    with pytest.raises(BadInputError, match="nowhere: no such folder"):
        open_split(Sources(**folders), tmp_path / "cache", "train")


def test_a_library_goes_to_another_process_without_its_pixels(source, tmp_path):
    library = open_split(source, tmp_path / "cache", "train")
    sent = pickle.dumps(library)
    assert len(sent) < 4000
    copy = pickle.loads(sent)
    np.testing.assert_array_equal(copy.half(copy.images[0]), library.half(library.images[0]))


def test_a_small_folder_still_has_a_validation_image_and_the_same_one_every_time():
    names = [f"mine-{index}" for index in range(40)]
    own = [name for name in names if split_of(name) == "train"][:3]
    table = splits_of(own, own)
    assert sorted(table.values()) == ["train", "train", "validation"]
    assert splits_of(own[::-1], own[::-1]) == table
    assert splits_of(own[:1], own[:1]) == {own[0]: "train"}


def test_published_images_never_change_their_split():
    assert splits_of(["city", "Tree", "venice"], ["city", "Tree", "venice"]) == {
        "city": "train",
        "Tree": "train",
        "venice": "test",
    }

import cv2
import numpy as np
import pytest

from hdrfuse.data.packing import open_split
from hdrfuse.data.splits import split_of
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
        "venice": "panorama",
        "city": "panorama",
        "Tree": "photograph",
        "rembg_car-1": "cutout",
        "street": "texture",
    }


def test_a_folder_is_packed_once_and_again_when_it_changes(source, tmp_path):
    read = []
    for _ in range(2):
        open_split(source, tmp_path / "cache", "train", read.append)
    assert len(read) == 5
    (source / "Tree.hdr").unlink()
    open_split(source, tmp_path / "cache", "train", read.append)
    assert len(read) == 9


def test_a_folder_without_hdr_images_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"no HDR image below it; expected \.exr or \.hdr"):
        open_split(tmp_path, tmp_path / "cache", "train")

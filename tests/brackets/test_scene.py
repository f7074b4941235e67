import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hdrfuse.brackets.scene import find_scene, natural_key
from hdrfuse.errors import BracketError
from hdrfuse.formats import RadianceFacts, write_image

PIXELS = np.full((8, 8, 3), 90, np.uint8)


def pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        match path.suffix.lower():
            case ".exr" | ".hdr":
                write_image(path, PIXELS.astype(np.float32), RadianceFacts())
            case ".jpg" | ".jpeg" | ".png":
                Image.fromarray(PIXELS).save(path)
            case ".tif" | ".tiff":
                Image.fromarray(PIXELS).save(path, "TIFF")
            case _:
                path.write_bytes(b"no picture")
    return folder


def names_of(folder: Path) -> list[str]:
    return [path.name for path in find_scene([folder]).files]


@pytest.mark.parametrize(
    "ordered",
    [
        ["frame2", "frame10"],
        ["0.0667", "0.125", "0.25", "0.5", "1.0", "10.0"],
        ["IMG_0999", "IMG_1000", "img_1001"],
        ["a1b2", "a1b10", "a2b1"],
        ["1", "2", "a", "b"],
        ["a²", "b", "²a"],
        ["shot", "shot1"],
    ],
)
def test_natural_order(ordered):
    paths = [Path(f"{name}.jpg") for name in ordered]
    shuffled = [paths[-1], *paths[:-1]]
    assert sorted(shuffled, key=natural_key) == paths


def test_a_folders_images_come_in_natural_order(tmp_path):
    folder = pictures(tmp_path / "scene", "10.png", "9.png", "1.jpg", "2.JPG")
    scene = find_scene([folder])
    assert [path.name for path in scene.files] == ["1.jpg", "2.JPG", "9.png", "10.png"]
    assert scene.name == "scene"
    assert scene.folder == folder
    assert scene.warnings == ()


def test_hidden_files_previews_ghost_maps_truth_and_other_files_are_no_frames(tmp_path):
    extra = (
        "._a.jpg", ".hidden.png", "scene.preview.jpg", "a.preview.png", "scene.ghosts.png", "my-ghost-map.png",
        "HDRImg.hdr", "hdrimg.HDR", "label.hdr", "truth.gt.exr", "moving.gt.png", "scene.exr", "scene.hdr",
        "exposure.txt", "notes.md", "a.xmp", "Thumbs.db",
    )  # fmt: skip
    folder = pictures(tmp_path, "a.jpg", "b.jpg", *extra)
    (folder / "c.jpg").mkdir()
    assert names_of(folder) == ["a.jpg", "b.jpg"]


def test_scene_referred_files_are_frames_where_nothing_else_is(tmp_path):
    assert names_of(pictures(tmp_path, "a.exr", "b.exr", "c.hdr")) == ["a.exr", "b.exr", "c.hdr"]


def test_scene_referred_files_are_frames_when_named(tmp_path):
    folder = pictures(tmp_path, "a.exr", "b.exr", "c.jpg")
    files = (folder / "b.exr", folder / "a.exr")
    assert find_scene(files).files == files


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_a_merged_result_among_linear_frames_is_no_frame(tmp_path, suffix):
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}{suffix}", PIXELS.astype(np.float32), RadianceFacts())
    made = RadianceFacts(provenance={"version": "1", "method": "classical"})
    write_image(tmp_path / f"merged{suffix}", PIXELS.astype(np.float32), made)
    assert names_of(tmp_path) == [f"a{suffix}", f"b{suffix}"]


def test_a_float_tiff_beside_integer_frames_is_a_result(tmp_path):
    pictures(tmp_path, "a.tif", "b.tif")
    write_image(tmp_path / "c.tif", PIXELS.astype(np.float32), RadianceFacts())
    assert names_of(tmp_path) == ["a.tif", "b.tif"]


def test_a_damaged_tiff_stays_a_frame_for_the_reader_to_refuse(tmp_path):
    pictures(tmp_path, "a.tif", "b.tif")
    (tmp_path / "c.tif").write_bytes(b"II*\0damaged")
    assert names_of(tmp_path) == ["a.tif", "b.tif", "c.tif"]


def test_raw_beside_jpeg_counts_once_as_raw(tmp_path):
    folder = pictures(tmp_path, "a.jpg", "A.NEF", "b.jpg", "b.nef", "c.nef")
    assert names_of(folder) == ["A.NEF", "b.nef", "c.nef"]


def test_raw_beside_jpeg_counts_once_as_jpeg_with_a_warning_where_raw_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    scene = find_scene([pictures(tmp_path, "a.jpg", "a.nef", "b.jpg", "b.nef")])
    assert [path.name for path in scene.files] == ["a.jpg", "b.jpg"]
    (warning,) = scene.warnings
    assert "2 RAW" in warning
    assert "hdrfuse[raw]" in warning


@pytest.mark.parametrize(
    ("names", "found"),
    [((), "no image"), (("a.txt", "b.md"), "no image"), (("a.jpg", "b.gt.png"), r"1 image \(a.jpg\)")],
)
def test_a_folder_of_fewer_than_two_frames_says_how_many(tmp_path, names, found):
    with pytest.raises(BracketError, match=rf"scene: {found} found; a bracket needs at least 2"):
        find_scene([pictures(tmp_path / "scene", *names)])


def test_named_files_keep_their_order_and_need_no_folder(tmp_path):
    folder = pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    files = [folder / "c.jpg", folder / "a.jpg"]
    scene = find_scene(files)
    assert list(scene.files) == files
    assert scene.folder is None
    assert scene.beside(".exr") == folder / "c.exr"


def test_a_folders_result_lies_beside_it(tmp_path, monkeypatch):
    folder = pictures(tmp_path / "scene", "a.jpg", "b.jpg")
    assert find_scene([folder]).beside(".exr") == tmp_path.resolve() / "scene.exr"
    monkeypatch.chdir(folder)
    assert find_scene([Path()]).beside(".exr") == tmp_path.resolve() / "scene.exr"


@pytest.mark.parametrize(
    "names", [("missing",), ("missing/a.jpg", "a.jpg"), ("a.jpg", "folder"), ("a.jpg",), ("a.jpg", "a.jpg")]
)
def test_paths_that_form_no_scene_are_refused(tmp_path, names):
    pictures(tmp_path, "a.jpg")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BracketError) as caught:
        find_scene([tmp_path / name for name in names])
    assert any(name in str(caught.value) for name in names)


def test_no_paths_at_all_are_refused():
    with pytest.raises(BracketError, match="no images"):
        find_scene([])


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(tmp_path):
    folder = pictures(tmp_path / "locked", "a.jpg", "b.jpg")
    folder.chmod(0)
    try:
        with pytest.raises(BracketError, match="locked"):
            find_scene([folder])
    finally:
        folder.chmod(0o700)

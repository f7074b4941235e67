"""Folders: which are scenes, which are flat, what is passed over, and what the dry run says."""

import importlib.util
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdrfuse.batch.listing import HEADINGS, plan_of, table_lines, table_rows
from hdrfuse.brackets import discovery as discovery_module
from hdrfuse.brackets import shots as shots_module
from hdrfuse.brackets.discovered import parse_grouping
from hdrfuse.brackets.discovery import find_scenes
from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BracketError, UsageError
from hdrfuse.formats import RadianceFacts, read_header, write_image

from .memory_card import BRACKET, MANUAL, Camera, left_of, names_of, scene_name, text, write


def bracket(folder, *biases, **options):
    """A scene folder."""
    Camera(folder, **options).aeb(*(biases or (0, -2, 2)))
    return folder


def test_scene_folders_are_taken_as_they_are(tmp_path):
    day = tmp_path / "day1"
    folders = [
        bracket(day / "beach"),
        bracket(day / "church", -1, 1),
        bracket(tmp_path / "10"),
        bracket(tmp_path / "9"),
    ]
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["9", "10", "day1/beach", "day1/church"]
    assert {scene.scene for scene in discovery.scenes} == {find_scene([folder]) for folder in folders}
    assert [scene.grouped_by for scene in discovery.scenes] == ["folder"] * 4
    assert discovery.leftovers == ()


def test_the_root_may_be_a_scene_itself(tmp_path):
    assert names_of(find_scenes(bracket(tmp_path / "beach"))) == ["beach"]


def test_a_scene_folder_may_be_slow_uneven_and_without_names_in_order(tmp_path):
    body = Camera(tmp_path / "slow", prefix="x")
    body.by_hand(1 / 100, 1 / 13, 1 / 50, 1 / 4, pause_s=70)
    assert names_of(find_scenes(tmp_path)) == ["slow"]


def test_a_folder_with_pictures_and_folders_gives_both(tmp_path):
    bracket(tmp_path / "day")
    bracket(tmp_path / "day" / "beach")
    assert names_of(find_scenes(tmp_path)) == ["day", "day/beach"]


def test_names_that_come_twice_are_numbered(tmp_path):
    root = bracket(tmp_path / "Beach")
    bracket(root / "beach")
    assert names_of(find_scenes(root)) == ["Beach", "beach-2"]


def test_what_is_no_photograph_is_passed_over(tmp_path):
    folder = bracket(tmp_path / "day" / "beach")
    for name in ("._IMG_0001.jpg", ".hidden.jpg", "Thumbs.db", "IMG_0001.xmp", "notes.txt", "a.mp4"):
        text(folder / name)
    for name in ("beach.preview.jpg", "beach.ghosts.png", "scene.gt.tif"):
        write(folder / name)
    for hidden in (".Trash", "__MACOSX", "@eaDir", "$RECYCLE.BIN"):
        bracket(tmp_path / hidden / "x")
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["day/beach"]
    assert discovery.leftovers == ()


def test_earlier_results_are_no_scenes(tmp_path):
    bracket(tmp_path / "beach")
    pixels, made = np.ones((4, 4, 3), np.float32), RadianceFacts(provenance={"version": "1"})
    for out in ("hdr", "older"):
        for name in ("a.exr", "b.exr", "c.hdr", "d.tif"):
            (tmp_path / out).mkdir(exist_ok=True)
            write_image(tmp_path / out / name, pixels, made)
        write(tmp_path / out / "a.preview.jpg")
    write(tmp_path / "hdr" / "stray.jpg")
    discovery = find_scenes(tmp_path, exclude=[tmp_path / "hdr"])
    assert names_of(discovery) == ["beach"]
    assert discovery.leftovers == ()


def test_formats_that_are_not_read_are_counted(tmp_path):
    bracket(tmp_path / "beach")
    for name in ("a.heic", "b.HEIC", "c.webp"):
        text(tmp_path / name)
    assert find_scenes(tmp_path).warnings == ("2 HEIC and 1 WebP files are not read; export as JPEG or TIFF",)


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    elsewhere = bracket(tmp_path / "elsewhere" / "beach").parent
    root = bracket(tmp_path / "root" / "church").parent
    (root / "card").symlink_to(elsewhere, target_is_directory=True)
    (root / "church" / "up").symlink_to(root, target_is_directory=True)
    (root / "again").symlink_to(root / "church", target_is_directory=True)
    (root / "broken").symlink_to(tmp_path / "nowhere")
    (root / "itself").symlink_to(root / "itself")
    assert sorted(names_of(find_scenes(root))) == ["card/beach", "church"]


def test_a_root_is_looked_into_though_outputs_go_there_too(tmp_path, monkeypatch):
    bracket(tmp_path / "beach")
    assert names_of(find_scenes(tmp_path, exclude=[tmp_path])) == ["beach"]
    monkeypatch.chdir(tmp_path)
    assert names_of(find_scenes(Path())) == ["beach"]
    monkeypatch.chdir(tmp_path / "beach")
    assert names_of(find_scenes(Path())) == ["beach"]


def test_raw_beside_jpeg_is_left_out_with_a_warning_where_it_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    body = Camera(tmp_path / "100NIKON")
    body.aeb(0, -2, 2)
    for path in body.taken:
        text(path.with_suffix(".NEF"))
    discovery = find_scenes(tmp_path)
    assert [path.suffix for path in discovery.scenes[0].files] == [".jpg"] * 3
    assert "3 RAW" in discovery.warnings[0]


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_a_leftover(tmp_path):
    bracket(tmp_path / "beach")
    locked = bracket(tmp_path / "locked")
    locked.chmod(0)
    try:
        discovery = find_scenes(tmp_path)
    finally:
        locked.chmod(0o700)
    assert names_of(discovery) == ["beach"]
    assert left_of(discovery) == {"unreadable": ["locked"]}
    assert discovery.leftovers[0].is_failure


ODD = [RecursionError(), MemoryError(), ValueError("math domain error"), KeyError(5), OSError(5, "Input/output error"),
       SystemError("null argument\nwithout exception"), ImportError("no rawpy")]  # fmt: skip


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
def test_whatever_one_file_makes_a_reader_raise_ends_nothing(tmp_path, monkeypatch, error):
    def read(path):
        if path.name == "IMG_0001.jpg" and path.parent.name == "odd":
            raise error
        return read_header(path)

    monkeypatch.setattr(shots_module, "read_header", read)
    bracket(tmp_path / "beach")
    Camera(tmp_path / "odd").shoot()
    flat = Camera(tmp_path / "flat" / "odd")
    flat.shoot()
    expected = [flat.wait(60).aeb(0, -2, 2), flat.wait(60).aeb(0, -2, 2)]
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["beach", *(f"flat/odd/{name}" for name in expected)]
    assert left_of(discovery) == {"unreadable": ["IMG_0001.jpg", "IMG_0001.jpg"]}
    reasons = {left.reason for left in discovery.leftovers}
    assert all(left.is_failure for left in discovery.leftovers)
    assert len(reasons) == 1
    assert type(error).__name__ in reasons.pop()
    plan_of(discovery)
    table_lines(discovery)


def test_a_folder_that_cannot_be_divided_costs_no_other(tmp_path, monkeypatch):
    def read(path):
        header = read_header(path)
        lens = {"focal_length_mm": 0.0} if path.parent.name == "odd" else {}
        return replace(header, capture=replace(header.capture, **lens))

    monkeypatch.setattr(shots_module, "read_header", read)
    bracket(tmp_path / "beach")
    bracket(tmp_path / "odd")
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["beach"]
    assert left_of(discovery) == {"unreadable": [f"IMG_000{number}.jpg" for number in (1, 2, 3)]}
    assert "ZeroDivisionError" in discovery.leftovers[0].reason


def test_files_and_folders_that_vanish_meanwhile_are_left_over(tmp_path, monkeypatch):
    gone = bracket(tmp_path / "gone")
    short = bracket(tmp_path / "short")
    bracket(tmp_path / "beach")

    def read(files, progress):
        shots = shots_module.read_shots(files, progress)
        shutil.rmtree(gone)
        (short / "IMG_0001.jpg").unlink()
        (short / "IMG_0002.jpg").unlink()
        return shots

    monkeypatch.setattr(discovery_module, "read_shots", read)
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["beach"]
    assert {left.paths[0].parent.name: left.is_failure for left in discovery.leftovers} == {"gone": True, "short": True}


@pytest.mark.parametrize("stated", ["exposure time (s): -1", "ISO: -100", "f-number: -8", "exposure time (s): inf"])
def test_an_hdr_file_whose_comments_make_no_sense_ends_nothing(tmp_path, stated):
    bracket(tmp_path / "beach")
    pixels = b"\x80\x80\x80\x81" * 16
    for name in ("a.hdr", "b.hdr"):
        path = text(tmp_path / "odd" / name)
        header = f"#?RADIANCE\n# {stated}\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 4\n"
        path.write_bytes(header.encode() + pixels)
    discovery = find_scenes(tmp_path)
    assert "beach" in names_of(discovery)
    listed = [scene.files for scene in discovery.scenes] + [left.paths for left in discovery.leftovers]
    assert {"a.hdr", "b.hdr"} <= {path.name for paths in listed for path in paths}


@pytest.mark.parametrize("name", ["missing", "a.jpg"])
def test_a_root_that_is_no_folder_is_refused(tmp_path, name):
    write(tmp_path / "a.jpg")
    with pytest.raises(BracketError, match=name):
        find_scenes(tmp_path / name)


def test_an_empty_root_holds_nothing(tmp_path):
    discovery = find_scenes(tmp_path)
    assert (discovery.scenes, discovery.leftovers, discovery.warnings) == ((), (), ())


def test_one_picture_in_a_folder_is_a_single(tmp_path):
    Camera(tmp_path / "lone").shoot()
    assert left_of(find_scenes(tmp_path)) == {"single": ["IMG_0001.jpg"]}
    assert left_of(find_scenes(tmp_path, group="folder")) == {"single": ["IMG_0001.jpg"]}


def test_a_folder_of_equal_exposures_is_a_burst(tmp_path):
    Camera(tmp_path / "burst").by_hand(1 / 60, 1 / 60, 1 / 60, pause_s=1)
    assert list(left_of(find_scenes(tmp_path))) == ["burst"]


@pytest.mark.parametrize("wrong", ["truncated", "size", "no exposures", "one without"])
def test_a_scene_folder_with_something_wrong_stays_a_scene_for_the_merge_to_refuse(tmp_path, wrong):
    folder = bracket(tmp_path / "beach")
    victim = folder / "IMG_0002.jpg"
    match wrong:
        case "truncated":
            victim.write_bytes(victim.read_bytes()[:60])
        case "size":
            victim.unlink()
            body = Camera(folder, number=2, size=(20, 12))
            body.wait(0.3).aeb(-2)
        case "no exposures":
            for path in folder.iterdir():
                write(path)
        case "one without":
            write(victim)
    (scene,) = find_scenes(tmp_path).scenes
    assert scene.scene == find_scene([folder])


def test_the_group_option_takes_every_folder_for_a_scene(tmp_path):
    body = Camera(tmp_path / "flat")
    for _ in range(2):
        body.aeb(0, -2, 2)
    assert len(find_scenes(tmp_path).scenes) == 2
    (scene,) = find_scenes(tmp_path, group="folder").scenes
    assert (scene.name, len(scene.files)) == ("flat", 6)
    (scene,) = find_scenes(tmp_path, group=6).scenes
    assert scene.scene.folder == tmp_path / "flat"


def test_groups_are_auto_folder_or_a_number():
    assert [parse_grouping(value) for value in ("auto", "folder", "2", "9")] == ["auto", "folder", 2, 9]
    for value in ("", "1", "0", "-3", "33", "three", "3.0"):
        with pytest.raises(UsageError, match="--group"):
            parse_grouping(value)


def test_a_text_file_of_a_scene_folder_stays_with_it(tmp_path):
    folder = bracket(tmp_path / "beach")
    stated = text(folder / "exposure.txt", "-4\n0\n4\n")
    (scene,) = find_scenes(tmp_path).scenes
    assert (scene.exposure_file, scene.exposures, scene.evs) == (stated, None, (-4, 0, 4))
    assert scene.scene.folder == folder


@pytest.mark.parametrize("content", ["-2\n0\n2\n", "-2\n0\n2\n-2\n0\n2\n"])
def test_a_text_file_of_a_flat_folder_states_every_brackets_exposures(tmp_path, content):
    for number in range(1, 7):
        write(tmp_path / f"{number}.tif")
    stated = text(tmp_path / "exposure.txt", content)
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == ["1-3", "4-6"]
    assert [(scene.exposures, scene.exposure_file) for scene in discovery.scenes] == [((-2, 0, 2), stated)] * 2


@pytest.mark.parametrize(
    "content",
    ["-2\n0\nsome\n", "-2\n0\n", "0\n0\n0\n", "-2\n-1\n0\n1\n", "0\n" * 1_000_000],
    ids=lambda content: content[:12].replace("\n", ","),
)
def test_a_wrong_text_file_leaves_the_folder_to_the_merge_to_refuse(tmp_path, content):
    text(bracket(tmp_path / "beach") / "exposure.txt", content)
    (scene,) = find_scenes(tmp_path).scenes
    assert scene.scene.folder == tmp_path / "beach"


def test_a_bracket_may_span_two_folders_of_a_card(tmp_path):
    first = Camera(tmp_path / "DCIM" / "100CANON", number=9995)
    expected = [first.aeb(0, -2, 2)]
    names = [first.shoot(1 / 60, bias=0, mode=2), first.shoot(1 / 240, bias=-2, mode=2)]
    second = Camera(tmp_path / "DCIM" / "101CANON", clock=first.clock)
    names.append(second.shoot(1 / 15, bias=2, mode=2))
    expected.append(scene_name(names))
    assert names_of(find_scenes(tmp_path)) == [f"DCIM/100CANON/{name}" for name in expected]


def test_a_cards_folder_is_flat_even_with_one_bracket_in_it(tmp_path):
    bracket(tmp_path / "100ND850")
    assert names_of(find_scenes(tmp_path)) == ["100ND850/IMG_0001-IMG_0003"]


def test_biases_divide_shots_whose_exif_states_one_exposure(tmp_path):
    camera = Camera(tmp_path)
    wanted = []
    for _ in range(2):
        wanted.append(scene_name([camera.shoot(bias=bias, mode=BRACKET, pause_s=0.2) for bias in (0.0, -2.0, 2.0)]))
        camera.wait(60)
    discovery = find_scenes(tmp_path)
    assert names_of(discovery) == wanted
    assert [scene.evs for scene in discovery.scenes] == [(0, -2, 2)] * 2


def test_what_the_meter_thinks_in_manual_mode_is_no_exposure(tmp_path):
    camera = Camera(tmp_path)
    for bias in (0.0, -2.0, 2.0):
        camera.shoot(bias=bias, mode=MANUAL, pause_s=0.2)
    assert len({ev for scene in find_scenes(tmp_path).scenes for ev in scene.evs}) <= 1


def test_progress_counts_the_files(tmp_path):
    bracket(tmp_path / "beach")
    seen = []
    find_scenes(tmp_path, progress=lambda done, count: seen.append((done, count)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.fixture
def planned(tmp_path):
    """A discovery with a scene folder, a flat folder, leftovers, and where the scenes would go."""
    bracket(tmp_path / "beach")
    body = Camera(tmp_path / "flat")
    body.by_hand(1 / 100, 1 / 25, 1 / 6)
    for _ in range(3):
        body.wait(100).shoot()
    discovery = find_scenes(tmp_path)
    return discovery, {scene: [tmp_path / "hdr" / scene.folder / f"{scene.name}.exr"] for scene in discovery.scenes}


def test_the_plan_is_plain_and_says_what_becomes_of_every_file(planned, tmp_path):
    discovery, outputs = planned
    plan = json.loads(json.dumps(plan_of(discovery, outputs)))
    assert [scene["scene"] for scene in plan["scenes"]] == ["beach", "IMG_0001-IMG_0003"]
    assert plan["scenes"][1]["outputs"] == [str(tmp_path / "hdr/flat/IMG_0001-IMG_0003.exr")]
    assert plan["scenes"][0]["captured_at"] == "2024-05-04T12:00:00"
    assert [left["kind"] for left in plan["leftovers"]] == ["single"] * 3
    mentioned = [path for entry in (*plan["scenes"], *plan["leftovers"]) for path in entry["files"]]
    assert sorted(mentioned) == sorted(str(path) for path in tmp_path.rglob("*.jpg"))


def test_the_table_has_a_row_for_each_scene_and_one_for_leftovers_alike(planned):
    rows = table_rows(*planned)
    assert rows[0] == HEADINGS
    assert [row[:4] for row in rows[1:]] == [
        ("beach", "3", "IMG_0001.jpg ... IMG_0003.jpg", "0 -2 +2"),
        ("flat/IMG_0001-IMG_0003", "3", "IMG_0001.jpg ... IMG_0003.jpg", "-2 0 +2.1"),
        ("left over", "3", "flat/IMG_0004.jpg ... flat/IMG_0006.jpg", ""),
    ]
    assert len({line.index("IMG_0001.jpg") for line in table_lines(*planned)[1:3]}) == 1


def test_a_discovery_travels_to_other_processes(planned):
    discovery, _ = planned
    assert pickle.loads(pickle.dumps(discovery)) == discovery


def test_a_wrongly_set_manual_series_is_named(tmp_path):
    body = Camera(tmp_path / "flat")
    for f_number in (2.8, 5.6, 11):
        body.shoot(1 / 60, f_number=f_number, mode=MANUAL, pause_s=1)
    assert "aperture" in table_rows(find_scenes(tmp_path))[-1][-1]

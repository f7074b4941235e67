"""Flat folders: which of many frames are brackets, by what the cameras wrote."""

import importlib.util
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cost import costs_at_most
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.brackets.companions import companions
from hdrfuse.brackets.discovery import find_scenes
from hdrfuse.brackets.scene import find_scene, natural_key
from hdrfuse.brackets.segmentation import segment
from hdrfuse.brackets.shots import Shot, read_shot
from hdrfuse.formats import Capture, ImageHeader

from .memory_card import BRACKET, MANUAL, Camera, left_of, names_of, scene_name, write, write_dng


@pytest.fixture
def camera(tmp_path):
    """A body whose folder holds a lone frame already, so that the folder is flat."""
    body = Camera(tmp_path / "shoot")
    body.shoot()
    body.wait(600)
    return body


def found(camera, **options):
    return find_scenes(camera.folder.parent, **options)


def scenes_in(camera, **options):
    return [name.removeprefix("shoot/") for name in names_of(found(camera, **options))]


def test_a_mixed_flat_folder_of_sixty_frames(tmp_path):
    """AEB 3s and 5s, singles, a long-exposure set, RAW+JPEG pairs and two bodies whose frames interleave."""
    folder = tmp_path / "card"
    one = Camera(folder, model="Body A", number=9980)
    two = Camera(folder, model="Body B", prefix="DSC_", serial="77", size=(18, 12), sub_seconds=True)
    expected, singles = [], []
    for with_raw in (True, True, False, False):
        begun = one.clock
        expected.append(one.aeb(0, -2, 2))
        for bias, path in zip((0, -2, 2), one.taken[-3:], strict=True):
            if with_raw:
                write_dng(path.with_suffix(".dng"), 2.0**bias / 60, bias, begun)
        two.clock = one.clock - timedelta(seconds=0.5)  # both bodies at once
        expected.append(two.aeb(-2, -1, 0, 1, 2, base_s=1 / 30))
        singles += [one.wait(40).shoot(1 / 200), two.wait(30).shoot(1 / 350)]
        one.wait(25)
    expected.append(one.by_hand(1, 4, 15, 30, dark_frame=True))
    singles += [one.wait(300).shoot(1 / 90), two.wait(300).shoot(1 / 90)]
    expected.append(two.wait(60).aeb(0, -1, 1))
    while len(one.taken) + len(two.taken) < 60:
        singles.append(one.wait(90).shoot(1 / 100))

    discovery = find_scenes(tmp_path)
    assert len({path.stem for path in folder.iterdir()}) == 60
    assert sorted(names_of(discovery)) == sorted(f"card/{name}" for name in expected)
    left = left_of(discovery)
    assert sorted(left.pop("single")) == sorted(singles)
    assert left == {}
    suffixes = [{path.suffix for path in scene.files} for scene in discovery.scenes]
    if importlib.util.find_spec("rawpy"):
        assert suffixes.count({".dng"}) == 2
    else:
        assert suffixes.count({".jpg"}) == len(expected)
        assert "RAW" in discovery.warnings[0]


@pytest.mark.parametrize(
    "biases",
    [
        (0, -2), (0, -2, 2), (0, 2, -2), (-2, 0, 2), (2, 0, -2), (0, -0.33, 0.33), (0, -2, -1, 1, 2), (-2, -1, 0, 1, 2),
        (0, -1, 1, -2, 2), (-3, -2, -1, 0, 1, 2, 3), (0, -4, -3, -2, -1, 1, 2, 3, 4),
    ],
)  # fmt: skip
def test_brackets_back_to_back_come_apart_whatever_their_order(camera, biases):
    expected = [camera.aeb(*biases) for _ in range(3)]
    assert scenes_in(camera) == expected


@pytest.mark.parametrize("tags", ["mode", "bias", "neither"])
@pytest.mark.parametrize("evs", [(0, -2, 2), (-2, 0, 2), (0, -2, -1, 1, 2)])
def test_the_camera_need_not_say_that_it_brackets(camera, tags, evs):
    expected = []
    for _ in range(2):
        frames = [
            camera.shoot(
                2.0 ** (ev - 6),
                bias=ev if tags == "bias" else 0,
                mode={"mode": BRACKET, "bias": 0, "neither": MANUAL}[tags],
                pause_s=0.3,
            )
            for ev in evs
        ]
        expected.append(scene_name(frames))
        camera.wait(8)
    assert scenes_in(camera) == expected


def test_long_exposures_are_not_torn_apart(camera):
    expected = [camera.by_hand(2, 8, 30, 120, dark_frame=True), camera.by_hand(2, 8, 30, 120)]
    expected += [camera.aeb(0, -2, 2, base_s=8), camera.aeb(0, -2, 2, base_s=8)]
    assert scenes_in(camera) == expected


def test_uneven_steps_set_by_hand_are_a_bracket(camera):
    expected = [camera.by_hand(1 / 30, 1 / 10, 1 / 3, 0.6, 1.3, 4), camera.wait(60).by_hand(1 / 100, 1 / 25, 1 / 4)]
    assert scenes_in(camera) == expected


def test_iso_may_be_bracketed_instead_of_the_time(camera):
    names = [camera.shoot(1 / 60, iso=iso, mode=MANUAL, pause_s=3) for iso in (100, 400, 1600)]
    assert scenes_in(camera) == [scene_name(names)]


def test_times_are_a_bracket_though_automatic_iso_takes_the_first_step_back(camera):
    settings = ((4, 2500), (2, 5000), (1, 6400), (0.5, 6400))
    names = [camera.shoot(time_s, iso=iso, mode=MANUAL, pause_s=4) for time_s, iso in settings]
    assert scenes_in(camera) == [scene_name(names)]


def test_apertures_set_by_hand_are_no_bracket(camera):
    for f_number in (4, 8, 16):
        camera.shoot(1 / 60, f_number=f_number, mode=MANUAL, pause_s=2)
    discovery = found(camera)
    assert names_of(discovery) == []
    assert left_of(discovery)["no bracket"] == ["IMG_0002.jpg", "IMG_0003.jpg", "IMG_0004.jpg"]
    assert "aperture" in discovery.leftovers[-1].reason


def test_apertures_that_the_camera_brackets_are_a_bracket_with_a_warning(camera):
    for f_number, bias in ((8, 0), (16, -2), (4, 2)):
        camera.shoot(1 / 60, f_number=f_number, bias=bias, mode=BRACKET)
    (scene,) = found(camera).scenes
    assert "f-number" in scene.scene.warnings[0]


def test_singles_of_changing_light_are_no_bracket(camera):
    for time_s in (1 / 60, 1 / 250, 1 / 100, 1 / 500, 1 / 320):
        camera.shoot(time_s, pause_s=7)
    discovery = found(camera)
    assert names_of(discovery) == []
    assert len(left_of(discovery)["single"]) == 6


def test_a_burst_and_a_focus_stack_are_left_over_whole(camera):
    for _ in range(5):
        camera.shoot(1 / 500, pause_s=0.1)
    camera.wait(30)
    bracket = camera.aeb(0, -2, 2)
    discovery = found(camera)
    assert scenes_in(camera) == [bracket]
    assert left_of(discovery)["burst"] == [f"IMG_000{number}.jpg" for number in range(2, 7)]
    assert "5 frames of equal exposure" in discovery.leftovers[1].reason


@pytest.mark.parametrize("missing", [{0}, {1}, {2}, {1, 2}])
def test_an_interrupted_bracket_is_left_over_and_its_neighbours_are_whole(camera, missing):
    before, broken, after = (camera.wait(1).aeb(0, -2, 2) for _ in range(3))
    first = int(broken[4:8])
    left = [f"IMG_{first + place:04d}.jpg" for place in range(3) if place not in missing]
    for place in missing:
        (camera.folder / f"IMG_{first + place:04d}.jpg").unlink()
    assert scenes_in(camera) == [before, after]
    assert left_of(found(camera))["interrupted"] == left


def test_a_short_bracket_beside_a_long_one_is_whole(camera):
    expected = [camera.aeb(0, -2, 2), camera.wait(9).aeb(0, -2, 2, -4, 4), camera.wait(9).aeb(-2, 0, 2)]
    assert scenes_in(camera) == expected


def test_a_panorama_of_brackets_is_a_scene_for_each_view(camera):
    expected = [camera.wait(2).aeb(-2, 0, 2, base_s=1 / 60 * 2 ** (0.3 * view)) for view in range(8)]
    assert scenes_in(camera) == expected


def test_frames_of_another_size_or_focal_length_begin_something_else(camera):
    expected = [camera.aeb(0, -2, 2), camera.aeb(1, -1, 3, size=(12, 16))]
    camera.focal_length = 70
    expected.append(camera.aeb(-3, -1, 1))
    assert scenes_in(camera) == expected


@pytest.mark.parametrize("options", [{}, {"group": 3}])
@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("odd", [0, 1, 2])
def test_a_bracket_in_which_one_frame_s_orientation_differs_stays_whole(camera, options, orientation, odd):
    expected = []
    for view in range(3):
        biases = [(0, 1), (-2, 1), (2, 1)]
        biases[odd] = (biases[odd][0], orientation if view == 1 else 1)
        names = [
            camera.shoot(2.0**bias / 60, bias=bias, mode=BRACKET, orientation=turned, pause_s=0.2)
            for bias, turned in biases
        ]
        expected.append(scene_name(names))
        camera.wait(30)
    assert scenes_in(camera, **options) == expected


def test_a_camera_that_was_turned_begins_another_bracket(camera):
    options = {"bias": 0.0, "mode": MANUAL, "pause_s": 4.0}
    flat = [camera.shoot(time_s, **options) for time_s in (1 / 240, 1 / 60, 1 / 15)]
    turned = [camera.shoot(time_s, orientation=6, **options) for time_s in (1 / 4, 1, 4)]
    assert scenes_in(camera) == [scene_name(flat), scene_name(turned)]


def test_two_bodies_of_one_model_are_told_apart(tmp_path):
    by_serial = [Camera(tmp_path / "a", serial=serial, prefix=serial) for serial in ("1x", "2x")]
    by_counter = [Camera(tmp_path / "b", number=number) for number in (1, 7000)]
    for bodies in (by_serial, by_counter):
        for _ in range(4):
            for body in bodies:
                body.aeb(0, -2, 2)
                body.wait(3)
    assert [len(scene.files) for scene in find_scenes(tmp_path).scenes] == [3] * 16


@pytest.mark.parametrize("sub_seconds", [False, True])
def test_a_bracket_spans_the_counters_rollover(camera, sub_seconds):
    camera.sub_seconds, camera.number = sub_seconds, 9995
    camera.taken[0].unlink()
    expected = [camera.aeb(0, -2, 2, frame_s=0.1) for _ in range(4)]
    assert expected[1] == "IMG_9998-IMG_0001"
    assert scenes_in(camera) == expected


def test_without_a_clock_names_and_exposures_decide(camera):
    camera.clock, camera.number = None, 9996
    camera.taken[0].unlink()
    expected = [camera.aeb(0, -2, 2, mode=None), camera.aeb(0, -2, 2, mode=None)]
    camera.number += 4  # frames in between are elsewhere
    expected.append(camera.aeb(0, -2, 2, mode=None))
    other = Camera(camera.folder, prefix="hall_", clock=None)
    expected.append(other.by_hand(1 / 30, 1 / 4, 2))
    assert sorted(scenes_in(camera)) == sorted(expected)


def test_a_clock_that_is_set_back_changes_nothing(camera):
    expected = [camera.wait(20).aeb(0, -2, 2) for _ in range(4)]
    camera.wait(-3600)
    expected += [camera.wait(20).aeb(0, -2, 2) for _ in range(4)]
    assert sorted(scenes_in(camera)) == sorted(expected)


def test_renamed_files_are_ordered_by_their_times(camera):
    camera.sub_seconds = True
    for _ in range(6):
        camera.wait(4).aeb(0, -2, 2)
    for index, path in enumerate(camera.taken):
        path.rename(path.with_name(f"{index * 7 % 19:02d}.jpg"))
    assert [len(scene.files) for scene in found(camera).scenes] == [3] * 6


def test_names_state_evs_where_exif_says_nothing(tmp_path):
    for scene in ("beach", "church"):
        for ev in ("-2", "0", "+2"):
            write(tmp_path / f"{scene}_{ev}EV.jpg")
    assert [{path.name[:5] for path in scene.files} for scene in find_scenes(tmp_path).scenes] == [{"beach"}, {"churc"}]


@pytest.mark.parametrize("gone", ["truncated", "empty", "mislabelled"])
def test_a_bracket_is_never_merged_without_its_damaged_frame(camera, gone):
    expected = [camera.aeb(0, -2, 2), camera.wait(9).aeb(0, -2, 2)]
    last = camera.wait(9).aeb(-2, -1, 0, 1, 2)
    start = camera.taken[-5:]
    for damaged in (start[0], start[4]):
        kept = damaged.read_bytes()
        damaged.write_bytes({"truncated": kept[:40], "empty": b"", "mislabelled": b"\x89PNG\r\n\x1a\n" + kept}[gone])
        discovery = found(camera)
        assert scenes_in(camera) == expected
        assert left_of(discovery)["unreadable"] == [damaged.name]
        assert [left.is_failure for left in discovery.leftovers if damaged in left.paths] == [True]
        assert len(left_of(discovery)["interrupted"]) == 4
        damaged.write_bytes(kept)
    start[2].write_bytes(b"")
    assert scenes_in(camera) == [*expected, last]
    assert start[2] in found(camera).scenes[-1].files


def test_groups_of_a_number_are_made_whatever_the_exposures_say(camera):
    for index in range(2):
        for path in [camera.shoot(1 / 60, mode=None, pause_s=1) for _ in range(2)]:
            assert path
        camera.shoot(1 / 20, mode=None)
        camera.wait(30 * index)
    assert [len(scene.files) for scene in found(camera, group=3).scenes] == [3, 3]
    assert left_of(found(camera, group=3)) == {"single": ["IMG_0001.jpg"]}


def test_groups_of_a_number_step_over_a_single_between_brackets(camera):
    expected = [camera.aeb(0, -2, 2), camera.wait(20).aeb(0, -2, 2)]
    camera.wait(20).shoot()
    expected += [camera.wait(20).aeb(0, -2, 2), camera.wait(20).aeb(0, -2, 2)]
    discovery = found(camera, group=3)
    assert [scene.name for scene in discovery.scenes] == expected
    assert left_of(discovery) == {"single": ["IMG_0001.jpg", "IMG_0008.jpg"]}


def test_groups_of_a_number_need_no_exif(tmp_path):
    for number in range(1, 8):
        write(tmp_path / f"{number}.tif")
    discovery = find_scenes(tmp_path, group=3)
    assert names_of(discovery) == ["1-3", "4-6"]
    assert left_of(discovery) == {"no exposure": ["7.tif"]}


def test_the_order_in_which_a_folder_lists_its_files_does_not_matter(camera, tmp_path):
    for _ in range(3):
        camera.wait(4).aeb(0, -2, 2)
    again = tmp_path / "again" / "shoot"
    again.mkdir(parents=True)
    for path in reversed(camera.taken):
        shutil.copy(path, again)
    shutil.rmtree(camera.folder)
    assert [scene.name for scene in find_scenes(tmp_path / "again").scenes] == [
        "IMG_0002-IMG_0004", "IMG_0005-IMG_0007", "IMG_0008-IMG_0010"
    ]  # fmt: skip


def shots_of(camera, **captures):
    """The shots of a camera, what each capture says replaced."""
    shots = []
    for index, path in enumerate(camera.taken):
        shot = read_shot(path)
        said = {name: values[index] for name, values in captures.items()}
        shots.append(replace(shot, header=replace(shot.header, capture=replace(shot.capture, **said))))
    return shots


def test_the_maker_notes_count_of_shots_parts_brackets(tmp_path):
    body = Camera(tmp_path)
    for ev in (-2, 0, 2, 4):
        body.shoot(2.0 ** (ev - 6), mode=BRACKET)
    (scene,) = segment(shots_of(body)).scenes
    assert len(scene.files) == 4
    scenes = segment(shots_of(body, bracket_shot=[1, 2, 1, 2])).scenes
    assert [scene.name for scene in scenes] == ["IMG_0001-IMG_0002", "IMG_0003-IMG_0004"]


def test_the_maker_notes_shift_parts_brackets_of_one_light(tmp_path):
    body = Camera(tmp_path)
    for ev in (0, 2, 4, 6):
        body.shoot(2.0 ** (ev - 8), mode=BRACKET)
    scenes = segment(shots_of(body, bracket_shift_ev=[-1, 1, -1, 1])).scenes
    assert [len(scene.files) for scene in scenes] == [2, 2]


def test_a_bracket_that_comes_to_the_longest_time_is_whole(camera):
    for bias in (-1, 0, 1, 2):
        camera.shoot(min(15 * 2.0**bias, 30), bias=bias)
    assert scenes_in(camera) == ["IMG_0002-IMG_0005"]


SERIES = st.lists(
    st.tuples(
        st.integers(-3, 3),  # EV
        st.sampled_from([0, 0.2, 4, 25, 300]),  # pause in seconds
        st.sampled_from([None, "auto", "manual", "bracket"]),
        st.sampled_from(["sound", "sound", "sound", "unread", "without exposure", "without clock"]),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(SERIES, st.sampled_from([None, 2, 3, 5]))
def test_every_shot_is_in_one_scene_or_left_over_once(series, count):
    shots, clock_s = [], 0.0
    for index, (ev, pause_s, mode, state) in enumerate(series):
        path = Path(f"IMG_{index:04d}.jpg")
        clock_s += pause_s
        if state == "unread":
            shots.append(Shot(path=path, problem="is empty"))
            continue
        capture = Capture(exposure_time_s=2.0**ev, f_number=8, iso=100, exposure_mode=mode)
        header = ImageHeader(path=path, width=6, height=4, channels=3, dtype="uint8", linear=False, capture=capture)
        stated = {} if state == "without exposure" else {"ev": float(ev), "ev_source": "EXIF"}
        shots.append(Shot(path=path, header=header, clock_s=None if state == "without clock" else clock_s, **stated))
    segmented = segment(shots, count=count)
    seen = [path for part in segmented.scenes for path in part.files]
    seen += [path for part in segmented.leftovers for path in part.paths]
    assert sorted(seen) == [shot.path for shot in shots]
    assert all(len(scene.files) == count if count else len(scene.files) >= 2 for scene in segmented.scenes)
    assert all(left.reason for left in segmented.leftovers)


RISING = tuple(2.0**ev / 480 for ev in (0, 1, 2, 3, 3, 4, 5))


def manual(camera, *times_s, pause_s=1.0, mode=None):
    """Frames of these times, by a camera that says nothing of bracketing; gives the scene's name."""
    return scene_name([camera.shoot(time_s, mode=mode, pause_s=pause_s) for time_s in times_s])


@pytest.mark.parametrize("mode", [None, MANUAL, BRACKET])
@pytest.mark.parametrize("between_s", [15, 0])
def test_two_equal_exposures_in_the_middle_tear_no_bracket_apart(tmp_path, mode, between_s):
    body = Camera(tmp_path / "card")
    expected = [manual(body.wait(between_s), *RISING, mode=mode) for _ in range(2)]
    assert scene_names(tmp_path) == expected
    expected.append(manual(body.wait(between_s), *RISING, mode=mode))
    assert scene_names(tmp_path) == expected


@pytest.mark.parametrize(("count", "pause_s"), [(1, 6.0), (3, 6.0), (1, 1.0)])
def test_equal_exposures_in_the_middle_may_be_slowly_taken_or_come_but_once(camera, count, pause_s):
    expected = [manual(camera.wait(60), *RISING, pause_s=pause_s, mode=MANUAL) for _ in range(count)]
    assert scenes_in(camera) == expected
    camera.wait(60).shoot(1 / 60, mode=MANUAL)
    assert scenes_in(camera) == expected
    assert left_of(found(camera)) == {"single": ["IMG_0001.jpg", camera.taken[-1].name]}


@pytest.mark.parametrize(
    "times_s",
    [
        (2, 4, 8, 16, 30, 30, 30), (1 / 500, 1 / 1000, 1 / 2000, 1 / 4000, 1 / 4000), (8, 15, 30, 30, 30),
        (1 / 250, 1 / 125, 1 / 60, 1 / 30, 1 / 30), (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 12.8),
        (1 / 1000, 1 / 2000, 1 / 500, 1 / 4000, 1 / 250, 1 / 8000, 1 / 125, 1 / 8000, 1 / 60),
        (1 / 60, 1 / 120, 1 / 30, 1 / 240, 1 / 15, 1 / 480, 1 / 8, 1 / 960, 1 / 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", [None, MANUAL])
def test_a_bracket_that_repeats_its_last_exposure_is_whole(camera, times_s, mode):
    expected = [manual(camera.wait(60), *times_s, mode=mode) for _ in range(2)]
    assert scenes_in(camera) == expected


def test_a_camera_at_its_longest_time_repeats_it_in_one_bracket_too(camera):
    expected = [manual(camera, 2, 8, 30, 30, mode=MANUAL), manual(camera.wait(90), 1 / 100, 1 / 25, 1 / 6, mode=MANUAL)]
    assert scenes_in(camera) == expected


@pytest.mark.parametrize("pause_s", [9.0, 20.0])
def test_a_pause_parts_brackets_of_which_one_begins_where_the_other_ends(camera, pause_s):
    expected = []
    for times_s in ((1 / 250, 1 / 60, 1 / 15), (1 / 15, 1 / 2, 4, 30), (30, 15, 8), (8, 2, 1 / 2, 1 / 8, 1 / 30)):
        expected.append(manual(camera, *times_s, mode=MANUAL))
        camera.wait(pause_s)
    assert scenes_in(camera) == expected


def test_a_pattern_parts_brackets_of_which_one_begins_where_the_other_ends(camera):
    expected = [manual(camera, *(2.0 ** (2 * step + base) for step in range(3))) for base in (-9, -5, -9, -9, -7)]
    assert scenes_in(camera) == expected


def test_a_half_that_goes_by_other_brackets_steps_is_a_bracket(camera):
    expected = [manual(camera.wait(60), 1 / 250, 1 / 60, 1 / 15, mode=MANUAL) for _ in range(3)]
    expected.append(manual(camera, 1 / 15, 1 / 4, 1, 4, mode=MANUAL))
    assert scenes_in(camera) == expected


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("mode", [None, MANUAL])
def test_singles_and_bursts_of_a_brackets_exposure_stay_out_of_it(camera, frames, before, mode):
    times_s = (1 / 250, 1 / 60, 1 / 15)
    expected = []
    for _ in range(2):
        camera.wait(60)
        for is_burst in (True, False) if before else (False, True):
            if is_burst:
                names = [camera.shoot(times_s[0 if before else -1], mode=mode, pause_s=0.2) for _ in range(frames)]
                assert names
                camera.wait(8)
            else:
                expected.append(manual(camera, *times_s, mode=mode))
                camera.wait(8)
    assert scenes_in(camera) == expected
    assert sum(len(paths) for paths in left_of(found(camera)).values()) == 1 + 2 * frames


@pytest.mark.parametrize("pause_s", [0.1, 1.0])
def test_a_long_burst_at_the_longest_time_is_no_part_of_the_bracket_before_it(camera, pause_s):
    bracket = manual(camera, 2, 8, 30, pause_s=pause_s, mode=MANUAL)
    for _ in range(6):
        camera.shoot(30, mode=MANUAL, pause_s=pause_s)
    assert scenes_in(camera) == [bracket]


def test_a_long_bracket_beside_a_longer_one_is_told_from_its_part_at_once(camera):
    whole = manual(camera, *(2.0 ** (0.5 * step - 10) for step in range(31)), pause_s=0.1, mode=MANUAL)
    camera.wait(60)
    part = [camera.shoot(2.0 ** (1.0 * step - 10), mode=MANUAL, pause_s=0.1) for step in range(15)]
    with costs_at_most(20):
        assert scenes_in(camera) == [whole, scene_name(part)]


def phone(camera, evs=(-2, 0, 2), *, sub_seconds=True, frame_s=0.3):
    """RAW files and JPEGs of one bracket, named apart as phones do; gives the JPEGs and the RAW files."""
    camera.sub_seconds = sub_seconds
    jpegs, raws = [], []
    for ev in evs:
        begun = camera.clock + timedelta(milliseconds=10)
        camera.clock = begun
        camera.shoot(2.0**ev / 60, bias=ev, mode=BRACKET, pause_s=frame_s)
        stem = f"PXL_{begun:%Y%m%d_%H%M%S}{begun.microsecond // 1000:03d}"
        jpeg = camera.taken.pop().rename(camera.folder / f"{stem}.RAW-01.MP.COVER.jpg")
        sub_second = f"{begun.microsecond // 10_000:02d}" if sub_seconds else None
        raws.append(write_dng(camera.folder / f"{stem}.RAW-02.ORIGINAL.dng", 2.0**ev / 60, ev, begun, sub_second))
        jpegs.append(jpeg)
    return jpegs, raws


@pytest.mark.skipif(not importlib.util.find_spec("rawpy"), reason="needs rawpy")
@pytest.mark.parametrize("sub_seconds", [True, False])
@pytest.mark.parametrize("brackets", [1, 3])
def test_a_phones_raw_file_and_its_jpeg_of_another_name_count_once(tmp_path, sub_seconds, brackets):
    body = Camera(tmp_path / "Camera")
    raws = [phone(body.wait(60), sub_seconds=sub_seconds)[1] for _ in range(brackets)]
    discovery = find_scenes(tmp_path)
    assert [sorted(scene.files) for scene in discovery.scenes] == [sorted(frames) for frames in raws]
    assert (discovery.leftovers, discovery.warnings) == ((), ())
    assert find_scene([body.folder]).files == tuple(
        sorted((path for frames in raws for path in frames), key=natural_key)
    )


def test_without_rawpy_a_phones_jpegs_count_with_a_warning(tmp_path, monkeypatch):
    body = Camera(tmp_path / "Camera")
    jpegs, _ = phone(body)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (scene,) = find_scenes(tmp_path).scenes
    assert set(scene.files) == {*jpegs}
    assert "3 RAW files are left out" in find_scenes(tmp_path).warnings[0]
    found_there = find_scene([body.folder])
    assert set(found_there.files) == {*jpegs}
    assert "of the same moment" in found_there.warnings[0]


@pytest.mark.parametrize("odd", ["two jpegs", "another camera", "one raw more", "another time", "two of a second"])
def test_what_may_be_no_pair_is_left_as_it_is(tmp_path, odd):
    one, raw = Path("a.jpg"), Path("b.dng")
    moment = datetime(2024, 5, 4, 12, 0, 0, 250_000 if odd in ("two jpegs", "another camera") else 0)
    capture = Capture(camera="Phone", captured_at=moment, exposure_time_s=1 / 60)
    captures = {one: capture, raw: capture}
    assert companions(captures) == {raw: one}
    match odd:
        case "two jpegs":
            captures[Path("a-edited.jpg")] = capture
        case "another camera":
            captures[raw] = replace(capture, camera="Body A")
        case "one raw more":
            captures[Path("c.dng")] = replace(capture, captured_at=moment + timedelta(seconds=9))
        case "another time":
            captures[raw] = replace(capture, exposure_time_s=1 / 15)
        case "two of a second":
            captures |= {Path("c.dng"): capture, Path("d.jpg"): capture}
    assert companions(captures) == {}


def test_a_zone_that_only_one_of_a_pair_states_and_another_rounding_part_none():
    moment = datetime(2024, 5, 4, 12, 0, 0)
    captures = {
        Path("a.jpg"): Capture(camera="Phone", captured_at=moment, exposure_time_s=0.0167),
        Path("b.dng"): Capture(camera="Phone", captured_at=moment.replace(tzinfo=UTC), exposure_time_s=1 / 60),
    }
    assert companions(captures) == {Path("b.dng"): Path("a.jpg")}


def scene_names(root):
    return [scene.name for scene in find_scenes(root).scenes]

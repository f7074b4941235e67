"""Frames that are transparent in places, the reference too, on procedural scenes whose truth is known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tifffile
from daily import daily
from PIL import Image
from small_network import write_network

import hdrfuse
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.imaging.merging.merge import merge

EVS = (-2.0, 0.0, 2.0)
SIZE = (320, 240)
TOP = 30
"""Rows that the reference has no data of."""


@cache
def scene(motion):
    return procedural_bracket(0, motion=motion, size=SIZE, evs=EVS, bits=8)


def write_frames(folder, motion, covered, suffix=".tif", *, hidden=200):
    """Write a scene's frames with alpha, grey where they are transparent."""
    for frame, mask, ev in zip(scene(motion).frames, covered, EVS, strict=True):
        pixels = np.dstack([np.where(mask[..., None], frame, np.uint8(hidden)), mask * np.uint8(255)])
        path = folder / f"a_{ev:+g}EV{suffix}"
        if suffix == ".tif":
            tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[2])
        else:
            Image.fromarray(pixels).save(path)
    return folder


def rims():
    """Each frame's coverage: the reference lacks its top, the others a side each."""
    covered = [np.ones(SIZE[::-1], np.bool_) for _ in EVS]
    covered[0][:, :20] = covered[1][:TOP] = covered[2][:, -20:] = False
    return covered


def error_of(radiance, truth):
    """Median relative error; the truth's white is the shortest frame's."""
    return float(np.median(np.abs(radiance / 4 - truth) / (truth + 0.01)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    scores = [{"typical_error": 0.0126}]
    return write_network(tmp_path_factory.mktemp("weights") / "small.safetensors", progress={"scores": scores})


@pytest.mark.parametrize("suffix", daily(1, [".tif", ".png"]))
@pytest.mark.parametrize("motion", ["static", "handheld"])
def test_other_frames_show_what_the_reference_has_no_data_of(tmp_path, motion, suffix):
    folder = write_frames(tmp_path, motion, rims(), suffix)
    merged = hdrfuse.merge(folder, method="classical", align=motion != "static", reference=1)
    rows = slice(8, TOP - 2)  # what hand-held frames reach too
    assert error_of(merged.radiance[rows], scene(motion).truth[rows]) < 0.03
    assert error_of(merged.radiance, scene(motion).truth) < 0.03
    assert merged.report.ghost_fraction < 0.02
    assert merged.report.warnings == ()


@pytest.mark.parametrize("blend", daily(1, [True, False]))
def test_the_network_sees_other_frames_there_too(tmp_path, weights, blend):
    folder = write_frames(tmp_path, "static", rims())
    merged = hdrfuse.merge(folder, align=False, reference=1, weights=weights, blend=blend)
    reached = merged.radiance[4 : TOP - 4].mean() / (4 * scene("static").truth[4 : TOP - 4].mean())
    below = merged.radiance[TOP + 4 :].mean() / (4 * scene("static").truth[TOP + 4 :].mean())
    assert np.isfinite(merged.radiance).all()
    assert reached == pytest.approx(below, rel=0.25)  # random weights are as wrong here as there


def test_what_is_in_no_frame_is_black_and_counted(tmp_path, weights):
    covered = rims()
    for mask in covered:
        mask[100:120, 50:90] = False
    folder = write_frames(tmp_path, "static", covered)
    for options in ({"method": "classical"}, {"weights": weights}, {"weights": weights, "blend": False}):
        merged = hdrfuse.merge(folder, align=False, reference=1, **options)
        assert (merged.radiance[100:120, 50:90] == 0).all()
        assert (merged.radiance[121:, 50:90] > 0).all()
        assert np.isfinite(merged.ghost_map).all()
        assert merged.report.unseen_fraction == pytest.approx(20 * 40 / (SIZE[0] * SIZE[1]), abs=1e-5)


def test_where_all_that_have_data_disagree_the_nearest_darker_speaks(tmp_path):
    folder = write_frames(tmp_path, "static", rims())
    merged = hdrfuse.merge(folder, method="classical", align=False, reference=1)
    nobody = replace(merged.ghosts, consistency=[np.zeros(SIZE[::-1], np.float32)] * 3)
    radiance = merge(merged.frames, 1, nobody)
    reached = (slice(TOP), slice(20, None))
    np.testing.assert_allclose(radiance[reached], 4 * merged.frames[0].exposure()[reached], rtol=1e-4)
    bright = (slice(TOP), slice(20))  # the darker frame has no data there
    bright_light = merged.frames[2].exposure()[bright]
    unclipped = bright_light < 0.8
    np.testing.assert_allclose(radiance[bright][unclipped], bright_light[unclipped] / 4, rtol=1e-4)


@pytest.mark.slow
def test_what_the_brightest_frame_alone_shows_clipped_is_its_white(tmp_path, weights):
    covered = rims()
    y, x = np.unravel_index(scene("static").frames[2].min(axis=2)[:TOP, :-30].argmax(), (TOP, SIZE[0] - 30))
    assert (scene("static").frames[2][y, x] == 255).all()
    covered[0][: y + 5, : x + 5] = covered[1][y, x] = False
    folder = write_frames(tmp_path, "static", covered)
    for options in ({"method": "classical"}, {"weights": weights}):
        merged = hdrfuse.merge(folder, align=False, reference=1, **options)
        assert np.isfinite(merged.radiance).all()
    merged = hdrfuse.merge(folder, align=False, reference=1, method="classical")
    assert merged.radiance[y, x] == pytest.approx(0.25, rel=0.05)


def test_what_moved_beside_the_reference_s_rim_does_not_empty_it(tmp_path):
    columns = slice(100, 160)
    frames = [frame.copy() for frame in scene("static").frames]
    frames[0][TOP - 5 : TOP + 40, columns], frames[2][TOP - 5 : TOP + 40, columns] = 20, 90
    noise = np.random.default_rng(0).integers(150, 220, (45, 60, 3), np.uint8)
    frames[1][TOP - 5 : TOP + 40, columns] = noise
    for frame, mask, ev in zip(frames, rims(), EVS, strict=True):
        pixels = np.dstack([frame * mask[..., None], mask * np.uint8(255)])
        tifffile.imwrite(tmp_path / f"a_{ev:+g}EV.tif", pixels, photometric="rgb", extrasamples=[2])
    merged = hdrfuse.merge(tmp_path, method="classical", align=False, reference=1)
    assert np.isfinite(merged.radiance).all()
    assert error_of(merged.radiance[8 : TOP - 6, columns], scene("static").truth[8 : TOP - 6, columns]) < 0.03
    assert np.ptp(merged.radiance[TOP - 4 : TOP - 1, columns]) < 1e-3  # the darkest frame's, not a mixture


def test_one_rim_of_all_frames_does_not_hide_the_camera_s_motion(tmp_path):
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    radius = np.hypot(2 * x / SIZE[0] - 1, 2 * y / SIZE[1] - 1)
    merged = hdrfuse.merge(write_frames(tmp_path, "handheld", [radius < 1] * 3), method="classical", reference=1)
    assert [frame.registration != "identity" for frame in merged.report.frames] == [True, False, True]
    assert error_of(merged.radiance[radius < 0.9], scene("handheld").truth[radius < 0.9]) < 0.03


def test_exposures_are_compared_where_all_frames_have_data(tmp_path):
    covered = [np.ones(SIZE[::-1], np.bool_) for _ in EVS]
    by_brightness = scene("static").truth.mean(axis=(0, 2)).argsort()
    covered[2][:, by_brightness[SIZE[0] // 12 :]] = False  # the longest exposure has the darkest columns alone
    folder = write_frames(tmp_path, "static", covered, hidden=0)
    merged = hdrfuse.merge(folder, method="classical", align=False, reference=1)
    assert [frame.gain_ev for frame in merged.report.frames] == pytest.approx([0, 0, 0], abs=0.05)
    assert merged.report.warnings == ()


def test_alpha_that_hides_nothing_changes_nothing(tmp_path):
    opaque = [np.ones(SIZE[::-1], np.bool_)] * 3
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    write_frames(tmp_path / "with", "static", opaque)
    for frame, ev in zip(scene("static").frames, EVS, strict=True):
        tifffile.imwrite(tmp_path / "without" / f"a_{ev:+g}EV.tif", frame, photometric="rgb")
    first, second = (hdrfuse.merge(tmp_path / name, method="classical") for name in ("with", "without"))
    np.testing.assert_array_equal(first.radiance, second.radiance)


def test_the_network_makes_up_no_light_where_the_darkest_frame_alone_has_data(tmp_path):
    covered = [np.ones(SIZE[::-1], np.bool_) for _ in EVS]
    for mask, rows in zip(covered, (10, 20, 30), strict=True):
        mask[:rows] = False
    folder = write_frames(tmp_path, "static", covered)
    by_network, classical = (hdrfuse.merge(folder, align=False, method=method) for method in ("lfdiff", "classical"))
    np.testing.assert_array_equal(by_network.radiance[10:20], classical.radiance[10:20])

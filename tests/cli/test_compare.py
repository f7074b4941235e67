"""`hdrfuse compare`: two finished files, their metrics and a picture."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from hdrfuse.errors import ExitCode
from hdrfuse.formats import RadianceFacts, Storage, write_image
from hdrfuse.metrics import psnr_l

SHAPE = (32, 48, 3)


def written(path, radiance, **provenance):
    write_image(path, radiance, RadianceFacts(provenance=provenance), storage=Storage(half=False))
    return path


@pytest.fixture
def truth():
    return np.random.default_rng(1).uniform(0.01, 0.9, SHAPE).astype(np.float32)


@pytest.fixture
def pair(tmp_path, truth):
    noisy = np.clip(truth + 0.01, 0, None)
    return written(tmp_path / "ours.exr", noisy), written(tmp_path / "truth.exr", truth)


def test_a_file_is_scored_against_another_and_the_difference_drawn(run, pair, truth):
    outcome = run("compare", *pair, "--json")
    assert outcome.code == ExitCode.DONE, outcome.err
    found = json.loads(outcome.out)
    assert found["values"]["PSNR-L"] == pytest.approx(psnr_l(truth + np.float32(0.01), truth), abs=1e-3)
    assert set(found["values"]) == {"PSNR-mu", "PSNR-L", "SSIM-mu", "SSIM-L", "HDR-VDP-2"}
    picture = pair[0].with_name("ours.difference.png")
    assert found["picture"] == str(picture)
    assert Image.open(picture).size == (3 * 48 + 16, 32)


def test_equal_files_score_infinity_in_the_table_and_null_in_json(run, pair):
    shown = run("compare", pair[1], pair[1], "--no-picture")
    assert "\N{INFINITY}" in shown.out
    assert "a picture equal to the ground truth" in shown.out
    found = json.loads(run("compare", pair[1], pair[1], "--no-picture", "--json").out)
    assert found["values"]["PSNR-mu"] is None
    assert found["values"]["HDR-VDP-2"] == 100
    assert found["notes"]


@pytest.mark.parametrize(
    ("words", "stated", "white"), [((), {}, 36), (("--white", "2"), {}, 2), ((), {"evs": "-2.00, +0.00, +2.00"}, 4)]
)
def test_files_that_reach_above_white_equal_themselves_and_no_others(run, tmp_path, truth, words, stated, white):
    bright = truth * np.float32(36 / truth.max())
    dimmer = np.where(bright == bright.max(), np.float32(30), bright)
    first, copy, other = (
        written(tmp_path / name, radiance, **stated)
        for name, radiance in (("a.exr", bright), ("b.exr", bright), ("c.exr", dimmer))
    )
    found = json.loads(run("compare", first, copy, *words, "--no-picture", "--json").out)
    assert list(found["values"].values()) == [None, None, 1, 1, 100]
    assert (found["white"], found["clipped_at"]) == (pytest.approx(white), pytest.approx(36))
    shown = run("compare", first, copy, *words, "--no-picture").out
    assert f"white = {white:g}, image clipped to [0, 36]" in shown
    found = json.loads(run("compare", other, first, *words, "--no-picture", "--json").out)
    assert found["values"]["PSNR-L"] is not None


def test_merges_are_compared_up_to_the_shortest_frames_white(run, tmp_path, truth):
    evs = {"evs": "-2.00, +0.00, +2.00"}
    ours = written(tmp_path / "ours.exr", truth * 4 + np.float32(0.01), **evs)
    theirs = written(tmp_path / "theirs.exr", truth * 4, **evs)
    found = json.loads(run("compare", ours, theirs, "--no-picture", "--json").out)
    assert found["white"] == 4
    assert found["beyond_white"] == 0
    plain = written(tmp_path / "plain.exr", truth * 4)
    assert json.loads(run("compare", ours, plain, "--no-picture", "--json").out)["white"] == 4
    at_one = run("compare", ours, theirs, "--no-picture", "--white", "1")
    assert "of the reference lies above white" in at_one.out


def test_files_in_two_units_are_noticed(run, tmp_path, pair, truth):
    fourfold = written(tmp_path / "fourfold.exr", truth * 4)
    outcome = run("compare", fourfold, pair[1], "--no-picture")
    assert "The image is 4 times as bright as the reference: are both in one unit?" in outcome.out


def test_sizes_that_differ_name_both_files(refused, tmp_path, pair, truth):
    small = written(tmp_path / "small.hdr", truth[:20])
    refused(tmp_path, "compare", small, pair[1], naming=("small.hdr has 48 x 20", "truth.exr 48 x 32"))


def test_nan_display_encoded_and_missing_files_are_named(refused, tmp_path, pair, truth):
    cv2.imwrite(str(tmp_path / "nan.tif"), np.full(SHAPE, np.nan, np.float32))
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros(SHAPE, np.uint8))
    refused(tmp_path, "compare", pair[0], tmp_path / "nan.tif", naming=("nan.tif", "NaN"))
    refused(tmp_path, "compare", tmp_path / "photo.png", pair[0], naming=("photo.png", "linear"))
    refused(tmp_path, "compare", pair[0], tmp_path / "none.exr", naming="none.exr: no such file")


def test_no_file_is_overwritten_unasked(refused, run, tmp_path, pair):
    refused(tmp_path, "compare", *pair, "--out", pair[1], naming="truth.exr")
    refused(tmp_path, "compare", *pair, "--white", "0", naming="--white 0")
    assert run("compare", *pair).code == ExitCode.DONE
    refused(tmp_path, "compare", *pair, naming="ours.difference.png: exists already")
    assert run("compare", *pair, "--overwrite").code == ExitCode.DONE

"""The benchmark on images: every way to merge on every scene, as a table and as JSON."""

import json
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import pytest

from hdrfuse.benchmark import images, quality
from hdrfuse.benchmark.tables import Results
from hdrfuse.cli import main
from hdrfuse.errors import ExitCode
from hdrfuse.machine import this_machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two HDR images for tests and one for training."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(1)
    for name, size in (("venice", (96, 192)), ("Desk", (120, 160)), ("city", (96, 192))):
        coarse = np.exp(rng.normal(-2, 1.2, (12, 16, 3))).astype(np.float32)
        cv2.imwrite(str(folder / f"{name}.hdr"), np.maximum(cv2.resize(coarse, size[::-1]), 1e-3))
    return folder


@pytest.fixture(scope="module")
def measured(folder: Path) -> list[images.ImageQuality]:
    return images.measure_images(folder, None, range(2), size=(144, 96), motions=("static", "moving"))


def test_every_method_has_a_score_for_every_scene(measured: list[images.ImageQuality]) -> None:
    assert [(each.motion, each.method) for each in measured] == [
        (motion, method) for motion in ("static", "moving") for method in quality.methods()
    ]
    for each in measured:
        assert each.scenes == ("0 Desk", "1 venice")
        assert np.isfinite(each.psnr_mu_db).all()
        assert each.mean_db == pytest.approx(fmean(each.psnr_mu_db))
        assert each.least_db == min(each.psnr_mu_db)


def test_motion_spoils_the_plain_merge_and_leaves_the_reference(measured: list[images.ImageQuality]) -> None:
    means = {(each.method, each.motion): each.mean_db for each in measured}
    plain, alone = "triangle weights, true curve", "reference frame alone"
    assert means[plain, "moving"] < means[plain, "static"] - 3
    assert means[alone, "moving"] == means[alone, "static"]


def test_a_table_has_each_scene_the_mean_and_the_least(measured: list[images.ImageQuality]) -> None:
    text = Results(machine=this_machine(), images=measured).as_text(width=160)
    rows = [line for line in text.splitlines() if "│" in line]
    for name, figure in (("0 Desk", 0), ("1 venice", 1)):
        shown = [row for row in rows if name in row]
        assert len(shown) == 2
        assert all(f"{each.psnr_mu_db[figure]:.1f}" in shown[0] for each in measured[: len(quality.methods())])
    assert sum("mean" in row for row in rows) == 2
    assert sum(f"{measured[0].least_db:.1f}" in row for row in rows if "least" in row) >= 1


@pytest.mark.usefixtures("classical_alone")
def test_bench_measures_images_alone_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--what", "images", "--images", str(folder), "--seeds", "1", "--size", "96x64", "--bits", "8"]
    assert main([*arguments, "--quiet", "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["speed"] == found["quality"] == found["calibration"] == []
    assert len(found["images"]) == len(quality.methods()) * len(images.MOTIONS)
    assert found["images"][0].keys() == {"method", "motion", "scenes", "psnr_mu_db", "mean_db", "least_db"}


@pytest.mark.slow
@pytest.mark.usefixtures("classical_alone")
def test_bench_photographs_images_with_a_camera_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--what", "images", "--images", str(folder), "--seeds", "1", "--size", "96x64", "--camera"]
    assert main([*arguments, "--quiet", "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == []
    assert {each["motion"] for each in found["camera"]} == set(images.MOTIONS)
    scores = [score for each in found["camera"] for score in each["scores"]]
    assert {score["scene"] for score in scores} == {"12 Desk"}
    assert all(10 < score["psnr_mu_db"] < 80 and 0 <= score["moved"] <= 1 for score in scores)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--what", "images"], "--images DIR"),
        (["--what", "quality", "--camera"], "--camera goes with --images DIR"),
        (["--what", "images", "--images", "nowhere"], "nowhere"),
        (["--movers", "cutouts"], "--movers"),
    ],
)
def test_images_that_are_missing_are_named_in_one_line(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments, "--quiet"]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert named in err

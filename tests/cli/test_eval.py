"""`hdrfuse eval` from folders to tables, pictures and files."""

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from typing import get_args

import cv2
import numpy as np
import pytest
from data import public_sets
from small_network import CONFIG, write_network

from hdrfuse.cli.eval import Dataset, MotionName, PriorName, SplitName, VdpPreset
from hdrfuse.data.layouts import LAYOUTS
from hdrfuse.data.procedural import Motion
from hdrfuse.data.splits import Split
from hdrfuse.errors import ExitCode
from hdrfuse.evaluation.prior_sources import SOURCES
from hdrfuse.evaluation.protocol import VDP_PRESETS
from hdrfuse.formats import RadianceFacts, Storage, write_image

METRICS = ["PSNR-mu", "PSNR-L", "SSIM-mu", "SSIM-L", "HDR-VDP-2"]

EXPECTED = {
    "kalantari": "Test/[PAPER|EXTRA/]<scene>/{three 16-bit}.tif",
    "hu": "Test/<scene>/input_1_aligned.tif",
    "tel": "Test/<scene>/input_1.tif",
    "challenge123": "Test/<scene>_1/ldr_img_1.tif",
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A small set in each layout, by name: its folder and what its scenes hold."""
    found = {}
    for name in public_sets.LAYOUTS:
        folder = tmp_path_factory.mktemp(name)
        found[name] = folder, public_sets.write_set(folder, name)
    return found


@pytest.fixture
def data(sets, tmp_path):
    """A copy of the Kalantari layout that may be spoiled."""
    return shutil.copytree(sets["kalantari"][0], tmp_path / "data")


def report_of(outcome, code=ExitCode.DONE):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


def score_of(report, scene, method):
    scores = next(each["scores"] for each in report["scenes"] if each["name"] == scene)
    return next(score for score in scores if score["method"] == method)


def test_choices_are_those_that_there_are():
    assert get_args(Dataset) == (*LAYOUTS, "synthetic")
    assert get_args(VdpPreset) == VDP_PRESETS
    assert tuple(MotionName) == get_args(Motion)
    assert tuple(PriorName) == SOURCES
    assert set(SplitName) <= set(get_args(Split))


@pytest.mark.parametrize("name", public_sets.LAYOUTS)
def test_every_layout_goes_through_the_whole_command(run, sets, tmp_path, name):
    folder, written = sets[name]
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    theirs.mkdir()
    for scene, holds in written.items():
        write_image(theirs / f"{scene}.exr", holds.radiance, RadianceFacts(), storage=Storage(half=False))
    outcome = run("eval", "--dataset", name, "--data", folder, "--method", "reference", "--method", theirs,
                  "--out", out, "--json")  # fmt: skip
    report = report_of(outcome)
    assert [scene["name"] for scene in report["scenes"]] == list(written)
    assert [metric["name"] for metric in report["metrics"]] == METRICS
    for scene in written:
        equal, plain = score_of(report, scene, str(theirs)), score_of(report, scene, "reference")
        assert equal["values"] == {"PSNR-mu": None, "PSNR-L": None, "SSIM-mu": pytest.approx(1),
                                   "SSIM-L": pytest.approx(1), "HDR-VDP-2": 100}  # fmt: skip
        assert set(equal["notes"]) == {"PSNR-mu", "PSNR-L"}
        assert 5 < plain["values"]["PSNR-L"] < 40
    shown = [row["cells"][0] for row in report["tables"][0]["rows"]]
    assert ("LF-Diff" in shown) == (name in ("kalantari", "hu"))
    assert shown[-2:] == ["reference", str(theirs)]
    assert {path.name for path in out.iterdir()} >= {"evaluation.json", "scores.csv", "tables.md", "report.html"}
    assert json.loads((out / "evaluation.json").read_text())["scenes"] == report["scenes"]
    assert len(list(csv.reader((out / "scores.csv").read_text().splitlines()))) == 1 + 2 * len(written)
    assert "published set has" in outcome.err


def test_the_terminal_shows_the_published_rows_ours_and_the_rules(run, data, tmp_path):
    outcome = run("eval", "--dataset", "kalantari", "--data", data, "--method", "reference", "--no-clip",
                  "--no-pictures", "--vdp-preset", "sctnet", "--out", tmp_path / "out")  # fmt: skip
    assert outcome.code == ExitCode.DONE, outcome.err
    for words in (
        "LF-Diff (published)",
        "44.76",
        "HDR-VDP-2 (sctnet)",
        "not clipped (--no-clip)",
        "torch 2",
        "gamma 2.2",
    ):
        assert words in outcome.out
    assert not (tmp_path / "out" / "report.html").exists()


def test_a_second_run_measures_only_what_is_new(run, data, tmp_path):
    words = ("eval", "--dataset", "kalantari", "--data", data, "--no-pictures", "--json", "--out", tmp_path / "out")
    first = report_of(run(*words, "--method", "reference"))
    records = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").rglob("*.json")}
    assert len(records) == 4
    again = report_of(run(*words, "--method", "reference", "--method", "opencv-debevec"))
    assert {path: path.stat().st_mtime_ns for path in records} == records
    assert [scene["scores"][0] for scene in again["scenes"]] == [scene["scores"][0] for scene in first["scenes"]]
    run(*words, "--method", "reference", "--overwrite")
    assert all(path.stat().st_mtime_ns > before for path, before in records.items() if path.name != "scene.json")


def test_a_damaged_scene_is_named_and_counted_and_the_exit_says_so(run, data, tmp_path):
    public_sets.truncate(data / "Test" / "001" / "262A0899.tif")
    outcome = run("eval", "--dataset", "kalantari", "--data", data, "--method", "reference", "--out", tmp_path / "out")
    assert outcome.code == ExitCode.PARTIAL_BATCH
    assert "warning: 001, reference: failed: " in outcome.err
    assert "262A0899.tif" in outcome.err
    assert "1 of 2" in outcome.out
    assert "262A0899.tif" in (tmp_path / "out" / "report.html").read_text()


def test_a_result_that_is_missing_or_has_nan_is_named(run, data, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    cv2.imwrite(str(theirs / "001.tif"), np.full((24, 40, 3), np.nan, np.float32))
    report = report_of(
        run("eval", "--dataset", "kalantari", "--data", data, "--method", theirs, "--json", "--out", tmp_path / "out"),
        ExitCode.PARTIAL_BATCH,
    )
    assert "001.tif" in score_of(report, "001", str(theirs))["failure"]
    assert "NaN" in score_of(report, "001", str(theirs))["failure"]
    assert "no result of scene BarbequeDay" in score_of(report, "BarbequeDay", str(theirs))["failure"]
    assert report["summary"][0]["failed"] == ["001", "BarbequeDay"]


@pytest.mark.parametrize("name", public_sets.LAYOUTS)
def test_a_wrong_folder_says_which_layout_was_expected_and_what_was_found(refused, sets, tmp_path, name):
    nowhere = tmp_path / "nowhere"
    refused(tmp_path, "eval", "--dataset", name, "--data", nowhere, naming=("nowhere", name))
    empty = tmp_path / "empty"
    (empty / "pictures").mkdir(parents=True)
    told = refused(tmp_path, "eval", "--dataset", name, "--data", empty, naming=(EXPECTED[name], "found pictures"))
    assert name in told
    other = "hu" if name == "kalantari" else "kalantari"
    folder = sets[other][0]
    told = refused(tmp_path, "eval", "--dataset", name, "--data", folder, naming=(EXPECTED[name], "in Test: "))
    assert f"it looks like --dataset {other}" in told


@pytest.mark.parametrize(
    ("words", "naming"),
    [
        ([], "--dataset and --data"),
        (["--dataset", "kalantari"], "--dataset and --data"),
        (["--dataset", "sen", "--data", "."], "sen"),
        (["--table", "5"], "--table"),
        (["--dataset", "hu", "--data", ".", "--movers", "."], "--movers"),
        (["--table", "2", "--timed-size", "large"], "--timed-size large"),
        (["--table", "2", "--method", "nothing"], "--method nothing"),
        (["--table", "2", "--weights", "none.safetensors"], "none.safetensors"),
        (["--table", "2", "--method", "reference", "--method", "reference"], "each once"),
    ],
)
def test_wrong_words_are_refused_in_one_line(refused, tmp_path, monkeypatch, words, naming):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, "eval", *words, naming=naming)


def test_table_3_without_weights_says_what_it_needs(refused, data):
    refused(data, "eval", "--dataset", "kalantari", "--data", data, "--table", "3", naming="--table3 ROW")


def test_synthetic_brackets_are_made_scored_and_pasted(run, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(1)
    for name in ("venice", "Desk", "city"):
        coarse = np.exp(rng.normal(-2, 1.2, (12, 16, 3))).astype(np.float32)
        cv2.imwrite(str(images / f"{name}.hdr"), np.maximum(cv2.resize(coarse, (192, 96)), 1e-3))
    card = tmp_path / "card.md"
    card.write_text("<!-- hdrfuse eval synthetic table 1 -->\n<!-- end of hdrfuse eval -->\n")
    words = ("eval", "--dataset", "synthetic", "--data", images, "--seeds", "2", "--size", "64x48", "--paste", card,
             "--method", "reference", "--out", tmp_path / "out", "--json")  # fmt: skip
    report = report_of(run(*words))
    assert [scene["name"] for scene in report["scenes"]] == ["00-static", "00-moving", "01-static", "01-moving"]
    assert {scene["details"] for scene in report["scenes"]} == {"Desk", "venice"}
    assert [each["group"] for each in report["summary"]] == ["static", "moving", ""]
    pasted = card.read_text()
    assert pasted.count("**Table 1: synthetic, test split") == 3
    assert "seeds 0 to 1" in pasted
    handheld = run(*words[:-1], "--motion", "handheld", "--align")
    assert handheld.code == ExitCode.DONE
    assert "hand-held scenes need --align" not in handheld.err
    assert "hand-held scenes need --align" in run(*words[:-1], "--motion", "handheld").err
    shutil.rmtree(tmp_path / "out" / "cache")
    assert report_of(run(*words))["scenes"] == report["scenes"]
    assert not (tmp_path / "out" / "cache").exists()


@pytest.fixture
def images(tmp_path):
    """Pictures of three splits, and a cut-out for tests."""
    rng = np.random.default_rng(1)
    (tmp_path / "images" / "foreground").mkdir(parents=True)
    for name in ("venice", "Desk", "city", "sunset", "night_highrise"):
        coarse = np.exp(rng.normal(-2, 1.2, (12, 16, 3))).astype(np.float32)
        cv2.imwrite(str(tmp_path / "images" / f"{name}.hdr"), np.maximum(cv2.resize(coarse, (192, 96)), 1e-3))
    for name in ("rembg_car-1", "rembg_car-3"):
        place = tmp_path / "images" / "foreground" / f"{name}.out.png"
        cv2.imwrite(str(place), rng.integers(0, 255, (9, 9, 4), np.uint8))
    return tmp_path / "images"


SPLITS = {"test": ["Desk", "venice"], "reserved": ["night_highrise", "sunset"]}


@pytest.mark.parametrize("splits", [["test"], ["reserved"], ["reserved", "test"]])
def test_a_split_names_the_pictures_that_scenes_are_made_from(run, images, tmp_path, splits):
    words = [word for split in splits for word in ("--split", split)]
    report = report_of(run("eval", "--dataset", "synthetic", "--data", images, "--seeds", "4", "--size", "48x32",
                           "--motion", "moving", "--method", "reference", "--no-pictures", "--out", tmp_path / "out",
                           "--json", *words))  # fmt: skip
    behind = sorted(name for split in splits for name in SPLITS[split])
    assert [scene["source"] for scene in report["scenes"]] == (behind * 2)[:4]
    made_from = {source["name"]: source for source in report["sources"]}
    assert set(made_from) == {*behind, "rembg_car-3"}
    assert {name: made_from[name]["split"] for name in behind} == {
        name: split for split in splits for name in SPLITS[split]
    }
    assert (made_from["rembg_car-3"]["split"], made_from["rembg_car-3"]["mover"]) == ("test", True)
    digest = hashlib.sha256((images / f"{behind[0]}.hdr").read_bytes()).hexdigest()
    assert made_from[behind[0]]["sha256"] == digest[:12]
    caption = " ".join(report["caption"])
    shown = "test and reserved splits" if len(splits) > 1 else f"{splits[0]} split"
    assert shown in caption
    assert shown in report["tables"][0]["title"]
    assert ("cut-outs of the test split" in caption) == (splits != ["test"])


def test_a_split_is_of_made_scenes_and_must_have_pictures(refused, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, "eval", "--dataset", "hu", "--data", ".", "--split", "reserved", naming="--split")
    for name in SPLITS["reserved"]:
        (images / f"{name}.hdr").unlink()
    refused(tmp_path, "eval", "--dataset", "synthetic", "--data", images, "--split", "test", "--split", "reserved",
            naming=("images", "reserved split"))  # fmt: skip


def test_priors_are_compared_inside_hidden_light_by_scene_and_source(run, images, tmp_path):
    weights = write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="block-means", block_means_widths=(8, 8)))
    words = [word for source in PriorName for word in ("--prior", source.value)]
    outcome = run("eval", "--dataset", "synthetic", "--data", images, "--seeds", "2", "--size", "96x64", "--motion",
                  "moving", "--weights", weights, "--method", "lfdiff", "--method", "lfdiff:network", *words,
                  "--out", tmp_path / "out", "--json")  # fmt: skip
    report = report_of(outcome)
    worth, differences = report["tables"]
    assert [table["number"] for table in report["tables"]] == [3, 3]
    assert [row["cells"][:2] for row in worth["rows"]] == [
        ["lfdiff", "own"], ["lfdiff", "null"],
        *(["lfdiff:network", source] for source in ("own", "truth", "constant", "foreign", "null")),
    ]  # fmt: skip
    assert [row["cells"][0] for row in differences["rows"]] == [
        "lfdiff: own - null", *(f"lfdiff:network: {source} - null" for source in PRIORS[:-1])
    ]  # fmt: skip
    assert [metric["name"] for metric in report["metrics"]][5:] == ["PSNR-mu hidden", "PSNR-mu clipped"]
    clipped = [score["values"]["PSNR-mu clipped"] for score in report["scenes"][0]["scores"]]
    assert len(clipped) == 7
    assert clipped[0] == clipped[1]  # an untrained prior corrects nothing
    assert clipped[3] > clipped[6] > clipped[4]
    header, first, *_ = csv.reader((tmp_path / "out" / "scores.csv").read_text().splitlines())
    assert float(first[header.index("PSNR-mu clipped")]) == pytest.approx(clipped[0])
    assert "Hidden light:" in " ".join(report["caption"])
    assert "PSNR-mu clipped (dB)" in (tmp_path / "out" / "report.html").read_text()


PRIORS = tuple(each.value for each in PriorName)


def test_a_prior_that_weights_do_not_take_is_refused(refused, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="direct"))
    words = ("--dataset", "synthetic", "--data", images, "--weights", weights)
    refused(tmp_path, "eval", *words, "--prior", "truth", naming=("--prior truth", "prior: direct", "takes own"))
    refused(tmp_path, "eval", *words, "--vgg", weights, naming="--vgg")
    refused(tmp_path, "eval", *words, "--prior", "own", "--vgg", weights, naming="not VGG19")


def test_table_2_needs_no_data(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = report_of(
        run("eval", "--table", "2", "--method", "opencv-debevec", "--timed-size", "96x64", "--repeat", "1", "--json")
    )
    assert report["tables"][0]["title"] == "Table 2: cost of a frame of 96 x 64"
    assert report["tables"][0]["rows"][-1]["cells"][0] == "opencv-debevec"
    assert report["scenes"] == []


@pytest.mark.parametrize(
    ("name", "note"),
    [("lfdiff-blend", "is called lfdiff since"), ("lfdiff", None), (None, None)],
)
def test_a_former_name_alone_is_explained(run, tmp_path, name, note):
    weights = write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="none"))
    words = () if name is None else ("--method", name)
    outcome = run("eval", "--table", "2", *words, "--weights", weights, "--timed-size", "96x64", "--repeat", "1",
                  "--json", "--out", tmp_path / "out")  # fmt: skip
    row = report_of(outcome)["tables"][0]["rows"][-1]["cells"]
    assert (row[0], row[-1].split(",")[0]) == (("lfdiff", "whole merge") if name else ("lfdiff:network", "network"))
    assert (f"warning: --method {name}: " in outcome.err) == (note is not None)
    assert note is None or note in outcome.err


def test_two_names_of_one_form_are_refused_and_explained(refused, tmp_path):
    words = ("--method", "lfdiff", "--method", "lfdiff-blend")
    refused(tmp_path, "eval", "--table", "2", *words, naming=("each once", "lfdiff-blend is lfdiff now"))


@pytest.mark.slow
def test_weights_of_every_stage_go_into_one_run(run, data, tmp_path):
    weights = []
    for row, prior in (("baseline", "none"), ("stage1", "ground-truth"), ("stage2", "diffusion")):
        config = replace(CONFIG, prior=prior)
        weights += ["--weights", write_network(tmp_path / f"{row}.safetensors", config, recipe={"objective": row})]
    report = report_of(
        run("eval", "--dataset", "kalantari", "--data", data, "--table", "1", "--table", "3", *weights, "--json",
            "--no-pictures", "--out", tmp_path / "out")
    )  # fmt: skip
    first, third = (table["rows"] for table in report["tables"] if "interval" not in table["title"])
    assert [row["cells"][0] for row in first[-2:]] == ["lfdiff:network baseline", "lfdiff:network stage2"]
    assert [row["cells"][0] for row in third[-3:]] == ["baseline", "stage 1 with ground truth", "stage 2"]
    caption = " ".join(report["caption"])
    assert "Diffusion: 10 sampling steps." in caption
    assert caption.count("the network's own output") == 2

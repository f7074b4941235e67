import json
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from .brackets import SIZE, photograph, write_bracket


def test_a_folder_is_shown_with_exposures_and_where_they_come_from(run, beach):
    outcome = run("info", beach)
    assert outcome.code == 0
    header, *rows = outcome.out.splitlines()
    assert header.split()[:4] == ["EV", "from", "time", "f"]
    assert [row.split()[0] for row in rows] == ["shot1.jpg", "shot2.jpg", "shot3.jpg"]
    assert all("EXIF" in row and f"{SIZE[1]} x {SIZE[0]}" in row and "sRGB" in row for row in rows)
    assert "1/64" in rows[1]
    assert "Test camera" in rows[0]
    assert outcome.err == ""


def test_json_holds_everything_that_is_shown(run, beach):
    report = json.loads(run("info", beach, "--json").out)
    assert report["kind"] == "bracket"
    assert report["scene"] == "beach"
    assert report["problem"] is None
    first = report["frames"][0]
    assert first["size"] == [SIZE[1], SIZE[0]]
    assert (first["bits"], first["channels"], first["linear"], first["color_space"]) == (8, 3, False, "sRGB")
    assert first["ev_source"] == "EXIF"
    assert first["capture"]["iso"] == 200
    assert first["capture"]["captured_at"] == "2024-05-04T16:20:00"


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_a_result_shows_how_it_was_made_and_what_it_spans(run, beach, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    assert run("merge", beach, "--out", out, "--no-preview").code == 0
    report = json.loads(run("info", out, "--json").out)
    assert report["kind"] == "radiance"
    assert report["color_space"] == "sRGB"
    assert report["bits"] == (16 if suffix == ".exr" else 32)
    assert report["provenance"]["method"] == "lfdiff"
    assert report["provenance"]["evs"] == "-2.00, +0.00, +2.00"
    assert report["white_luminance_cd_m2"] > 0
    span = report["radiance"]
    assert 0 <= span["minimum"] < span["luminance_percentiles"]["50"] < span["maximum"]
    assert 3 < span["dynamic_range_ev"] < 20
    shown = run("info", out)
    assert shown.code == 0
    assert "provenance.method" in shown.out


def test_a_picture_shows_its_exif(run, beach):
    outcome = run("info", beach / "shot1.jpg")
    assert outcome.code == 0
    assert "capture.iso" in outcome.out
    assert "1/" not in outcome.out.splitlines()[0]


def test_a_bracket_that_cannot_be_merged_is_shown_and_says_why(run, tmp_path):
    outcome = run("info", write_bracket(tmp_path / "plain", exif=False))
    assert outcome.code == 2
    assert len(outcome.out.splitlines()) == 4
    assert "--exposures" in outcome.error


def test_given_exposures_are_shown_as_given(run, tmp_path):
    outcome = run("info", write_bracket(tmp_path / "plain", exif=False), "--exposures", "-1,0,1")
    assert outcome.code == 0
    assert "given" in outcome.out


def test_frames_of_different_sizes_are_shown_with_the_reason(run, beach):
    Image.fromarray(photograph(0.0, size=(40, 50))).save(beach / "shot2.jpg")
    outcome = run("info", beach)
    assert outcome.code == 2
    assert "50 x 40" in outcome.out
    assert "shot2.jpg" in outcome.error


def test_weights_show_their_network(run, tmp_path):
    from hdrfuse.lfdiff.config import LFDiffConfig
    from hdrfuse.lfdiff.model import LFDiff
    from hdrfuse.lfdiff.weights import save_weights

    config = LFDiffConfig(
        prior="none", alignment_channels=8, channels=8, heads=2, frms_per_block=(1,), lead_residuals=1,
        high_residuals=1, prior_width=8, prior_residuals=1, condition_width=8, denoiser_width=8, denoiser_blocks=(1,),
    )  # fmt: skip
    path = tmp_path / "tiny.safetensors"
    training = {
        "recipe": {"objective": "baseline", "learning_rate": 2e-3},
        "progress": {"step": 90, "scores": [{"step": step, "psnr_mu": 30.5 + step} for step in (3, 6, 9)]},
        "sources": [f"image-{index}" for index in range(40)],
    }
    save_weights(path, config, LFDiff(config).state_dict(), tile_px=128, training=training)
    outcome = run("info", path, "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["kind"] == "weights"
    assert report["config"]["channels"] == 8
    assert report["tile_px"] == 128
    assert len(report["sha256"]) == 64
    assert report["parameters"] > 0
    assert report["training"] == training
    shown = dict(line.split(maxsplit=1) for line in run("info", path).out.splitlines())
    assert shown["training.recipe.learning_rate"] == "0.002"
    assert shown["training.progress.scores"] == "3, the last: step 9, psnr_mu 39.5"
    assert shown["training.sources"] == "40: image-0 image-1 ... image-39"


@pytest.mark.parametrize("name", ["nowhere.jpg", "notes.txt", "broken.exr", "broken.safetensors"])
def test_what_cannot_be_read_is_refused(refused, tmp_path, name):
    if name != "nowhere.jpg":
        (tmp_path / name).write_text("nothing of the kind")
    refused(tmp_path, "info", tmp_path / name, naming=name)


def test_an_empty_folder_is_refused(refused, tmp_path):
    refused(tmp_path, "info", tmp_path, naming="no image")


def test_what_json_cannot_say_is_null(run, beach, monkeypatch):
    report = {"kind": "bracket", "nested": [{"nan": float("nan"), "inf": float("inf"), "one": 1.0}]}
    monkeypatch.setattr("hdrfuse.inspection.BracketInspection.as_json", lambda inspection: report)
    assert json.loads(run("info", beach, "--json").out)["nested"] == [{"nan": None, "inf": None, "one": 1.0}]


@pytest.mark.parametrize(("transfer", "dtype", "bits"), [(16, np.uint16, 16), (18, np.uint8, 8), (13, np.uint16, 16)])
def test_a_png_is_shown_with_the_bits_that_it_stores(run, tmp_path, transfer, dtype, bits):
    encoded = cv2.imencode(".png", np.full((8, 8, 3), 200, dtype))[1].tobytes()
    body = b"cICP" + bytes((9, transfer, 0, 1))
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(encoded[:33] + chunk + encoded[33:])  # behind the header
    assert json.loads(run("info", tmp_path / "a.png", "--json").out)["bits"] == bits


def test_a_tiff_of_halves_is_shown_with_16_bits(run, tmp_path):
    tifffile.imwrite(tmp_path / "half.tif", np.full((8, 8, 3), 0.5, np.float16), photometric="rgb")
    assert json.loads(run("info", tmp_path / "half.tif", "--json").out)["bits"] == 16


def test_exposures_other_than_exifs_are_shown_with_a_warning(run, beach):
    outcome = run("info", beach, "--exposures=-3,0,3")
    assert outcome.code == 0
    expected = "--exposures -3,0,3: EXIF states -2,0,2; --exposures goes before EXIF and is taken"
    assert outcome.err == f"warning: {expected}\n"

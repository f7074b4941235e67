"""The rest of the table of bad input: outputs, weights, devices and options, refused before the work."""

import json

import numpy as np
import pytest
import tifffile
import torch

from .brackets import SIZE, write_bracket

# Outputs


@pytest.mark.parametrize("name", ["out.jpg", "out.xyz", "out"])
def test_an_unknown_suffix_is_refused_before_the_work(refused, beach, name):
    found = "a name without a suffix" if name == "out" else "cannot write"
    refused(beach.parent, "merge", beach, "--out", beach.parent / name, naming=(name, found, ".exr .hdr"))


@pytest.mark.parametrize(
    ("option", "name"), [("--ghost-map", "map.exr"), ("--ghost-map", "map.jpg"), ("--save-response", "curve.txt")]
)
def test_every_output_has_its_suffixes(refused, beach, option, name):
    refused(beach.parent, "merge", beach, option, beach.parent / name, naming=name)


@pytest.mark.parametrize("name", ["beach.exr", "beach.preview.jpg", "map.png", "curve.json"])
def test_an_existing_output_is_refused_before_the_work_and_kept(refused, beach, name):
    folder = beach.parent
    (folder / name).write_bytes(b"mine")
    outputs = ("--ghost-map", folder / "map.png", "--save-response", folder / "curve.json")
    assert "--overwrite" in refused(folder, "merge", beach, *outputs, naming=name)


def test_a_folder_in_the_outputs_place_is_refused(refused, beach):
    (beach.parent / "beach.exr").mkdir()
    refused(beach.parent, "merge", beach, "--overwrite", naming="beach.exr")


@pytest.mark.parametrize("place", ["missing/out.exr", "file/out.exr"])
def test_an_output_without_a_folder_is_refused_before_the_work(refused, beach, place):
    (beach.parent / "file").write_text("a file in the place of a folder")
    found = "is a file; a folder was expected" if place.startswith("file") else "there is no folder"
    refused(beach.parent, "merge", beach, "--out", beach.parent / place, naming=(place, found))


def test_an_input_is_never_overwritten(refused, tmp_path):
    scene = write_bracket(tmp_path / "scene", exif=False, suffix=".tif")
    refused(
        tmp_path, "merge", scene, "--exposures", "-2,0,2", "--out", scene / "shot1.tif", "--overwrite",
        naming="shot1.tif",
    )  # fmt: skip


def test_two_outputs_of_one_name_are_refused(refused, beach):
    words = ("--out", beach.parent / "o.exr", "--ghost-map", beach.parent / "o.png", "--save-response")
    refused(beach.parent, "merge", beach, *words, beach.parent / "o.exr", naming="o.exr")


@pytest.mark.parametrize(
    "words", [("--compression", "piz", "--out", "o.hdr"), ("--half", "--out", "o.tif"), ("--half", "--out", "o.hdr")]
)
def test_storage_that_the_format_does_not_have_is_refused(refused, beach, monkeypatch, words):
    monkeypatch.chdir(beach.parent)
    refused(beach.parent, "merge", beach, *words, naming=(words[0], "o."))


def test_linear_frames_have_no_response_to_save(refused, tmp_path):
    scene = tmp_path / "linear"
    scene.mkdir()
    for index in range(2):
        tifffile.imwrite(scene / f"{index}.tif", np.full((*SIZE, 3), 0.3 + index, np.float32), photometric="rgb")
    refused(
        tmp_path, "merge", scene, "--exposures", "0,1", "--save-response", tmp_path / "curve.json",
        naming="curve.json",
    )  # fmt: skip


# Weights, devices and other options


def test_the_network_without_weights_says_so(refused, beach, monkeypatch):
    monkeypatch.setattr("hdrfuse.lfdiff.weights.shipped_weights", dict)
    assert "--method classical" in refused(beach.parent, "merge", beach, naming="no trained weights")


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x04\x95", b"PK\x03\x04 a pickle in a zip"])
def test_a_damaged_weights_file_is_named(refused, beach, content):
    path = beach.parent / "w.safetensors"
    path.write_bytes(content)
    refused(beach.parent, "merge", beach, "--method", "lfdiff", "--weights", path, naming="w.safetensors")


def test_a_foreign_weights_file_is_named(refused, beach):
    from safetensors.torch import save_file

    path = beach.parent / "w.safetensors"
    save_file({"layer": torch.zeros(3)}, path, {"format": "pt"})
    refused(beach.parent, "merge", beach, "--method", "lfdiff", "--weights", path, naming="w.safetensors")


def test_missing_weights_are_named(refused, beach):
    refused(beach.parent, "merge", beach, "--method", "lfdiff", "--weights", "no.safetensors", naming="no.safetensors")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_refused(refused, beach, device):
    refused(beach.parent, "merge", beach, "--device", device, naming=device)


@pytest.mark.parametrize(
    "words",
    [
        ("--weights", "nobody"), ("--precision", "fp8"), ("--tile", "many"), ("--tile", "0"), ("--steps", "0"),
        ("--seed", "-1"), ("--device", "tpu"), ("--response", "nowhere.json"), ("--reference", "9"),
        ("--reference", "-1"), ("--reference", "nobody.jpg"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(refused, beach, words):
    refused(beach.parent, "merge", beach, *words, naming=words[0])


GIGANTIC = "9" * 30
DIGITS = "9" * 5000
"""More than Python reads as a number."""


@pytest.mark.parametrize(
    "words",
    [
        *(("merge", option, value) for option in ("--tile", "--steps", "--seed") for value in (GIGANTIC, DIGITS, "-9")),
        *(("merge", "--tile", value) for value in ("nan", "inf", "4097", "1e3")),
        ("merge", "--reference", GIGANTIC), ("merge", "--reference", DIGITS), ("merge", "--device", f"cuda:{DIGITS}"),
        *(("batch", "--workers", value) for value in ("100000000", GIGANTIC, DIGITS, "0", "-1", "nan", "1025")),
        *(("batch", "--timeout", value) for value in ("nan", "inf", "-inf", "-1", "0", "1e999")),
        ("batch", "--group", GIGANTIC), ("batch", "--group", DIGITS), ("batch", "--seed", GIGANTIC),
        *(("bench", option, GIGANTIC) for option in ("--seeds", "--repeat", "--megapixels", "--size", "--noise")),
        *(("bench", "--noise", value) for value in ("nan", "inf", "-1")),
        *(("bench", "--megapixels", value) for value in ("nan", "inf", "-1", "1,1e9", DIGITS)),
        *(("bench", "--size", value) for value in ("99999x99999", "00x00", "-5x5", f"{DIGITS}x10")),
        *(("eval", option, GIGANTIC) for option in ("--seeds", "--repeat", "--size", "--timed-size", "--noise")),
        *(("eval", option, "nan") for option in ("--seeds", "--noise")),
        ("eval", "--timed-size", "99999x99999"), ("demo", "--seed", GIGANTIC), ("demo", "--seed", "-1"),
        *(("compare", "--white", value) for value in ("nan", "inf")),
        *(("train", option, GIGANTIC) for option in (
            "--steps", "--batch", "--crop", "--warm-up", "--seed", "--workers", "--log-every", "--validation",
        )),
        *(("train", option, value) for value in ("nan", "inf", "-1") for option in (
            "--learning-rate", "--max-minutes", "--save-every", "--validate-every",
        )),
    ],
    ids=lambda words: " ".join(words)[:40],
)  # fmt: skip
def test_a_number_beyond_all_measure_is_refused_by_name_at_once(refused, beach, words):
    command, option, value = words
    places = {
        "merge": [beach], "batch": [beach.parent, "--method", "classical"], "demo": [beach.parent / "demo"],
        "eval": ["--dataset", "synthetic", "--data", beach], "compare": [beach / "shot1.jpg", beach / "shot2.jpg"],
        "train": ["--out", beach.parent / "run", "--stage", "1", "--data", beach],
    }  # fmt: skip
    refused(beach.parent, command, *places.get(command, []), f"{option}={value}", naming=option)


def test_a_preset_s_number_beyond_all_measure_is_refused_by_name(refused, beach):
    preset = beach.parent / "studio.toml"
    preset.write_text(f"workers = {GIGANTIC}\n")
    words = ("batch", beach.parent, "--method", "classical", "--preset", preset)
    refused(beach.parent, *words, naming="workers")


@pytest.mark.parametrize(
    "words",
    [("--tile", "256"), ("--no-blend",), ("--precision", "bf16"), ("--steps", "4"), ("--weights", "fast")],
)
def test_the_networks_options_are_refused_without_it(refused, beach, words):
    refused(beach.parent, "merge", beach, "--method", "classical", *words, naming=words[0])


@pytest.mark.parametrize(
    "content", ["", "{}", "[1, 2]", json.dumps({"format": "hdrfuse response curve", "samples": [[]]})]
)
def test_a_file_that_is_no_response_curve_is_named(refused, beach, content):
    path = beach.parent / "curve.json"
    path.write_text(content)
    refused(beach.parent, "merge", beach, "--response", path, naming="curve.json")


@pytest.mark.parametrize(
    ("words", "naming"),
    [
        (("--what", "stacks"), "--stacks DIR"),
        (("--still", "facade"), "--still goes with --stacks DIR"),
        (("--setting", "blend", "--values", "1,2"), ("--values 1,2", "blend.", "fill_error")),
        (("--what", "settings", "--setting", "fit", "--values", "1"), ("--values 1", "is a group: ")),
    ],
)
def test_a_benchmark_says_what_it_lacks(refused, tmp_path, words, naming):
    refused(tmp_path, "bench", *words, naming=naming)

import json
import os
import shutil
from dataclasses import asdict, replace
from hashlib import sha256

import pytest
import torch
from safetensors.torch import load_file, save_file

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff import weights as weights_module
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import (
    DEFAULT_WEIGHTS,
    USUAL_ERROR,
    WeightsMetadata,
    find_weights,
    load_weights,
    read_tensors,
    save_weights,
    shipped_weights,
)

CONFIG = replace(PRESETS["fast"], alignment_channels=8, channels=16, prior_width=16, denoiser_width=8)


@pytest.fixture(scope="module")
def saved_weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "fast.safetensors"
    save_weights(path, CONFIG, LFDiff(CONFIG).state_dict(), tile_px=192, training={"seed": 5})
    return path


@pytest.fixture
def weights(saved_weights, tmp_path):
    return shutil.copy(saved_weights, tmp_path / saved_weights.name)


def test_a_weights_file_needs_nothing_else_to_be_loaded(weights):
    model, metadata = load_weights(weights)
    torch.manual_seed(1)
    expected = LFDiff(CONFIG).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert not model.training
    assert metadata.config == CONFIG
    assert metadata.tile_px == 192
    assert metadata.training == {"seed": 5}
    assert metadata.sha256 == sha256(weights.read_bytes()).hexdigest()


def test_a_denoiser_of_which_a_file_does_not_say_what_it_predicts_predicts_the_noise(weights):
    assert CONFIG.denoiser_predicts == "v"
    config = asdict(CONFIG)
    del config["denoiser_predicts"]
    model, metadata = load_weights(rewritten(weights, config=json.dumps(config)))
    assert metadata.config.denoiser_predicts == model.schedule.predicts == "noise"


def test_half_precision_weights_load_as_single_precision(tmp_path):
    path = tmp_path / "half.safetensors"
    save_weights(path, CONFIG, LFDiff(CONFIG).state_dict(), tile_px=256, training={}, dtype=torch.float16)
    model, _ = load_weights(path)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.safetensors: no such"):
        load_weights(tmp_path / "gone.safetensors")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="not a weights file of hdrfuse"):
        load_weights(path)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(getattr(os, "mkfifo", None), marks=pytest.mark.skipif(os.name == "nt", reason="no named pipes")),
        os.mkdir,
    ],
)
@pytest.mark.parametrize("load", [load_weights, read_tensors])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path, monkeypatch, make, load):
    make(tmp_path / "special.safetensors")
    monkeypatch.setattr(weights_module, "safe_open", never)
    with pytest.raises(WeightsError, match=r"special.safetensors: not a regular file; expected a weights file"):
        load(tmp_path / "special.safetensors")


def never(*arguments):
    pytest.fail("it is opened")


@pytest.mark.parametrize("damage", [b"", b"no safetensors at all", b"\x80\x04\x95pickle"])
def test_a_file_of_another_kind_is_refused(tmp_path, damage):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(damage)
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights(path)


def test_a_truncated_file_is_refused(weights):
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsError):
        load_weights(weights)


def test_a_flipped_bit_is_found(weights):
    content = bytearray(weights.read_bytes())
    content[-1000] ^= 4
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(weights)


def test_tensors_that_do_not_fit_the_configuration_are_refused(weights):
    tensors, metadata = load_file(weights), read_tensors(weights)[1]
    save_file(tensors, weights, metadata | {"config": metadata["config"].replace('"channels": 16', '"channels": 32')})
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(weights)


def test_an_unknown_configuration_is_refused(weights):
    tensors, metadata = load_file(weights), read_tensors(weights)[1]
    save_file(tensors, weights, metadata | {"config": '{"depth": 3}'})
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(weights)


def rewritten(path, *, stamped=False, tensors=None, **metadata):
    """Let a file's metadata say otherwise, with the checksum of the old ones, or without as older files have none."""
    stated = read_tensors(path)[1] | metadata
    if not stamped:
        del stated["metadata_sha256"]
    tensors = tensors or load_file(path)
    save_file(tensors, path, stated | {"tensors_sha256": weights_module.tensors_sha256(tensors)})
    return path


@pytest.fixture
def shapes_alone(monkeypatch):
    """Let no network be built with memory for its weights."""

    class OfShapes(LFDiff):
        def __init__(self, config):
            assert torch.empty(0).is_meta
            super().__init__(config)

    monkeypatch.setattr(weights_module, "LFDiff", OfShapes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alignment_channels", 10**7), ("alignment_channels", 65_000), ("channels", 10**30), ("prior_width", 4096),
        ("lead_residuals", 10**7), ("lead_residuals", 200), ("prior_residuals", 10**9), ("low_residuals", -1),
        ("frms_per_block", [10**7]), ("frms_per_block", [1] * 1000), ("frms_per_block", 3), ("frms_per_block", []),
        ("denoiser_blocks", [200, 200]), ("frm_pool", 0), ("frm_pool", 64), ("frm_pool", 2.5), ("unshuffle", 0),
        ("prior_stride", 0), ("prior_stride", 6), ("heads", 0), ("mu", float("nan")), ("mu", float("inf")),
        ("beta_last", 1.5), ("diffusion_steps", 10**12), ("sampling_steps", 0), ("sampling_steps", 201),
        ("tile_px", 0), ("prior", "nobody's"), ("prior", "none"), ("head", None), ("denoiser_predicts", "x0"),
        ("learned_slopes", 1),
        ("channels", "16"), ("channels", True), ("channels", None), ("lead_width", [16]),
        ("feed_forward_expansion", 1e300), ("unknown", 1),
    ],
)  # fmt: skip
def test_a_configuration_that_is_not_the_tensors_is_refused_before_anything_is_built(
    weights, shapes_alone, field, value
):
    rewritten(weights, config=json.dumps(asdict(CONFIG) | {field: value}))
    with pytest.raises(WeightsError, match="do not fit its configuration"):
        load_weights(weights)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("config", "5"), ("config", "null"), ("config", "[1]"), ("config", ""), ("config", "[" * 100_000),
        ("config", '{"channels": ' + "9" * 5000 + "}"), ("training", "5"), ("training", "{" * 100_000),
        ("tile_px", "0"), ("tile_px", "-512"), ("tile_px", "1e3"), ("tile_px", "9" * 5000), ("tile_px", "10000000"),
    ],
)  # fmt: skip
def test_metadata_that_make_no_sense_are_refused_before_anything_is_built(weights, shapes_alone, key, text):
    rewritten(weights, **{key: text})
    with pytest.raises(WeightsError, match="do not fit its configuration") as refused:
        load_weights(weights)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("lacking", ["config", "tile_px", "training"])
def test_metadata_that_lack_something_are_refused(weights, shapes_alone, lacking):
    tensors, metadata = load_file(weights), read_tensors(weights)[1]
    save_file(tensors, weights, {name: value for name, value in metadata.items() if name != lacking})
    with pytest.raises(WeightsError, match=f"do not fit its configuration: no '{lacking}'"):
        load_weights(weights)


def test_an_edit_of_metadata_that_would_fit_is_found_by_their_checksum(weights):
    rewritten(weights, stamped=True, tile_px="256")
    with pytest.raises(WeightsError, match="damaged: its metadata"):
        load_weights(weights)


def test_a_file_from_before_metadata_had_a_checksum_loads(weights):
    assert load_weights(rewritten(weights, tile_px="256"))[1].tile_px == 256


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_refused_by_name(weights, number):
    tensors = load_file(weights)
    tensors["reconstruction.gather.weight"][0, 0, 0, 0] = number
    with pytest.raises(WeightsError, match=r"reconstruction\.gather\.weight holds NaN or infinity"):
        load_weights(rewritten(weights, tensors=tensors))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.float64, torch.bool, torch.float8_e4m3fn])
def test_weights_of_another_kind_of_number_are_refused(weights, shapes_alone, dtype):
    tensors = load_file(weights)
    tensors["reconstruction.gather.bias"] = tensors["reconstruction.gather.bias"].to(dtype)
    with pytest.raises(WeightsError, match=r"reconstruction\.gather\.bias .* expected one of F32, F16, BF16"):
        load_weights(rewritten(weights, tensors=tensors))


def test_ten_thousand_tensors_that_nobody_asked_for_are_refused_before_anything_is_built(weights, shapes_alone):
    crowd = load_file(weights) | {f"x{index}": torch.zeros(1) for index in range(10_000)}
    with pytest.raises(WeightsError, match="x0 is not a part of it"):
        load_weights(rewritten(weights, tensors=crowd))


@pytest.mark.parametrize(
    "header",
    [
        b"\xff" * 8, (1 << 40).to_bytes(8, "little"), (100).to_bytes(8, "little"),
        (58).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9999999],"data_offsets":[0,4]}}'[:58],
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
    ],
)  # fmt: skip
def test_a_header_that_lies_about_sizes_is_refused(tmp_path, header):
    path = tmp_path / "lie.safetensors"
    path.write_bytes(header + bytes(16))
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights(path)


def test_nothing_temporary_stays_beside_the_file(weights):
    assert [path.name for path in weights.parent.iterdir()] == ["fast.safetensors"]


def test_weights_of_a_wheel_and_of_a_checkout_are_found_by_name(tmp_path):
    package = tmp_path / "hdrfuse"
    for folder in (package / "weights", tmp_path / "weights"):
        folder.mkdir(parents=True)
        (folder / f"{folder.parent.name[:1]}ast.safetensors").touch()
        (folder / "README.md").touch()
    assert shipped_weights(package) == {"hast": package / "weights" / "hast.safetensors"}  # no checkout: not ours
    (tmp_path / "pyproject.toml").touch()
    assert len(shipped_weights(package)) == 2


def test_shipped_weights_load_and_are_what_they_say():
    for path in shipped_weights().values():
        model, metadata = load_weights(path)
        assert metadata.config == model.config


def test_weights_are_found_by_path(weights):
    assert find_weights(weights) == find_weights(str(weights)) == weights


def test_a_name_that_nobody_ships_is_refused_with_those_that_are():
    with pytest.raises(WeightsError, match=r"--weights nobody: no such file, nor the name of shipped weights \("):
        find_weights("nobody")


def test_the_default_weights_are_the_shipped_ones_or_an_error():
    if DEFAULT_WEIGHTS in shipped_weights():
        assert find_weights().stem == DEFAULT_WEIGHTS
    else:
        with pytest.raises(WeightsError, match="no trained weights are installed"):
            find_weights()


def test_weights_say_how_far_off_they_are():
    def error_of(training):
        return WeightsMetadata(config=CONFIG, tile_px=256, training=training).error

    scores = [{"psnr_mu": 20.0, "typical_error": 0.09}, {"psnr_mu": 46.0, "typical_error": 0.004}]
    assert error_of({"progress": {"scores": scores}}) == 0.004
    for odd in ({}, {"progress": []}, {"progress": {"scores": []}}, {"progress": {"scores": [{"psnr_mu": 40.0}]}}):
        assert error_of(odd) == USUAL_ERROR
    assert error_of({"progress": {"scores": [{"typical_error": None}]}}) == USUAL_ERROR

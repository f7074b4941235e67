from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from safetensors.torch import load_file, save_file

from hdrfuse.errors import WeightsError
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


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "fast.safetensors"
    save_weights(path, CONFIG, LFDiff(CONFIG).state_dict(), tile_px=192, training={"seed": 5})
    return path


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

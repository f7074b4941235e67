from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from safetensors.torch import load_file, save_file

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import load_weights, read_tensors, save_weights

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

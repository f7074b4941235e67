from dataclasses import replace

import numpy as np
import pytest
import torch
from small_network import CONFIG, write_network

from hdrfuse.errors import DeviceError, UsageError, WeightsError, is_out_of_memory
from hdrfuse.lfdiff.inference import Network, find_device, find_precision, has_bf16, one_core_a_thread
from hdrfuse.lfdiff.weights import load_weights, save_weights

CPU = torch.device("cpu")


@pytest.fixture
def network(tmp_path):
    return Network.load(write_network(tmp_path / "small.safetensors"), device="cpu", precision="fp32")


def test_an_untrained_network_shows_a_still_scene_as_it_is(network):
    radiance = np.random.default_rng(0).uniform(0.01, 0.9, (1, 40, 56, 3)).astype(np.float32) / 16
    ldr = np.stack([(radiance * gain) ** (1 / 2.2) for gain in (1, 4, 16)], axis=1).astype(np.float32)
    found = network.radiance(ldr, np.array([1, 4, 16], np.float32), network.noise(40, 56, 0))
    assert found.shape == radiance.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, radiance, rtol=1e-3)


def test_a_tiles_noise_is_cut_from_the_frames(network):
    stride = CONFIG.prior_stride
    noise = network.noise(100, 150, 3)
    share = network.share_of(noise, slice(32, 96), slice(64, 150))
    assert share.shape[-2:] == (64 // stride, -(-150 // stride) - 64 // stride)
    assert torch.equal(share, noise[..., 32 // stride : 96 // stride, 64 // stride :])
    assert torch.equal(noise, network.noise(100, 150, 3))
    assert not torch.equal(noise, network.noise(100, 150, 4))


def test_a_network_without_a_prior_needs_no_noise(tmp_path):
    path = write_network(tmp_path / "plain.safetensors", replace(CONFIG, prior="none"))
    network = Network.load(path, device="cpu")
    assert network.noise(40, 56, 0) is None
    ldr = np.full((2, 3, 40, 56, 3), 0.5, np.float32)
    assert network.radiance(ldr, np.array([1, 4, 16], np.float32), None).shape == (2, 40, 56, 3)


def test_weights_of_the_first_stage_are_refused(tmp_path):
    path = write_network(tmp_path / "first.safetensors", replace(CONFIG, prior="ground-truth"))
    with pytest.raises(WeightsError, match=r"first\.safetensors: of the first training stage"):
        Network.load(path, device="cpu")


def test_more_steps_than_the_diffusion_has_are_refused(tmp_path):
    path = write_network(tmp_path / "small.safetensors")
    with pytest.raises(UsageError, match=r"--steps 201: at most 200"):
        Network.load(path, device="cpu", steps=201)


def test_without_its_prior_the_reconstruction_is_what_the_same_weights_give_that_have_none(tmp_path):
    without, having = (replace(CONFIG, prior=prior) for prior in ("none", "block-means"))
    path = write_network(tmp_path / "having.safetensors", having)
    tensors = trained(load_weights(path)[0])
    save_weights(path, having, tensors, tile_px=128, training={})
    plain = {name: value for name, value in tensors.items() if not name.startswith("block_means.")}
    save_weights(tmp_path / "plain.safetensors", without, plain, tile_px=128, training={})
    ldr = np.random.default_rng(0).uniform(0, 1.2, (1, 3, 40, 56, 3)).clip(0, 1).astype(np.float32)
    seen = ldr, np.array([1, 4, 16], np.float32), None
    alone = Network.load(tmp_path / "plain.safetensors", device="cpu", precision="fp32")
    corrected, off = (Network.load(path, device="cpu", precision="fp32", prior=prior) for prior in (True, False))
    assert off.radiance(*seen).tobytes() == alone.radiance(*seen).tobytes()
    assert not np.array_equal(corrected.radiance(*seen), off.radiance(*seen))
    used = [each.prior_used for each in (alone, corrected, off, off.on_the_cpu())]
    assert used == [None, "block-means", "off", "off"]


def trained(model):
    """State whose last layers are not zero."""
    torch.manual_seed(1)
    return {name: value + 0.05 * torch.randn_like(value) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("prior", ["direct", "diffusion"])
def test_weights_that_reconstruct_from_a_prior_cannot_do_without(tmp_path, prior):
    path = write_network(tmp_path / "told.safetensors", replace(CONFIG, prior=prior))
    with pytest.raises(UsageError, match=rf"--no-prior: .*told\.safetensors reconstruct from a prior \(prior: {prior}"):
        Network.load(path, device="cpu", prior=False)
    first = write_network(tmp_path / "first.safetensors", replace(CONFIG, prior="ground-truth"))
    with pytest.raises(WeightsError, match="needs the truth"):
        Network.load(first, device="cpu", prior=False)


def test_weights_are_read_again_only_where_the_file_changed(tmp_path):
    path = write_network(tmp_path / "small.safetensors")
    first = Network.load(path, device="cpu")
    assert Network.load(path, device="cpu", steps=3).model is first.model
    write_network(path, tile_px=64)
    assert Network.load(path, device="cpu").metadata.tile_px == 64


def test_devices_are_found_or_refused():
    assert find_device("cpu") == CPU
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(DeviceError, match="--device cuda:99"):
        find_device("cuda:99")


def test_precision_goes_by_what_the_device_can():
    assert find_precision("auto", CPU) == (torch.bfloat16 if has_bf16(CPU) else torch.float32)
    assert find_precision("bf16", CPU) == torch.bfloat16
    with pytest.raises(DeviceError, match="--precision fp16: for GPUs only"):
        find_precision("fp16", CPU)


def test_bf16_shows_nearly_the_same(tmp_path):
    path = write_network(tmp_path / "small.safetensors")
    ldr = np.random.default_rng(0).uniform(0, 1, (1, 3, 32, 32, 3)).astype(np.float32)
    exposures = np.array([1, 4, 16], np.float32)
    fine, coarse = (
        network.radiance(ldr, exposures, network.noise(32, 32, 0))
        for network in (Network.load(path, device="cpu", precision=name) for name in ("fp32", "bf16"))
    )
    assert np.abs(fine - coarse).max() < 0.01


def test_threads_have_a_core_each_and_get_the_others_back():
    before = torch.get_num_threads()
    with one_core_a_thread() as cores:
        assert cores == before
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_running_out_of_memory_is_told_from_other_errors():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55)
    assert is_out_of_memory(raised.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    assert not is_out_of_memory(RuntimeError("could not create a primitive descriptor for a convolution"))
    assert not is_out_of_memory(RuntimeError("sizes do not match"))

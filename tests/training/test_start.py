"""Networks that begin with another's weights: the same picture at first, then their own."""

from dataclasses import replace

import pytest
import torch
from flat_brackets import tiny_config

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import save_weights
from hdrfuse.training.start import start_from


def network(prior, seed=0, **changes):
    torch.manual_seed(seed)
    model = LFDiff(replace(tiny_config(), prior=prior, **changes)).eval()
    torch.nn.init.normal_(model.reconstruction.last.weight, std=0.05)
    return model


def saved(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, model.config, model.state_dict(), tile_px=64, training={})
    return path


def picture(model):
    generator = torch.Generator().manual_seed(5)
    frames = torch.rand(1, 3, 6, 64, 64, generator=generator)
    prior = torch.rand(1, 3, 8, 8, generator=generator)
    with torch.no_grad():
        return model.reconstruction(frames, None if model.config.prior == "none" else prior)


def silence_prior(model):
    for name, parameter in model.named_parameters():
        if ".attention.to_out." in name:
            torch.nn.init.zeros_(parameter)


@pytest.mark.parametrize("prior", ["ground-truth", "direct", "diffusion", "none"])
def test_a_network_starts_with_the_picture_of_one_without_a_prior_but_for_what_the_prior_adds(tmp_path, prior):
    earlier, model = network("none"), network(prior, seed=1)
    assert not torch.allclose(picture(model), picture(earlier), atol=1e-2)
    start_from(model, saved(earlier, tmp_path))
    silence_prior(model)
    assert torch.allclose(picture(model), picture(earlier), atol=5e-3)  # weights are stored in half precision


@pytest.mark.parametrize("prior", ["ground-truth", "direct", "diffusion"])
def test_the_prior_is_heard_from_the_first_step_on(tmp_path, prior):
    model = network(prior, seed=1)
    start_from(model, saved(network("none"), tmp_path))
    frames, own = torch.rand(1, 3, 6, 64, 64), 2 * torch.rand(1, 3, 8, 8) - 1
    constant = own.mean((2, 3), keepdim=True).expand_as(own)
    with torch.no_grad():
        told, untold = model.reconstruction(frames, own), model.reconstruction(frames, constant)
    assert (told - untold).square().mean().sqrt() > 2e-3
    model.reconstruction(frames, own).square().sum().backward()
    for name, parameter in model.named_parameters():
        if ".attention." in name:
            assert parameter.grad.abs().max() > 0, name


def test_a_network_with_a_prior_starts_with_all_that_one_of_its_kind_has(tmp_path):
    earlier, model = network("diffusion"), network("diffusion", seed=1)
    start_from(model, saved(earlier, tmp_path))
    for name, value in earlier.state_dict().items():
        assert torch.allclose(model.state_dict()[name].float(), value.float(), atol=5e-3), name


def test_a_network_without_a_prior_starts_from_the_rest_of_one_that_has_one(tmp_path):
    earlier, model = network("ground-truth"), network("none", seed=1)
    start_from(model, saved(earlier, tmp_path))
    low = "reconstruction.blocks.0.integrate.low"
    kept = earlier.state_dict()[f"{low}.refine.0.body.0.weight"]
    assert torch.allclose(model.state_dict()[f"{low}.0.body.0.weight"], kept, atol=5e-3)


def test_residual_blocks_that_the_file_lacks_do_nothing_at_first_and_learn_from_then_on(tmp_path):
    earlier, model = network("none", low_residuals=1), network("none", seed=1, low_residuals=3)
    start_from(model, saved(earlier, tmp_path))
    assert torch.allclose(picture(model), picture(earlier), atol=5e-3)
    model.reconstruction(torch.rand(1, 3, 6, 64, 64), None).square().sum().backward()
    for name, parameter in model.named_parameters():
        if ".low.2." in name and "body.2.weight" in name:
            assert parameter.grad.abs().max() > 0, name


def test_slopes_that_the_file_lacks_are_a_relus_at_first_and_learn_from_then_on(tmp_path):
    earlier = network("none", low_residuals=2, learned_slopes=False)
    model = network("none", seed=1, low_residuals=3, learned_slopes=True)
    start_from(model, saved(earlier, tmp_path))
    assert torch.allclose(picture(model), picture(earlier), atol=5e-3)
    slopes = {name: p for name, p in model.named_parameters() if name.endswith("body.1.weight")}
    assert {name: bool(p.any()) for name, p in slopes.items()} == {name: ".low.2." in name for name in slopes}
    model.reconstruction(torch.rand(1, 3, 6, 64, 64), None).square().sum().backward()
    assert all(p.grad.any() for name, p in slopes.items() if ".low.2." not in name)


def test_slopes_that_the_file_lacks_are_a_relus_in_the_priors_encoder_too(tmp_path):
    earlier = network("ground-truth", learned_slopes=False)
    model = network("ground-truth", seed=1, learned_slopes=True)
    start_from(model, saved(earlier, tmp_path))
    radiance = torch.rand(1, 3, 64, 64)
    assert torch.allclose(model.true_prior(radiance), earlier.true_prior(radiance), atol=5e-3)


@pytest.mark.parametrize("changes", [{"channels": 32}, {"frms_per_block": (2,)}])
def test_weights_of_another_size_are_refused_in_one_line(tmp_path, changes):
    path = saved(network("none"), tmp_path)
    with pytest.raises(WeightsError, match=r"weights\.safetensors: .*preset's") as raised:
        start_from(network("ground-truth", **changes), path)
    assert "\n" not in str(raised.value)

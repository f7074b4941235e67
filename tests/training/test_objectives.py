"""What the rows of table 3 minimise."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from flat_brackets import FlatBrackets, tiny_config

from hdrfuse.lfdiff.diffusion import ddim_sample
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.prior import LPENet
from hdrfuse.training.losses import ReconstructionLoss
from hdrfuse.training.objectives import OBJECTIVES, Learner
from hdrfuse.training.recipe import PRIOR_OF_OBJECTIVE, Recipe
from hdrfuse.training.validation import validation_set


def learner(objective, **changes):
    torch.manual_seed(0)
    config = replace(tiny_config(), prior=PRIOR_OF_OBJECTIVE[objective], **changes)
    return Learner(
        model=LFDiff(config),
        teacher=LPENet(config).eval().requires_grad_(False),
        reconstruction_loss=ReconstructionLoss(),
        recipe=Recipe(objective=objective, preset="tiny", prior_weight=0.5, noise_weight=2.0),
    )


def minimised(a_learner):
    (bracket,) = validation_set(FlatBrackets(), 1)
    losses = OBJECTIVES[a_learner.recipe.objective](a_learner, bracket, torch.Generator().manual_seed(3))
    return bracket, losses


@pytest.mark.parametrize("objective", ["split", "stage2"])
def test_the_diffusion_is_judged_by_its_noise_and_by_the_prior_it_samples(objective):
    a_learner = learner(objective)
    a_learner.model.eval()
    bracket, losses = minimised(a_learner)
    assert sorted(losses) == ["noise", "prior"] + ["reconstruction"] * (objective == "stage2")
    model, truth = a_learner.model, a_learner.true_prior(bracket)
    start = torch.randn(truth.shape, generator=torch.Generator().manual_seed(3))
    sampled = ddim_sample(model.denoiser, start, model.condition(bracket.frames), model.schedule, 2)
    torch.testing.assert_close(losses["prior"], 0.5 * F.l1_loss(sampled, truth))


def test_split_teaches_the_diffusion_through_the_whole_chain_and_leaves_the_reconstruction():
    a_learner = learner("split")
    _, losses = minimised(a_learner)
    losses["prior"].backward()
    model = a_learner.model
    assert model.denoiser.last.weight.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in model.reconstruction.parameters())


@pytest.mark.parametrize("predicts", ["noise", "v"])
def test_a_denoiser_that_knows_the_prior_has_no_noise_loss(monkeypatch, predicts):
    a_learner = learner("split", denoiser_predicts=predicts)
    model = a_learner.model.eval()

    def oracle(noisy, condition, step):
        a = model.schedule.alpha_bar[step][:, None, None, None]
        noise = (noisy - a.sqrt() * truth) / (1 - a).sqrt()
        return noise if predicts == "noise" else a.sqrt() * noise - (1 - a).sqrt() * truth

    truth = a_learner.true_prior(validation_set(FlatBrackets(), 1)[0])
    monkeypatch.setattr(model.denoiser, "forward", oracle)
    _, losses = minimised(a_learner)
    assert losses["noise"] < 1e-8
    assert losses["prior"] < 1e-4

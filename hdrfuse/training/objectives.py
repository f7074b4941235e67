"""What each training stage minimises: one function a row of LF-Diff's table 3."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from hdrfuse.lfdiff.diffusion import ddim_sample
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.observed_blocks import ObservedBlocks
from hdrfuse.lfdiff.prior import LPENet
from hdrfuse.lfdiff.signals import mu_law, network_inputs
from hdrfuse.training.losses import ReconstructionLoss
from hdrfuse.training.packed_blocks import BlockBatch, block_batch
from hdrfuse.training.recipe import Objective, Recipe


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples on the training device."""

    ldr: Tensor
    """(B, 3, 3, H, W) gamma-encoded frames, frame before channel."""
    exposure: Tensor
    """(B, 3)."""
    radiance: Tensor
    """(B, 3, H, W) the truth, 1.0 = white of the shortest frame."""

    @cached_property
    def frames(self) -> Tensor:
        """The network's input X, (B, 3, 6, H, W)."""
        return network_inputs(self.ldr, self.exposure)

    def to(self, device: torch.device) -> "Batch":
        """The same samples on a device."""
        return Batch(ldr=self.ldr.to(device), exposure=self.exposure.to(device), radiance=self.radiance.to(device))


@dataclass(frozen=True, kw_only=True)
class Learner:
    """The networks of a stage and how they are judged."""

    model: LFDiff
    teacher: LPENet | None
    """Stage 1's encoder of the true prior, frozen; what the prior of later stages is compared with."""
    reconstruction_loss: ReconstructionLoss
    recipe: Recipe

    def reconstruct(self, batch: Batch, prior: Tensor | None) -> Tensor:
        """Return L_r of the network with a given prior, a scalar."""
        tonemapped = self.model.reconstruction(batch.frames, prior)
        return self.reconstruction_loss(tonemapped, mu_law(batch.radiance, self.model.config.mu))

    def true_prior(self, batch: Batch) -> Tensor:
        """The teacher's prior of the ground truth, (B, 3, H/4, W/4)."""
        if self.teacher is None:
            raise ValueError(f"{self.recipe.objective} needs stage 1's encoder; give the stage-1 run")
        with torch.no_grad():
            return self.teacher(batch.radiance).float()


EVERYWHERE, CLIPPED_LIGHT, OCCLUDED_LIGHT = 0.3, 3.0, 10.0
"""Weights of a block's error: of any, where the reference clips, and where besides the darker frame is seen to be
covered. Weighted by the truth instead, predictions were off by twice the network's error where nothing is hidden."""
SURELY_OCCLUDED = 0.05
"""How far below the reference's white the darker frame lies, after the mu-law, where something covers the light."""
LEAST_ERROR = 0.003
"""After the mu-law: samples that are better than this gain nothing by being better still."""

Losses = dict[str, Tensor]
"""Scalars by name; their sum is minimised."""


def baseline(learner: Learner, batch: Batch, generator: torch.Generator) -> Losses:
    """Reconstruction without a prior."""
    return {"reconstruction": learner.reconstruct(batch, None)}


def stage_one(learner: Learner, batch: Batch, generator: torch.Generator) -> Losses:
    """Reconstruction with the true prior, whose encoder learns too (LF-Diff, eq. 11)."""
    return {"reconstruction": learner.reconstruct(batch, learner.model.true_prior(batch.radiance))}


def direct(learner: Learner, batch: Batch, generator: torch.Generator) -> Losses:
    """Reconstruction with a prior predicted from the frames in one step."""
    prior = learner.model.condition(batch.frames)
    return {
        "reconstruction": learner.reconstruct(batch, prior),
        "prior": learner.recipe.prior_weight * F.l1_loss(prior.float(), learner.true_prior(batch)),
    }


def split(learner: Learner, batch: Batch, generator: torch.Generator) -> Losses:
    """The diffusion alone, the reconstruction untouched: noise and prior losses (LF-Diff, eq. 15 and section 5.3)."""
    _, losses = diffusion(learner, batch, generator)
    return losses


def stage_two(learner: Learner, batch: Batch, generator: torch.Generator) -> Losses:
    """Reconstruction with the prior of the whole sampling chain, noise and prior losses (LF-Diff, eq. 15)."""
    prior, losses = diffusion(learner, batch, generator)
    return {"reconstruction": learner.reconstruct(batch, prior), **losses}


def diffusion(learner: Learner, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Losses]:
    """The prior of the whole sampling chain (B, 3, h, w), with its gradient, and the losses that judge it."""
    model, truth = learner.model, learner.true_prior(batch)
    condition = model.condition(batch.frames)
    start = torch.randn(truth.shape, generator=generator).to(truth.device)
    prior = ddim_sample(model.denoiser, start, condition, model.schedule, model.config.sampling_steps)
    return prior, {
        "noise": noise_loss(learner, condition, truth, generator),
        "prior": learner.recipe.prior_weight * F.l1_loss(prior.float(), truth),
    }


def predicted_block_means(learner: Learner, batch: Batch | BlockBatch, generator: torch.Generator) -> Losses:
    """Block means of the truth, predicted beside a frozen reconstruction, how far to trust them, and what else may be.

    The prediction is weighted by what is observed alone, so that it stays the conditional mean; the trust by how much
    of a sample's own squared error it takes away, as PSNR counts it; the diffusion learns what is left.
    """
    net = learner.model.block_means
    seen = batch if isinstance(batch, BlockBatch) else block_batch(learner.model, batch.frames, batch.radiance)
    observed, error = seen.observed, seen.truth - seen.output
    found = net.predict(observed, seen.output)
    told = found.trust * found.correction.detach()
    before, after = error.square().mean((1, 2, 3)), (error - told).square().mean((1, 2, 3))
    weights, clipped = block_weights(observed), observed.any_clipped > 0
    left = (error - told).detach()
    return {
        "prior": (weights * (found.correction - error).square()).mean(),
        "trust": learner.recipe.prior_weight * ((after - before) / (2 * before + LEAST_ERROR**2)).mean(),
        "noise": learner.recipe.noise_weight
        * net.diffusion.loss(clipped * left, found.condition.detach(), clipped * weights, generator),
    }


def block_weights(observed: ObservedBlocks) -> Tensor:
    """What a block's squared error counts, (B, 1, h, w)."""
    clipped, occluded = observed.any_clipped, (observed.occluded / SURELY_OCCLUDED).clamp_max(1)
    return EVERYWHERE + CLIPPED_LIGHT * clipped + OCCLUDED_LIGHT * occluded


def noise_loss(learner: Learner, condition: Tensor, truth: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the predicted noise, or v, at a random step (LF-Diff, eq. 15)."""
    model = learner.model
    noise = torch.randn(truth.shape, generator=generator).to(truth.device)
    step = torch.randint(model.config.diffusion_steps, (len(truth),), generator=generator).to(truth.device)
    predicted = model.denoiser(model.schedule.add_noise(truth, noise, step), condition, step)
    return learner.recipe.noise_weight * F.mse_loss(predicted, model.schedule.target(truth, noise, step))


OBJECTIVES: dict[Objective, Callable[..., Losses]] = {
    "baseline": baseline,
    "stage1": stage_one,
    "split": split,
    "direct": direct,
    "stage2": stage_two,
    "block-means": predicted_block_means,
}

"""The diffusion of block means: what hidden light may be, beside its mean.

A prediction is the mean of everything that frames leave possible, and smooth for that. The diffusion draws one of it:
what a prediction is off by, from noise, told what was predicted from what.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.denoiser import Denoiser
from hdrfuse.lfdiff.diffusion import NoiseSchedule, multistep_sample

LARGEST_ERROR = 0.08
"""After the mu-law: what a prediction may be off by in a sample, 1 in the diffusion's units: three of its standard
deviations inside hidden light (0.026 on 192 validation samples). At 0.2 samples spread half as far as the errors."""


TEMPERATURE = 1.2
"""By what noise is larger than the diffusion learned from. On 192 validation samples the shipped one's spread 0.62
times as far as the prediction errs at 1, 0.87 times at this, 1.14 at 1.4; the mean of eight errs by 1, 3 and 5 % more
than the prediction."""

NOISE_SCALES = (1, 2, 4, 8)
"""Blocks: standard deviations of the Gaussians under which noise is drawn, beside white noise.

What a prediction is off by is much the same for its neighbours: of its squared error inside hidden light means of 2, 4
and 8 blocks a side hold 0.83, 0.68 and 0.51. In white noise that large part is settled at the noisiest steps, where a
small network cannot average as finely as it would have to: samples spread 0.43 as far as the errors, and 0.63 so.
"""


class BlockMeansDiffusion(nn.Module):
    """Errors of predicted block means, drawn from correlated noise (LF-Diff, eq. 12 to 15, in the place of z)."""

    def __init__(self, config: LFDiffConfig, condition_channels: int) -> None:
        super().__init__()
        self.denoiser = Denoiser(config, condition_channels)
        self.schedule = NoiseSchedule(config)
        self.steps = config.sampling_steps
        self.multiple_of = 2 ** len(config.denoiser_blocks)

    def sample(self, condition: Tensor, noise: Tensor, steps: int | None = None) -> Tensor:
        """Condition (B, C, h, w) and noise (B, 3, h', w'), no larger -> errors (B, 3, h, w) after the mu-law."""
        height, width = condition.shape[-2:]
        condition = self.padded(condition)
        rows, columns = (whole - part for whole, part in zip(condition.shape[-2:], noise.shape[-2:], strict=True))
        noise = F.pad(TEMPERATURE * noise, (0, columns, 0, rows))
        errors = multistep_sample(self.denoiser, noise, condition, self.schedule, steps or self.steps)
        return LARGEST_ERROR * errors[..., :height, :width]

    def loss(self, errors: Tensor, condition: Tensor, weights: Tensor, generator: torch.Generator) -> Tensor:
        """Weighted squared error (scalar) of what the denoiser tells of true errors (B, 3, h, w) at random steps.

        Weights are (B, 1, h, w).
        """
        truth = self.padded((errors / LARGEST_ERROR).clamp(-1, 1))
        condition, weights = self.padded(condition), self.padded(weights)
        step = torch.randint(len(self.schedule.alpha_bar), (len(truth),), generator=generator).to(truth.device)
        noise = correlated_noise(truth.shape, generator).to(truth.device)
        told = self.denoiser(self.schedule.add_noise(truth, noise, step), condition, step)
        wrong = (told - self.schedule.target(truth, noise, step)).square()
        return (weights * wrong).sum() / (weights.sum() * wrong.shape[1]).clamp_min(1e-6)  # nothing may clip at all

    def padded(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same, repeated to a multiple of what the denoiser divides it by."""
        multiple = self.multiple_of
        return F.pad(x, (0, -x.shape[-1] % multiple, 0, -x.shape[-2] % multiple), mode="replicate")


def correlated_noise(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Gaussian noise (B, C, h, w) of variance one, stationary, in equal parts white and as wide as NOISE_SCALES."""
    *kinds, height, width = shape
    total = torch.randn(*kinds, height, width, generator=generator)
    for scale in NOISE_SCALES:
        reach = 3 * scale
        gaussian = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / scale).square())
        gaussian /= gaussian.square().sum().sqrt()  # which leaves the variance as it is
        white = torch.randn(*kinds, height + 2 * reach, width + 2 * reach, generator=generator)
        rows = F.conv2d(white.flatten(0, -3)[:, None], gaussian[None, None, :, None])
        total += F.conv2d(rows, gaussian[None, None, None, :]).reshape(shape)
    return total / (1 + len(NOISE_SCALES)) ** 0.5

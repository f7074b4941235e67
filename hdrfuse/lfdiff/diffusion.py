"""The diffusion of the prior: its noise schedule, the forward process, the DDIM sampler."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from hdrfuse.lfdiff.config import LFDiffConfig

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(noisy prior, condition, steps (B,)) -> what the schedule's `predicts` says: the noise, or v."""


class NoiseSchedule(nn.Module):
    """alpha_bar of every step t = 0 .. T - 1 for betas that grow linearly (DDPM, Ho et al. 2020).

    It says too what is predicted of z_t: the noise, or v = sqrt(a) noise - sqrt(1 - a) z (Salimans & Ho 2022).
    """

    alpha_bar: Tensor

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        self.predicts = config.denoiser_predicts
        beta = torch.linspace(config.beta_first, config.beta_last, config.diffusion_steps, dtype=torch.float64)
        self.register_buffer("alpha_bar", (1 - beta).cumprod(0).float(), persistent=False)

    def add_noise(self, prior: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """z_t = sqrt(a_t) z + sqrt(1 - a_t) noise (Ho et al. 2020, eq. 4): (B, 3, h, w) at steps (B,)."""
        alpha_bar = self.alpha_bar[step][:, None, None, None]
        return alpha_bar.sqrt() * prior + (1 - alpha_bar).sqrt() * noise

    def target(self, prior: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """What a denoiser should tell of `add_noise(prior, noise, step)`, (B, 3, h, w)."""
        if self.predicts == "noise":
            return noise
        alpha_bar = self.alpha_bar[step][:, None, None, None]
        return alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * prior

    def parts(self, noisy: Tensor, predicted: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
        """Prior and noise, (B, 3, h, w) each, that z_t consists of by a prediction; alpha_bar is a scalar."""
        signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        if self.predicts == "noise":
            return (noisy - spread * predicted) / signal, predicted
        return signal * noisy - spread * predicted, spread * noisy + signal * predicted


def sampling_times(diffusion_steps: int, sampling_steps: int) -> list[int]:
    """Steps that the sampler visits, from the noisiest down, evenly spaced: 199, 179 .. 19 for 10 of 200."""
    return [diffusion_steps * k // sampling_steps - 1 for k in range(sampling_steps, 0, -1)]


def ddim_sample(
    denoise: Denoise, noise: Tensor, condition: Tensor, schedule: NoiseSchedule, sampling_steps: int
) -> Tensor:
    """Prior (B, 3, h, w) in [-1, 1] from pure noise by deterministic DDIM, eta = 0 (Song et al. 2021, eq. 12).

    Differentiable, as the second stage trains through the whole chain.
    """
    times = sampling_times(len(schedule.alpha_bar), sampling_steps)
    alphas = [*(schedule.alpha_bar[t] for t in times), schedule.alpha_bar.new_ones(())]
    z = noise
    for t, (alpha, alpha_next) in zip(times, pairwise(alphas), strict=True):
        predicted = denoise(z, condition, torch.full((len(z),), t, device=z.device))
        clean, remaining = schedule.parts(z, predicted, alpha)
        z = alpha_next.sqrt() * clean.clamp(-1, 1) + (1 - alpha_next).sqrt() * remaining
    return z

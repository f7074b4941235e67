"""The diffusion of the prior: its noise schedule, the forward process, two samplers."""

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


def times_by_snr(schedule: NoiseSchedule, sampling_steps: int) -> list[int]:
    """Steps from the noisiest down to the first, each about as far from the next in the logarithm of signal to noise.

    199, 179, 156, 130, 97, 59, 26, 9, 2, 0 for 10 of 200.
    """
    log_snr = (schedule.alpha_bar / (1 - schedule.alpha_bar)).log()
    times: list[int] = []
    even = torch.linspace(float(log_snr[-1]), float(log_snr[0]), sampling_steps)
    for left, wanted in zip(range(sampling_steps)[::-1], even, strict=True):
        nearest = int((log_snr - wanted).abs().argmin())
        times.append(max(min(nearest, times[-1] - 1) if times else nearest, left))
    return times


def multistep_sample(
    denoise: Denoise, noise: Tensor, condition: Tensor, schedule: NoiseSchedule, sampling_steps: int
) -> Tensor:
    """Prior (B, 3, h, w) in [-1, 1] from pure noise by DPM-Solver++(2M) (Lu et al. 2022, algorithm 2).

    Of a prior that varies by 0.16, ten steps keep 0.99 of its spread, where DDIM's ten keep 0.42: its last, from a
    third of noise on, gives the mean of what is left.
    """
    times = times_by_snr(schedule, sampling_steps)
    alphas = [*(schedule.alpha_bar[t] for t in times), schedule.alpha_bar.new_ones(())]
    log_snr = [(alpha / (1 - alpha)).log() for alpha in alphas]
    z, before = noise, noise
    for k, t in enumerate(times):
        alpha, alpha_next = alphas[k], alphas[k + 1]
        predicted = denoise(z, condition, torch.full((len(z),), t, device=z.device))
        clean = schedule.parts(z, predicted, alpha)[0].clamp(-1, 1)
        if 0 < k < len(times) - 1:
            further = (log_snr[k + 1] - log_snr[k]) / (2 * (log_snr[k] - log_snr[k - 1]))
            target = clean + further * (clean - before)
        else:
            target = clean
        remaining = (z - alpha.sqrt() * target) / (1 - alpha).sqrt()
        z, before = alpha_next.sqrt() * target + (1 - alpha_next).sqrt() * remaining, clean
    return z

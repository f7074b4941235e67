from dataclasses import replace

import numpy as np
import pytest
import torch

from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.diffusion import NoiseSchedule, ddim_sample, multistep_sample, sampling_times, times_by_snr

SCHEDULE = NoiseSchedule(PRESETS["paper"])


def test_the_schedule_is_the_product_of_linear_betas_and_ends_in_pure_noise():
    alpha_bar = np.cumprod(1 - np.linspace(5e-4, 0.1, 200))
    np.testing.assert_allclose(SCHEDULE.alpha_bar.numpy(), alpha_bar, rtol=1e-5)
    assert alpha_bar[-1] < 1e-4


def test_noise_is_added_with_the_variance_that_the_prior_loses():
    prior, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    step = torch.tensor([0, 120])
    noisy = SCHEDULE.add_noise(prior, noise, step)
    for i, t in enumerate(step):
        a = float(SCHEDULE.alpha_bar[t])
        torch.testing.assert_close(noisy[i], a**0.5 * prior[i] + (1 - a) ** 0.5 * noise[i])


@pytest.mark.parametrize(("steps", "expected"), [(10, range(199, 0, -20)), (5, range(199, 0, -40)), (1, [199])])
def test_the_sampler_visits_evenly_spaced_steps_from_the_noisiest_down(steps, expected):
    assert sampling_times(200, steps) == list(expected)


def schedule_that_predicts(what):
    return NoiseSchedule(replace(PRESETS["paper"], denoiser_predicts=what))


def oracle(truth, what, error=0.0):
    """A denoiser that knows the prior, or nearly."""

    def denoise(z, condition, step):
        a = SCHEDULE.alpha_bar[step][:, None, None, None]
        noise = (z - a.sqrt() * truth) / (1 - a).sqrt()
        return error + (noise if what == "noise" else a.sqrt() * noise - (1 - a).sqrt() * truth)

    return denoise


@pytest.mark.parametrize(("steps", "expected"), [(10, [199, 179, 156, 130, 97, 59, 26, 9, 2, 0]), (1, [199])])
def test_the_other_sampler_visits_steps_by_their_signal_to_noise(steps, expected):
    assert times_by_snr(SCHEDULE, steps) == expected


def test_no_step_is_visited_twice():
    assert times_by_snr(SCHEDULE, 200) == list(range(199, -1, -1))


@pytest.mark.parametrize("spread", [0.05, 0.16, 0.33, 1.0])
def test_samples_spread_as_what_is_drawn_from_does(spread):
    def mean(z, condition, step):
        a = SCHEDULE.alpha_bar[step][:, None, None, None]
        clean = z * a.sqrt() * spread**2 / (a * spread**2 + 1 - a)
        return a.sqrt() * (z - a.sqrt() * clean) / (1 - a).sqrt() - (1 - a).sqrt() * clean

    start = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).clamp(-1.5, 1.5)
    drawn = multistep_sample(mean, start, start, schedule_that_predicts("v"), 10)
    inside = start.abs() * spread < 0.7  # what is drawn ends at one
    assert (drawn / start)[inside].median() / spread == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("sample", [ddim_sample, multistep_sample])
@pytest.mark.parametrize("steps", [1, 5, 10, 200])
@pytest.mark.parametrize("what", ["noise", "v"])
def test_a_perfect_denoiser_leads_to_the_true_prior(steps, what, sample):
    truth = torch.rand(2, 3, 5, 7) * 2 - 1
    sampled = sample(oracle(truth, what), torch.randn(2, 3, 5, 7), truth, schedule_that_predicts(what), steps)
    torch.testing.assert_close(sampled, truth, atol=2e-3 if steps == 1 else 1e-5, rtol=0)


@pytest.mark.parametrize("what", ["noise", "v"])
def test_the_target_of_a_denoiser_is_what_the_sampler_takes_it_for(what):
    schedule, step = schedule_that_predicts(what), torch.tensor([60, 60])
    prior, noise = torch.rand(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    noisy, alpha = schedule.add_noise(prior, noise, step), schedule.alpha_bar[60]
    target = schedule.target(prior, noise, step)
    torch.testing.assert_close(target, noise if what == "noise" else alpha**0.5 * noise - (1 - alpha) ** 0.5 * prior)
    torch.testing.assert_close(schedule.parts(noisy, target, alpha), (prior, noise), atol=1e-5, rtol=1e-4)


def test_an_error_in_v_is_no_greater_in_the_prior_at_the_noisiest_step():
    truth, start = torch.zeros(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    off = {
        what: ddim_sample(oracle(truth, what, error=1e-3), start, truth, schedule_that_predicts(what), 1).abs().max()
        for what in ("noise", "v")
    }
    assert off["v"] < 1.01e-3
    assert off["noise"] > 0.1  # a hundred and eighty times the error


def test_the_sampler_follows_the_ddim_equation():
    weight = torch.randn(())

    def denoise(z, condition, step):
        return torch.tanh(weight * z + condition + step[0] / 200)

    start, condition = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    z, times = start.double(), list(range(199, 0, -40))
    alpha = [*(float(SCHEDULE.alpha_bar[t]) for t in times), 1.0]
    for i, t in enumerate(times):
        noise = denoise(z, condition.double(), torch.tensor([t]))
        clean = ((z - (1 - alpha[i]) ** 0.5 * noise) / alpha[i] ** 0.5).clamp(-1, 1)
        z = alpha[i + 1] ** 0.5 * clean + (1 - alpha[i + 1]) ** 0.5 * noise
    torch.testing.assert_close(ddim_sample(denoise, start, condition, SCHEDULE, 5), z.float(), atol=1e-4, rtol=1e-4)


def test_the_gradient_passes_through_the_whole_chain():
    condition = torch.zeros(1, 3, 4, 4, requires_grad=True)
    ddim_sample(lambda z, c, t: z - c, torch.randn(1, 3, 4, 4), condition, SCHEDULE, 10).sum().backward()
    assert condition.grad.abs().max() > 0

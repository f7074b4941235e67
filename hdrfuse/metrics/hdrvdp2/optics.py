"""Light that the eye's optics scatter over the retina (Mantiuk et al. 2011, section 3.2)."""

import torch
from torch import Tensor

from hdrfuse.metrics.hdrvdp2.fourier import filtered, frequencies

P1, P2 = 0.061466549455263, 0.99727370023777070
AMPLITUDES = (P2 * 0.426, P2 * 0.574, (1 - P2) * P1, (1 - P2) * (1 - P1))
DECAYS = (0.028, 0.37, 37.0, 360.0)
"""The modulation transfer function as a sum of a exp(-b rho), rho in cycles per degree, fitted to glare data."""

DARKEST_CD_M2, BRIGHTEST_CD_M2 = 1e-5, 1e10


def retinal_image(light: Tensor, surround: Tensor, pixels_per_degree: float) -> Tensor:
    """Return the light of channels (C, H, W) on the retina, between 1e-5 and 1e10; the surround (C,) is around it."""
    gain = modulation_transfer(frequencies(light.shape[1:], pixels_per_degree, light.device))
    planes = [filtered(plane, gain, around) for plane, around in zip(light, surround, strict=True)]
    return torch.stack(planes).clip_(DARKEST_CD_M2, BRIGHTEST_CD_M2)


def modulation_transfer(cycles_per_degree: Tensor) -> Tensor:
    """Return the gain of the eye's optics at frequencies of any shape (Mantiuk et al. 2011, eq. 3)."""
    gain = torch.zeros_like(cycles_per_degree)
    for amplitude, decay in zip(AMPLITUDES, DECAYS, strict=True):
        gain += amplitude * torch.exp(-decay * cycles_per_degree)
    return gain

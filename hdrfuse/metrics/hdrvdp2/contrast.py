"""Differences of two pictures in units of what masks them (Mantiuk et al. 2011, section 3.7)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hdrfuse.metrics.hdrvdp2.csf import neural_csf
from hdrfuse.metrics.hdrvdp2.lookup import LookupTable
from hdrfuse.metrics.hdrvdp2.photoreceptors import DECADES, log10_light
from hdrfuse.metrics.hdrvdp2.resize import resized
from hdrfuse.metrics.hdrvdp2.visual_pathway import Percept

EXCITATION = 10**0.544068
"""p: exponent of the excitatory signal."""

INHIBITION = 10**0.49576
"""q: exponent of the inhibitory signals."""

MASK_SELF = 10**0.189065
MASK_ORIENTATION = 10**0.449199
MASK_BAND = 10**1.52512
"""k_self, k_xo, k_xn: weights of masking by the same band and orientation, by other orientations, by other bands."""

LUMINANCES = 256
"""Length of the sensitivity tables."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Threshold-normalised differences of two percepts."""

    bands: list[Tensor]
    """By band, fine to coarse, each (orientations, h, w); with the sign of test - reference."""
    frequencies: list[float]
    """Peak frequency of each band, cycles per degree."""


def band_differences(test: Percept, reference: Percept) -> Differences:
    """Return the differences of two percepts of one shape, divided by noise and masking."""
    log10_adapting = log10_light((test.adapting_luminance + reference.adapting_luminance) / 2)
    masks = [_mutual_mask(a, b) for a, b in zip(test.bands, reference.bands, strict=True)]
    frequencies = [reference.frequency(band) for band in range(len(masks))]
    bands = []
    for band, (a, b) in enumerate(zip(test.bands, reference.bands, strict=True)):
        base = band == len(masks) - 1
        noise = None if base else _noise(frequencies[band], resized(log10_adapting, *a.shape[1:]))
        bands.append(_masked(a - b, band, masks, noise))
    return Differences(bands=bands, frequencies=frequencies)


def _masked(difference: Tensor, band: int, masks: list[Tensor], noise: Tensor | None) -> Tensor:
    """(orientations, h, w) -> the same shape, in thresholds (Mantiuk et al. 2011, eq. 13 to 15)."""
    scale = 2.0**band
    everywhere = masks[band].sum(dim=0)
    noise = torch.ones_like(everywhere) if noise is None else noise
    noise_power = noise ** (2 * EXCITATION)
    result = torch.empty_like(difference)
    for orientation, plane in enumerate(difference):
        own = masks[band][orientation]
        others = (everywhere - own).clip_(min=0)
        neighbours = _neighbours(masks, band, orientation)
        masking = (own / noise).div_(scale).pow_(INHIBITION).mul_(MASK_SELF)
        masking += (others / noise).div_(scale).pow_(INHIBITION).mul_(MASK_ORIENTATION)
        masking += (neighbours / noise).pow_(INHIBITION).mul_(MASK_BAND)
        excitation = (plane / scale).abs_().pow_(EXCITATION).mul_(scale).copysign_(plane)
        torch.div(excitation, (masking * scale).square_().add_(noise_power).sqrt_(), out=result[orientation])
    return result


def _neighbours(masks: list[Tensor], band: int, orientation: int) -> Tensor:
    """What the next finer and coarser bands mask (h, w); the low-pass band masks no other."""
    scale = 2.0**band
    size = masks[band].shape[1:]
    total = masks[band].new_zeros(size)
    if band > 0:
        total += resized(_oriented(masks[band - 1], orientation), *size).clip(min=0).div_(scale / 2)
    if band < len(masks) - 2:
        total += resized(_oriented(masks[band + 1], orientation), *size).clip(min=0).div_(scale * 2)
    return total


def _oriented(planes: Tensor, orientation: int) -> Tensor:
    """One orientation of a band; a band without orientations has it for all."""
    return planes[orientation if len(planes) > 1 else 0]


def _mutual_mask(a: Tensor, b: Tensor) -> Tensor:
    """What masks in a band (orientations, h, w): the smaller response, averaged over 3 x 3 samples."""
    return F.avg_pool2d(torch.minimum(a.abs(), b.abs())[None], 3, stride=1, padding=1)[0]


def _noise(cycles_per_degree: float, log10_adapting: Tensor) -> Tensor:
    """Neural noise (h, w) of a band: one over its sensitivity at the luminance that each pixel is adapted to."""
    table = neural_csf(cycles_per_degree, 10 ** np.linspace(*DECADES, LUMINANCES))
    sensitivity = LookupTable(*DECADES, log10_adapting.new_tensor(table))
    return 1 / sensitivity(log10_adapting.clip(*DECADES))

"""From light to the bands of the visual cortex, for one picture (Mantiuk et al. 2011, figure 2, left)."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hdrfuse.metrics.hdrvdp2.csf import neural_csf
from hdrfuse.metrics.hdrvdp2.fourier import filtered, frequencies
from hdrfuse.metrics.hdrvdp2.optics import retinal_image
from hdrfuse.metrics.hdrvdp2.photoreceptors import photoreceptor_responses
from hdrfuse.metrics.hdrvdp2.presets import Viewing
from hdrfuse.metrics.hdrvdp2.pyramid import decompose


@dataclass(frozen=True, kw_only=True)
class Percept:
    """What reaches the visual cortex."""

    bands: list[Tensor]
    """Responses by band, fine to coarse, each (orientations, h, w)."""
    adapting_luminance: Tensor
    """cd/m2 (H, W)."""
    pixels_per_degree: float

    def frequency(self, band: int) -> float:
        """Return the peak frequency of a band, in cycles per degree; band 0 is the finest."""
        return 2.0**-band * self.pixels_per_degree / 2


def perceive(light: Tensor, surround: Tensor, viewing: Viewing) -> Percept:
    """Channels of light (C, H, W) in a surround (C,) -> percept, its low-pass band without the eye's sensitivity."""
    retinal = retinal_image(light, surround, viewing.pixels_per_degree)
    responses = photoreceptor_responses(retinal, viewing)
    return Percept(
        bands=decompose(responses.signal),
        adapting_luminance=responses.adapting_luminance,
        pixels_per_degree=viewing.pixels_per_degree,
    )


def with_sensitive_base(percept: Percept, surround: Tensor) -> Percept:
    """Return the percept with its low-pass band weighted by the neural contrast sensitivity; surround is one value."""
    *finer, base = percept.bands
    samples_per_degree = percept.frequency(len(finer)) * 2 * math.sqrt(2)
    cycles_per_degree = frequencies(base.shape[1:], samples_per_degree, torch.device("cpu")).numpy()
    gain = neural_csf(cycles_per_degree, float(percept.adapting_luminance.mean()))
    weighted = filtered(base[0], base.new_tensor(gain), surround)
    return replace(percept, bands=[*finer, weighted[None]])

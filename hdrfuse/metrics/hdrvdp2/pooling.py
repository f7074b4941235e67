"""From differences in bands to one quality and to a map of detection (Mantiuk et al. 2011, sections 3.8 and 6)."""

import math

import numpy as np
from torch import Tensor

from hdrfuse.metrics.hdrvdp2.contrast import EXCITATION, Differences
from hdrfuse.metrics.hdrvdp2.pyramid import recompose
from hdrfuse.metrics.hdrvdp2.resize import resized

QUALITY_CYCLES_PER_DEGREE = (0.1172, 0.2344, 0.4688, 0.9375, 1.875, 3.75, 7.5, 15.0, 30.0, 60.0)
QUALITY_WEIGHTS = (0.0, 0.0, 0.0003, 0.0003, 0.0398, 0.2690, 0.2142, 0.2832, 0.2832, 0.0)
"""How much a band's difference counts, by its frequency, linear between (version 2.2.1)."""

NO_ERROR = 1e-12
PERFECT = 100.0

PSYCHOMETRIC_SLOPE = 3.5


def quality(differences: Differences, changed: Tensor) -> float:
    """Return Q: 100 less the weighted logarithms of the bands' errors where the pictures changed (H, W).

    Each orientation counts. The errors are sqrt(sum D^2) / n, as in the software of version 2.2.1 and 2.2.2.
    """
    q = PERFECT
    for band, frequency in zip(differences.bands, differences.frequencies, strict=True):
        weight = float(np.interp(frequency, QUALITY_CYCLES_PER_DEGREE, QUALITY_WEIGHTS))
        where = resized(changed, *band.shape[1:])
        for plane in band:
            error = float((plane * where).square_().sum().sqrt()) / plane.numel()
            q -= weight * (math.log(error + NO_ERROR) - math.log(NO_ERROR))
    return q


def detection(differences: Differences) -> Tensor:
    """Return the contrast (H, W) of all bands together, 1 where half of all observers see a difference."""
    slope = PSYCHOMETRIC_SLOPE / EXCITATION
    bands = [
        (planes / 2.0**band).abs_().pow_(slope).mul_(2.0**band).copysign_(planes)
        for band, planes in enumerate(differences.bands)
    ]
    contrast = recompose(bands).abs()
    return contrast * (contrast.sum() / (contrast.max() + NO_ERROR))

"""What cones and rods absorb, and how strongly they answer (Mantiuk et al. 2011, sections 3.3 and 3.4)."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hdrfuse.metrics.hdrvdp2.lookup import LookupTable
from hdrfuse.metrics.hdrvdp2.presets import Viewing

Plane = NDArray[np.float64]

D65: tuple[tuple[float, ...], ...] = ((0.601847152244699, 0.316708295579169, 0.904670654599503),)
ABSORBED: dict[str, tuple[tuple[float, ...], ...]] = {
    "ccfl-lcd": (
        (0.198996120337929, 0.0410058604075889, 0.0143773686211192),
        (0.404762607038125, 0.254923306441346, 0.480920841084132),
        (0.0543906192553212, 0.0500122489593007, 0.45427589566936),
    ),
    "led-lcd": (
        (0.178717470832544, 0.0472952893423273, 0.0688682732168711),
        (0.441718417647363, 0.264952931503019, 0.584439209301964),
        (0.0372989838133378, 0.0340675162107671, 0.330973586775301),
    ),
    "crt": (
        (0.193521438567804, 0.0450532090857062, 0.0470736661755417),
        (0.41422401076384, 0.256275195962185, 0.538454767533398),
        (0.0507166362862674, 0.0452380197199973, 0.400413942316388),
    ),
}
"""Light that L cones, M cones and rods take from one unit of R, G and B of a display, and D65 that of luminance.

Integrals over 420 wavelengths from 360 to 780 nm of the primaries' spectra times the cone fundamentals of Smith &
Pokorny 1975 and the CIE 1951 scotopic luminosity. S cones play no part.
"""

JOINT_SENSITIVITY = (30.162, 4.0627, 1.6596, 0.2712)
"""Peak contrast sensitivity of rods and cones together, p1 ((p2 / l)^p3 + 1)^-p4 (eq. 7)."""

ROD_PEAK_CD_M2 = 1.1732
ROD_ABOVE = (2.9899, 0.5547)
ROD_BELOW = (1.2167, 1.1478)
ROD_LOG10_GAIN = 1.1414
"""Peak contrast sensitivity of rods: exp(-|log10(l / peak)|^a / b) times a gain, above and below its peak (eq. 8)."""

CONE_FLOOR = 1e-3

SENSITIVITY_CORRECTION = 0.006894596 / 10**-2.4
"""Rescales all responses so that a threshold is 1 (version 2.2's calibration)."""

DECADES = (-5.0, 5.0)
SAMPLES = 2048
"""The tables' range of log10 light, and their length."""


@dataclass(frozen=True, kw_only=True)
class Responses:
    """What the photoreceptors hand on."""

    signal: Tensor
    """Cones' and rods' answers, each about their mean, in just noticeable differences (H, W)."""
    adapting_luminance: Tensor
    """Photopic luminance to which each pixel is adapted, cd/m2 (H, W)."""


def photoreceptor_responses(retinal: Tensor, viewing: Viewing) -> Responses:
    """Channels of light on the retina (C, H, W) -> responses (Mantiuk et al. 2011, eq. 4 to 6 and section 3.5)."""
    absorbed = retinal.new_tensor(D65 if viewing.channels == 1 else ABSORBED[viewing.display])
    l_cone, m_cone, rod = torch.einsum("ck,chw->khw", absorbed, retinal)
    cone_answer, rod_answer = (LookupTable(*DECADES, retinal.new_tensor(table)) for table in response_tables())
    cones = cone_answer(log10_light(l_cone)) + cone_answer(log10_light(m_cone))
    rods = rod_answer(log10_light(rod))
    return Responses(
        signal=(cones - cones.mean()) + (rods - rods.mean()),
        adapting_luminance=l_cone + m_cone,
    )


def log10_light(light: Tensor) -> Tensor:
    """Return log10 of light, within the tables' range."""
    return light.clip(10 ** DECADES[0], 10 ** DECADES[1]).log10()


@cache
def response_tables() -> tuple[Plane, Plane]:
    """Return the answers of a cone and of a rod to log10 light, in just noticeable differences (SAMPLES,)."""
    log10 = np.linspace(*DECADES, SAMPLES)
    light = 10**log10
    rod = rod_sensitivity(light)
    cones = np.maximum(joint_sensitivity(light) - rod, CONE_FLOOR)
    cone = 0.5 * np.interp(np.minimum(2 * light, light[-1]), light, cones)  # L and M cones share the light
    return _jnd_scale(cone, log10), _jnd_scale(rod, log10)


def joint_sensitivity(light: Plane) -> Plane:
    """Return the peak contrast sensitivity of rods and cones at luminances (Mantiuk et al. 2011, eq. 7)."""
    p1, p2, p3, p4 = JOINT_SENSITIVITY
    return p1 * ((p2 / light) ** p3 + 1) ** -p4


def rod_sensitivity(light: Plane) -> Plane:
    """Return the peak contrast sensitivity of rods at luminances (Mantiuk et al. 2011, eq. 8)."""
    distance = np.log10(light / ROD_PEAK_CD_M2)
    exponent, scale = np.where(distance[:, None] > 0, ROD_ABOVE, ROD_BELOW).T
    return np.exp(-(np.abs(distance) ** exponent) / scale) * 10**ROD_LOG10_GAIN


def _jnd_scale(sensitivity: Plane, log10: Plane) -> Plane:
    """Thresholds from the darkest light on, counted: the integral of sensitivity over ln light (eq. 6)."""
    steps = (sensitivity[1:] + sensitivity[:-1]) / 2 * np.diff(log10) * np.log(10)
    return SENSITIVITY_CORRECTION * np.concatenate([[0.0], np.cumsum(steps)])

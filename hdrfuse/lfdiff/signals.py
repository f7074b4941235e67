"""What goes into the network and what comes out: exposures, gamma, the mu-law tonemapper."""

import math

import torch
from torch import Tensor

GAMMA = 2.2
"""Display encoding of the network's input (LF-Diff, eq. 2)."""


def mu_law(radiance: Tensor, mu: float = 5000.0) -> Tensor:
    """Tonemapped values T(x) = ln(1 + mu x) / ln(1 + mu) of radiance in [0, 1], any shape (LF-Diff, eq. 1)."""
    return torch.log1p(mu * radiance) / math.log1p(mu)


def inverse_mu_law(tonemapped: Tensor, mu: float = 5000.0) -> Tensor:
    """Radiance whose mu-law value is given, any shape."""
    return torch.expm1(tonemapped * math.log1p(mu)) / mu


def network_inputs(ldr: Tensor, exposure: Tensor) -> Tensor:
    """Frames X_i = [L_i, H_i] with H_i = L_i^2.2 / t_i (LF-Diff, eq. 2).

    Gamma-encoded frames (B, 3, 3, H, W) in [0, 1], frame before channel, and exposures t_i = 2^(EV_i - EV_min)
    (B, 3) -> (B, 3, 6, H, W). Radiance 1.0 is the white of the shortest frame.
    """
    radiance = ldr.pow(GAMMA) / exposure[:, :, None, None, None]
    channels_last = (plane.movedim(2, -1) for plane in (ldr, radiance))
    return torch.cat(list(channels_last), dim=-1).movedim(-1, 2)


def reference_radiance(frames: Tensor) -> Tensor:
    """Radiance of the reference frame alone: (B, 3, 6, H, W) -> (B, 3, H, W)."""
    return frames[:, 1, 3:]

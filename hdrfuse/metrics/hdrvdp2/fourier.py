"""Filters that are given by their gain at each spatial frequency, for a picture with a surround."""

from collections.abc import Sequence

import torch
from torch import Tensor

SLAB = 128
"""Columns in one transform."""


def frequencies(shape: Sequence[int], pixels_per_degree: float, device: torch.device) -> Tensor:
    """Return the cycles per degree (2 H, W + 1) of the real FFT of a picture of shape (H, W) with its surround."""
    height, width = shape
    spacing_deg = 1 / pixels_per_degree
    down = torch.fft.fftfreq(2 * height, spacing_deg, dtype=torch.float64, device=device)
    across = torch.fft.rfftfreq(2 * width, spacing_deg, dtype=torch.float64, device=device)
    return torch.hypot(down[:, None], across)


def filtered(plane: Tensor, gain: Tensor, surround: Tensor) -> Tensor:
    """Return a plane (H, W) in a surround of its own size, after a gain (2 H, W + 1); the surround is one value.

    The surround is taken off first and comes back with the gain of frequency 0, so that the FFT pads with zeros.
    Columns are transformed a slab at a time: only the upper half of what they become is kept.
    """
    height, width = plane.shape
    rows = torch.fft.rfft(plane - surround, n=2 * width)
    for part, its_gain in zip(torch.split(rows, SLAB, dim=1), torch.split(gain, SLAB, dim=1), strict=True):
        spectrum = torch.fft.fft(part, n=2 * height, dim=0).mul_(its_gain)
        part.copy_(torch.fft.ifft(spectrum, dim=0)[:height])
    return torch.fft.irfft(rows, n=2 * width)[:, :width] + gain[0, 0] * surround

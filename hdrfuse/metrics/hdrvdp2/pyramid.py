"""The steerable pyramid: a picture as bands of one octave and four orientations (Simoncelli & Freeman 1995)."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import torch
import torch.nn.functional as F
from torch import Tensor

ORIENTATIONS = 4

MIN_SIDE_PX = 17
"""The low-pass filter's: smaller pictures are not split further."""


@cache
def filters() -> dict[str, Tensor]:
    """Return the spatial filters `sp3`: hi0 (1, 15, 15), lo0 (1, 9, 9), bands (4, 9, 9), lo (1, 17, 17)."""
    stored = json.loads((files("hdrfuse.metrics.hdrvdp2") / "sp3_filters.json").read_text(encoding="utf-8"))
    return {name: torch.tensor(stored[name], dtype=torch.float64) for name in ("hi0", "lo0", "bands", "lo")}


def levels(height: int, width: int) -> int:
    """Return how often a picture can be split: the halvings until a side is below the low-pass filter's."""
    return 0 if min(height, width) < MIN_SIDE_PX else 1 + levels(height // 2, width // 2)


def decompose(picture: Tensor) -> list[Tensor]:
    """Return the bands of a picture (H, W), fine to coarse.

    High-pass (1, H, W); for each level oriented bands (4, h, w), h and w halved and rounded up; low-pass (1, h, w).
    """
    high, low = correlated(picture, [filters()["hi0"], filters()["lo0"]])
    bands = [high[None]]
    for _ in range(levels(*picture.shape)):
        *oriented, blurred = correlated(low, [filters()["bands"], filters()["lo"]])
        bands.append(torch.stack(oriented))
        low = blurred[::2, ::2]
    return [*bands, low[None]]


def recompose(bands: Sequence[Tensor]) -> Tensor:
    """Return the picture (H, W) of bands as decompose gives them."""
    high, *oriented, base = bands
    low = base[0]
    for band in reversed(oriented):
        spread = low.new_zeros(band.shape[1:])
        spread[::2, ::2] = low
        low = convolved(torch.cat([spread[None], band]), [filters()["lo"], filters()["bands"]])
    return convolved(torch.stack([low, high[0]]), [filters()["lo0"], filters()["hi0"]])


def correlated(plane: Tensor, kernels: Sequence[Tensor]) -> list[Tensor]:
    """Return a plane (H, W), mirrored at its edges, correlated with every kernel of groups (n, k, k)."""
    window = _Window(plane, kernels)
    spectrum = window.spectrum(plane)
    return [window.plane(spectrum * window.gain(kernel).conj()) for group in kernels for kernel in group]


def convolved(planes: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """Return the sum (H, W) of planes (n, H, W), mirrored at their edges, each convolved with its kernel."""
    window = _Window(planes[0], kernels)
    each = (kernel for group in kernels for kernel in group)
    total = torch.zeros((), dtype=torch.complex128, device=planes.device)
    for plane, kernel in zip(planes, each, strict=True):
        total = total + window.spectrum(plane).mul_(window.gain(kernel))
    return window.plane(total)


class _Window:
    """FFTs of planes like one (H, W), mirrored at their edges as far as the widest of kernels (n, k, k) reaches."""

    def __init__(self, like: Tensor, kernels: Sequence[Tensor]) -> None:
        self.shape = like.shape
        self.device = like.device
        self.reach = max(kernel.shape[-1] for kernel in kernels) // 2
        self.size = [fast_size(side + 2 * self.reach) for side in self.shape]

    def spectrum(self, plane: Tensor) -> Tensor:
        """Plane (H, W) -> spectrum; the edge itself is not repeated, what wraps around falls on the mirrored part."""
        return torch.fft.rfft2(F.pad(plane[None], (self.reach,) * 4, mode="reflect")[0], s=self.size)

    def plane(self, spectrum: Tensor) -> Tensor:
        """Spectrum -> plane (H, W)."""
        down, across = (slice(self.reach, self.reach + side) for side in self.shape)
        return torch.fft.irfft2(spectrum, s=self.size)[down, across]

    def gain(self, kernel: Tensor) -> Tensor:
        """Spectrum of a kernel (k, k) about its centre."""
        height, width = self.size
        offsets = torch.arange(kernel.shape[-1], dtype=torch.float64, device=self.device) - kernel.shape[-1] // 2
        down = torch.fft.fftfreq(height, dtype=torch.float64, device=self.device)
        across = torch.fft.rfftfreq(width, dtype=torch.float64, device=self.device)
        return _waves(down, offsets) @ kernel.to(self.device, torch.complex128) @ _waves(offsets, across)


def _waves(down: Tensor, across: Tensor) -> Tensor:
    """exp(-2 pi i down across) for each pair, (n,) and (m,) -> (n, m)."""
    return torch.exp(-2j * torch.pi * torch.outer(down, across))


def fast_size(at_least: int) -> int:
    """Return the next length with no prime factor above 5, which FFTs are fast for."""
    size = at_least
    while _without(_without(_without(size, 2), 3), 5) > 1:
        size += 1
    return size


def _without(number: int, factor: int) -> int:
    while number % factor == 0:
        number //= factor
    return number

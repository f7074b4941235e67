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
    reach = _reach(kernels)
    spectrum = torch.fft.rfft2(_mirrored(plane[None], reach)[0])
    shape = tuple(side + 2 * reach for side in plane.shape)
    responses = (_response(kernel, reach, shape, plane) for group in kernels for kernel in group)
    return [_cropped(torch.fft.irfft2(spectrum * response.conj(), s=shape), reach) for response in responses]


def convolved(planes: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """Return the sum (H, W) of planes (n, H, W), mirrored at their edges, each convolved with its kernel."""
    reach = _reach(kernels)
    shape = tuple(side + 2 * reach for side in planes.shape[1:])
    each = (kernel for group in kernels for kernel in group)
    spectra = (
        torch.fft.rfft2(_mirrored(plane[None], reach)[0]) * _response(kernel, reach, shape, plane)
        for plane, kernel in zip(planes, each, strict=True)
    )
    total = next(spectra)
    for spectrum in spectra:
        total += spectrum
    return _cropped(torch.fft.irfft2(total, s=shape), reach)


def _reach(kernels: Sequence[Tensor]) -> int:
    return max(kernel.shape[-1] for kernel in kernels) // 2


def _mirrored(planes: Tensor, reach: int) -> Tensor:
    """(n, H, W) with `reach` more samples on each side; the edge itself is not repeated."""
    return F.pad(planes, (reach,) * 4, mode="reflect")


def _cropped(plane: Tensor, reach: int) -> Tensor:
    return plane[reach:-reach, reach:-reach]


def _response(kernel: Tensor, reach: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Real FFT of a kernel (k, k) about the origin of a plane; what wraps around falls on the mirrored edges."""
    placed = like.new_zeros(shape)
    side = kernel.shape[-1]
    placed[:side, :side] = kernel.to(like.device)
    return torch.fft.rfft2(placed.roll((-(side // 2), -(side // 2)), (0, 1)))

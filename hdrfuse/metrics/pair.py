"""What every metric takes: an image and its reference, of one shape, in floats, all finite."""

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import BadInputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Array: TypeAlias = Any
"""A float64 numpy array or torch tensor, for arithmetic that both spell alike."""

Picture: TypeAlias = "NDArray[np.floating[Any]] | Tensor"
"""Linear radiance in a numpy array or a torch tensor on any device."""


def float64_pair(image: Picture, reference: Picture) -> tuple[Array, Array]:
    """Return both in float64: numpy arrays, or tensors where either is one, on a GPU where either is there.

    Raises BadInputError, with "image" or "reference" first, for integers, NaN, infinity, no pixels, two shapes.
    """
    _check_floats(image, "image")
    _check_floats(reference, "reference")
    if tuple(image.shape) != tuple(reference.shape):
        raise BadInputError(
            f"image has shape {tuple(image.shape)} and reference {tuple(reference.shape)}; one shape is expected"
        )
    if 0 in image.shape or len(image.shape) == 0:
        raise BadInputError(f"image and reference have shape {tuple(image.shape)}; pixels are expected")
    device = _device(image, reference)
    a, b = _float64(image, device), _float64(reference, device)
    _check_finite(a, "image")
    _check_finite(b, "reference")
    return a, b


def check_picture(shape: tuple[int, ...], side: int, metric: str) -> None:
    """Raise BadInputError unless a shape is (H, W, 3) or (H, W, 1) with sides that the metric's window fits in."""
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise BadInputError(f"image and reference have shape {shape}; {metric} takes (H, W, 3) or (H, W, 1)")
    if min(shape[:2]) < side:
        raise BadInputError(
            f"image and reference have {shape[1]} x {shape[0]} pixels; {metric} needs at least {side} x {side}"
        )


def is_tensor(picture: object) -> bool:
    """Whether a picture is torch's, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def to_tensor(picture: Array) -> "Tensor":
    """Return a float64 array as a tensor, memory shared where torch can; a tensor as it is."""
    import torch

    if is_tensor(picture):
        return picture
    shareable = picture.flags.writeable and min(picture.strides, default=0) >= 0
    return torch.from_numpy(picture if shareable else picture.copy())


def _device(*pictures: Array) -> "torch.device | str | None":
    """Where to compute: the first CUDA device, else the processor (Apple's GPUs have no float64), None for arrays."""
    devices = [picture.device for picture in pictures if is_tensor(picture)]
    return next((device for device in devices if device.type == "cuda"), "cpu" if devices else None)


def _float64(picture: Array, device: "torch.device | str | None") -> Array:
    """A picture in float64: a tensor on a device, or an array where there is none."""
    if is_tensor(picture):
        return picture.detach().to(device).double()
    array = np.asarray(picture, np.float64)
    return array if device is None else to_tensor(array).to(device)


def _check_floats(picture: Array, name: str) -> None:
    """Radiance is 1.0 at white: 8-bit values would give a number that means nothing."""
    if not (is_tensor(picture) or isinstance(picture, np.ndarray)):
        raise BadInputError(f"{name} is a {type(picture).__name__}; a numpy array or a torch tensor is expected")
    floats = picture.is_floating_point() if is_tensor(picture) else np.issubdtype(picture.dtype, np.floating)
    if not floats:
        raise BadInputError(f"{name} holds {picture.dtype}; linear radiance in floats, 1.0 = white, is expected")


def _check_finite(picture: Array, name: str) -> None:
    finite = picture.isfinite() if is_tensor(picture) else np.isfinite(picture)
    if not finite.all():
        where = (~finite).nonzero(as_tuple=True) if is_tensor(picture) else (~finite).nonzero()
        first = tuple(int(axis[0]) for axis in where)
        raise BadInputError(
            f"{name}: {len(where[0]):,} values are NaN or infinite, the first ({float(picture[first])}) at {first}; "
            "expected finite ones"
        )

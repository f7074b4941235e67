"""From the values of a picture to the linear light of its channels (hdrvdp2's color_encoding)."""

import torch
from torch import Tensor

from hdrfuse.errors import BadInputError
from hdrfuse.metrics.hdrvdp2.presets import REFERENCE_MEAN, Viewing

WHITE_CD_M2 = 99.0
BLACK_CD_M2 = 1.0
"""Light of a display's signal 1, above that of its signal 0, and the light of 0 itself."""

XYZ_TO_RGB = (
    (3.240708, -1.537259, -0.498570),
    (-0.969257, 1.875995, 0.041555),
    (0.055636, -0.203996, 1.057069),
)
"""CIE XYZ to linear Rec. 709."""

MIN_CHANGE = 0.001
"""Relative difference of a channel from which a pixel counts as changed."""


def linear_channels(channels: Tensor, viewing: Viewing) -> Tensor:
    """Return the light (C, H, W) of encoded channels (C, H, W); values below 0 and above 1 are taken as they are."""
    match viewing.color_encoding:
        case "sRGB-display":
            curve = (channels + 0.055).div_(1.055).clip_(min=0).pow_(2.4)
            return torch.where(channels <= 0.04045, channels / 12.92, curve).mul_(WHITE_CD_M2).add_(BLACK_CD_M2)
        case "luma-display":
            return channels.clip(min=0).pow_(2.2).mul_(WHITE_CD_M2).add_(BLACK_CD_M2)
        case "XYZ":
            rgb = torch.einsum("rx,xhw->rhw", channels.new_tensor(XYZ_TO_RGB), channels)
            return rgb * viewing.peak_luminance_cd_m2
        case "rgb-bt.709" | "luminance":
            return channels * viewing.peak_luminance_cd_m2


def surround_of(reference: Tensor, viewing: Viewing) -> Tensor:
    """Return the light (C,) around both pictures; of the reference's channels (C, H, W) where it is their mean."""
    if viewing.surround != REFERENCE_MEAN:
        return reference.new_full(reference.shape[:1], viewing.surround)
    if float(reference.min()) < 0:
        raise BadInputError("reference has negative light; the geometric mean as surround needs none below 0")
    return reference.log().mean(dim=(1, 2)).exp()


def changed(test: Tensor, reference: Tensor) -> Tensor:
    """Return 1 where the light (C, H, W) of any channel differs by more than a thousandth of the reference's, else 0.

    (C, H, W) -> (H, W). Where the reference is black any difference counts; where it is negative none does, as in
    the reference software.
    """
    return (((test - reference).abs() / reference) > MIN_CHANGE).any(dim=0).double()

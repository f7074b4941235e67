"""HDR-VDP-2.2.2 as a function of two pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import BadInputError
from hdrfuse.metrics.hdrvdp2.presets import ColorEncoding, Display, Viewing, viewing
from hdrfuse.metrics.pair import Picture, check_picture, float64_pair, to_tensor

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIDE_PX = 15
"""The widest filter of the pyramid, as in the reference software."""


@dataclass(frozen=True, kw_only=True)
class Visibility:
    """How visible the differences of an image and its reference are."""

    q: float
    """Quality: 100 for equal pictures, less for others, below 0 for very different ones; depends on the size."""
    p_det: float
    """Probability that an observer sees a difference anywhere."""
    c_max: float
    """Largest threshold-normalised contrast of the differences."""
    p_map: NDArray[np.float64]
    """Probability (H, W) that an observer sees a difference at a pixel."""
    viewing: Viewing
    """What was assumed; a score says nothing without it."""


def hdrvdp2(
    image: Picture,
    reference: Picture,
    *,
    preset: str = "safnet",
    color_encoding: ColorEncoding | None = None,
    pixels_per_degree: float | None = None,
    display: Display | None = None,
    surround: float | None = None,
    peak_luminance_cd_m2: float | None = None,
) -> Visibility:
    """Return the quality of an image (H, W, 3) beside its reference, and where their differences are seen.

    The preset gives what is None: `safnet` reads sRGB-display values on a ccfl-lcd display in the dark (surround
    1e-5 cd/m2), with the pixels per degree of a 28-inch screen that the picture fills, 0.55 m away. The encodings
    luminance and luma-display take (H, W, 1). Values of linear encodings are multiplied by
    `peak_luminance_cd_m2`; nothing is clipped. float64, on the GPU where a tensor is there.

    Raises BadInputError for different shapes, other numbers of channels, sides below 15 pixels, integers, NaN and
    infinity; UsageError for keywords that make no sense.

    Source: Mantiuk, Kim, Rempel & Heidrich 2011, "HDR-VDP-2: a calibrated visual metric for visibility and quality
    predictions in all luminance conditions"; constants and Q of the software's version 2.2.2.
    """
    a, b = float64_pair(image, reference)
    check_picture(tuple(a.shape), MIN_SIDE_PX, "HDR-VDP-2")
    height, width, channels = a.shape
    conditions = viewing(
        preset,
        width=width,
        height=height,
        color_encoding=color_encoding,
        pixels_per_degree=pixels_per_degree,
        display=display,
        surround=surround,
        peak_luminance_cd_m2=peak_luminance_cd_m2,
    )
    if channels != conditions.channels:
        raise BadInputError(
            f"image and reference have {channels} channels; color encoding {conditions.color_encoding} "
            f"takes {conditions.channels}"
        )
    return _visibility(to_tensor(a).movedim(-1, 0), to_tensor(b).movedim(-1, 0), conditions)


def _visibility(image: "Tensor", reference: "Tensor", conditions: Viewing) -> Visibility:
    """Channels (C, H, W) of both -> the prediction; Mantiuk et al. 2011, figure 2."""
    import torch

    from hdrfuse.metrics.hdrvdp2.contrast import band_differences
    from hdrfuse.metrics.hdrvdp2.encoding import changed, linear_channels, surround_of
    from hdrfuse.metrics.hdrvdp2.pooling import detection, quality
    from hdrfuse.metrics.hdrvdp2.visual_pathway import perceive, with_sensitive_base

    with torch.inference_mode():
        test, truth = (linear_channels(channels, conditions) for channels in (image, reference))
        where, surround = changed(test, truth), surround_of(truth, conditions)
        seen, expected = (perceive(light, surround, conditions) for light in (test, truth))
        del test, truth
        mean_base = expected.bands[-1].mean()
        differences = band_differences(*(with_sensitive_base(percept, mean_base) for percept in (seen, expected)))
        q = quality(differences, where)
        contrast = detection(differences)
        p_map = 1 - torch.exp2(-contrast)
    return Visibility(
        q=q, p_det=float(p_map.max()), c_max=float(contrast.max()), p_map=p_map.cpu().numpy(), viewing=conditions
    )

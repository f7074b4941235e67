"""PSNR and SSIM in perceptually uniform units: PU21, the curve fitted to banding and glare."""

from hdrfuse.metrics.pair import Array, Picture, check_picture, float64_pair
from hdrfuse.metrics.psnr import peak_signal_to_noise_db
from hdrfuse.metrics.ssim import structural_similarity

BANDING_GLARE = (0.353487901, 0.3734658629, 8.277049286e-05, 0.9062562627, 0.09150303166, 0.9099517204, 596.3148142)
"""p1 .. p7 of Mantiuk & Azimi 2021, eq. 3, in the fit "banding_glare"."""

LUMINANCE_RANGE_CD_M2 = (0.005, 10000.0)
"""Where the curve was fitted."""

PEAK = 256.0
"""PU21 units of a display's white of 100 cd/m2: scores are then comparable with those of ordinary pictures."""

REC709_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Luminance of linear R, G and B (ITU-R BT.709)."""


def pu21_psnr(image: Picture, reference: Picture, *, peak_luminance_cd_m2: float = 1000.0) -> float:
    """Return PSNR in dB over all pixels and channels (H, W, 3) in PU21 units, peak 256.

    Radiance 1.0 is shown at `peak_luminance_cd_m2`, values above it brighter: nothing is clipped but the luminance
    to 0.005 .. 10,000 cd/m2, where the curve holds. float64; equal pictures score infinity. Raises BadInputError as
    psnr_l does. Source: Mantiuk & Azimi 2021, "PU21: A novel perceptually uniform encoding for adapting existing
    quality metrics for HDR".
    """
    a, b = float64_pair(image, reference)
    return peak_signal_to_noise_db(
        pu21_encode(a * peak_luminance_cd_m2), pu21_encode(b * peak_luminance_cd_m2), peak=PEAK
    )


def pu21_ssim(image: Picture, reference: Picture, *, peak_luminance_cd_m2: float = 1000.0) -> float:
    """Return SSIM of the luminance of linear Rec. 709 pictures (H, W, 3) in PU21 units, data range 256.

    A picture (H, W, 1) is its own luminance. The scale is pu21_psnr's, the window ssim_l's; raises BadInputError as
    ssim_l does. Source: Mantiuk & Azimi 2021.
    """
    a, b = float64_pair(image, reference)
    check_picture(tuple(a.shape), 1, "PU21-SSIM")
    encoded = (pu21_encode(luminance(x) * peak_luminance_cd_m2) for x in (a, b))
    return structural_similarity(*encoded, data_range=PEAK)


def pu21_encode(luminance_cd_m2: Array) -> Array:
    """Return PU21 units, about 0 .. 597, of luminances of any shape, numpy or torch (Mantiuk & Azimi 2021, eq. 3)."""
    p1, p2, p3, p4, p5, p6, p7 = BANDING_GLARE
    darkest, brightest = LUMINANCE_RANGE_CD_M2
    power = luminance_cd_m2.clip(min=darkest, max=brightest) ** p4
    return (p7 * (((p1 + p2 * power) / (1 + p3 * power)) ** p5 - p6)).clip(min=0.0)


def luminance(linear: Array) -> Array:
    """Return the luminance (H, W, 1) of linear Rec. 709 (H, W, 3), or of itself (H, W, 1), numpy or torch."""
    if linear.shape[-1] == 1:
        return linear
    return sum(weight * linear[..., i : i + 1] for i, weight in enumerate(REC709_LUMINANCE))

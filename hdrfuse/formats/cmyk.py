"""CMYK print separations as sRGB."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from hdrfuse.formats.icc import srgb_profile


def cmyk_to_srgb(ink: NDArray[np.uint8], icc: bytes | None) -> NDArray[np.uint8]:
    """Convert ink (H, W, 4), 255 = full coverage, to sRGB (H, W, 3) uint8.

    By the file's CMYK profile with relative colorimetric intent and black point compensation; without a
    profile by 1 - min(1, c + k), which is all that device CMYK says.
    """
    if icc is not None and icc[16:20] == b"CMYK":
        separations = Image.frombuffer("CMYK", (ink.shape[1], ink.shape[0]), np.ascontiguousarray(ink))
        converted: Any = ImageCms.profileToProfile(
            separations,
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return np.array(converted)
    white_left = 255 - ink[..., :3]
    return white_left - np.minimum(white_left, ink[..., 3:])

"""Resampling a frame onto the reference: its pixels, where it has data, and what the interpolation lost."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.image import Pixels
from hdrfuse.imaging.registration import Registration

SUPPORT = 2
"""Pixels that the cubic kernel reaches to either side."""

CORE = 1
"""Pixels to either side that carry the kernel's weight: a clipped one there spoils the sample."""


def warp(pixels: Pixels, registration: Registration) -> tuple[Pixels, NDArray[np.bool_]]:
    """Resample a frame onto the reference, uncropped, and tell (H, W) where it holds data there.

    `pixels` are (H, W, 3): display-encoded uint8 or uint16, or float32 with 1.0 as white. A frame that lies
    still is returned as it is. Otherwise uint8 comes back as uint16 (times 257: interpolating must not
    quantise again), the others in their type, with values in [0, white]. A channel whose kernel leans on a
    clipped value is white, so that clipped stays clipped and no half-clipped value passes for a measurement.
    Where the frame has no data pixels repeat its border, and the mask is False.
    """
    height, width = pixels.shape[:2]
    if registration.model == "identity":
        return pixels, np.ones((height, width), np.bool_)
    if pixels.dtype == np.uint8:
        pixels = pixels.astype(np.uint16) * np.uint16(257)
    white = 65535 if pixels.dtype == np.uint16 else 1.0
    matrix, size = registration.matrix, (width, height)
    inverse = cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(
        pixels, matrix, size, flags=cv2.INTER_CUBIC | inverse, borderMode=cv2.BORDER_REPLICATE
    )
    np.clip(warped, 0, white, out=warped)
    kernel = np.ones((2 * CORE + 1, 2 * CORE + 1), np.uint8)
    clipped = cv2.dilate((pixels >= white).astype(np.uint8), kernel)
    if clipped.any():
        clipped = cv2.warpPerspective(clipped, matrix, size, flags=cv2.INTER_NEAREST | inverse)
        warped[clipped > 0] = white
    inside = np.zeros((height, width), np.uint8)
    inside[SUPPORT:-SUPPORT, SUPPORT:-SUPPORT] = 1
    valid = cv2.warpPerspective(inside, matrix, size, flags=cv2.INTER_NEAREST | inverse)
    return warped, valid > 0

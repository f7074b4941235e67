"""EXIF orientation: which way up the stored pixels are (EXIF 2.32, tag 274)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.image import ImageHeader, Pixels

UPRIGHT = 1

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations under which width and height of the stored pixels change places."""

INVERSE = {6: 8, 8: 6}
"""What undoes a turn; all others undo themselves."""


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the upright picture."""
    return (height, width) if orientation in SIDEWAYS else (width, height)


def stored_size(header: ImageHeader) -> tuple[int, int]:
    """Return width and height of the pixels as they are stored."""
    return upright_size(header.width, header.height, header.orientation)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn stored pixels (h, w, 3) upright; the result is contiguous, and the same array if nothing is to do.

    An orientation outside 1..8 counts as upright.
    """
    match orientation:
        case 2:
            turned = cv2.flip(pixels, 1)
        case 3:
            turned = cv2.rotate(pixels, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(pixels, 0)
        case 5:
            turned = cv2.transpose(pixels)
        case 6:
            turned = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.flip(cv2.transpose(pixels), -1)
        case 8:
            turned = cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return pixels
    return np.asarray(turned)


def as_stored(pixels: Pixels, orientation: int) -> Pixels:
    """Turn upright pixels (H, W, 3) back to how they are stored."""
    return upright(pixels, INVERSE.get(orientation, orientation))


def upright_mask(mask: NDArray[np.bool_], orientation: int) -> NDArray[np.bool_]:
    """Turn a stored mask (h, w) upright."""
    return upright(mask.view(np.uint8), orientation).view(np.bool_)

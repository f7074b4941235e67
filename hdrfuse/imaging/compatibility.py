"""Whether files can be one bracket, by their headers: alike in size and colour, and small enough for memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdrfuse.errors import BracketError
from hdrfuse.formats import ImageHeader
from hdrfuse.free_memory import free_bytes
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class CompatibilitySettings(Settings):
    """What frames of one bracket may differ by and take."""

    decoders: int = 2
    """Frames that are decoded at once, performance only; a decoder has a frame beside the one that it returns."""
    merge_pixel_bytes: int = 40
    """Memory that the merge takes for each pixel beside the frames, at least.

    Measured: 55 for four of 12 megapixels; `hdrfuse bench --what speed` prints the peak.
    """
    chromaticity_tolerance: float = 0.002
    """Difference of chromaticities, x or y, that are the same: files round them, as `RECOGNISED_WITHIN` of profiles."""


COMPATIBILITY = CompatibilitySettings()


def check_alike(headers: Sequence[ImageHeader]) -> None:
    """Raise BracketError naming two files that differ in size, channels, encoding or primaries."""
    first = headers[0]
    for other in headers[1:]:
        both = f"{first.path} and {other.path}"
        if (first.width, first.height) != (other.width, other.height):
            raise BracketError(
                f"{both} differ in size: {first.width} x {first.height} and {other.width} x {other.height}"
            )
        if first.channels != other.channels:
            kinds = {1: "grey", 3: "colour"}
            raise BracketError(
                f"{both} differ in channels: {kinds[first.channels]} {first.width} x {first.height} "
                f"and {kinds[other.channels]} {other.width} x {other.height}"
            )
        if first.linear != other.linear:
            raise BracketError(f"{both} differ in encoding: one is linear, the other display-encoded")
        if not np.allclose(first.chromaticities, other.chromaticities, atol=COMPATIBILITY.chromaticity_tolerance):
            raise BracketError(f"{both} differ in their colour space's primaries")


def check_memory(headers: Sequence[ImageHeader]) -> None:
    """Raise BracketError where frames of one size, and what it takes to decode or merge them, fit into no memory."""
    pixels = headers[0].width * headers[0].height
    frames = [3 * pixels * np.dtype(header.dtype).itemsize for header in headers]
    needed = sum(frames) + max(COMPATIBILITY.decoders * max(frames), COMPATIBILITY.merge_pixel_bytes * pixels)
    free = free_bytes()
    if free is not None and needed > free:
        raise BracketError(
            f"{headers[0].path}: {len(headers)} frames of {headers[0].width} x {headers[0].height} pixels need"
            f" {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        )

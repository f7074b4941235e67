"""Headers of a bracket's frames: what can be known, and refused, before a pixel is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrfuse.brackets.exposure import GIVEN, Exposure, GivenExposures, infer_exposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import BracketError, UsageError
from hdrfuse.formats import ImageHeader, read_header
from hdrfuse.free_memory import free_bytes
from hdrfuse.imaging.orientations import common_orientation, reorient_header


@dataclass(frozen=True, kw_only=True)
class HeaderSettings:
    """What frames of one bracket may differ by, and what they cost; chosen by hand where no source is named."""

    decoders: int = 2
    """Frames that are decoded at once; a decoder has a frame of its own beside the one that it returns."""
    merge_pixel_bytes: int = 40
    """Memory that the merge takes for each pixel beside the frames, at least.

    Measured: 55 for four of 12 megapixels; `hdrfuse bench --what speed` prints the peak.
    """
    chromaticity_tolerance: float = 0.002
    """Difference of chromaticities, x or y, that are the same: files round them."""


HEADERS = HeaderSettings()


def read_headers(
    scene: Scene,
    *,
    exposures: GivenExposures | None = None,
    exposures_by: str = GIVEN,
    reference: str | int = "auto",
) -> tuple[list[ImageHeader], list[Exposure], list[str]]:
    """Headers and exposures of a scene's frames, in the order of the files, and warnings about the exposures.

    Raises as `read_bracket` does, for all that is known before a pixel is decoded.
    """
    headers = [read_header(path) for path in scene.files]
    orientation = common_orientation(headers)
    check_alike([reorient_header(header, orientation) for header in headers])
    check_memory(headers)
    inferred, warnings = infer_exposures(headers, given=exposures, given_by=exposures_by, folder=scene.folder)
    if reference != "auto":
        named_reference([path.name for path in scene.files], reference)
    return headers, inferred, warnings


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
        if not np.allclose(first.chromaticities, other.chromaticities, atol=HEADERS.chromaticity_tolerance):
            raise BracketError(f"{both} differ in their colour space's primaries")


def check_memory(headers: Sequence[ImageHeader]) -> None:
    """Raise BracketError where frames of one size, and what it takes to decode or merge them, fit into no memory."""
    pixels = headers[0].width * headers[0].height
    frames = [3 * pixels * np.dtype(header.dtype).itemsize for header in headers]
    needed = sum(frames) + max(HEADERS.decoders * max(frames), HEADERS.merge_pixel_bytes * pixels)
    free = free_bytes()
    if free is not None and needed > free:
        raise BracketError(
            f"{headers[0].path}: {len(headers)} frames of {headers[0].width} x {headers[0].height} pixels need"
            f" {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        )


def named_reference(names: Sequence[str], wanted: str | int) -> int:
    """Index of a frame by its file's name, its path or its index."""
    name = Path(str(wanted)).name
    if name in names:
        return names.index(name)
    try:
        index = int(wanted)
    except ValueError:
        raise UsageError(f"--reference {wanted}: no such frame; there are {', '.join(names)}") from None
    if not 0 <= index < len(names):
        raise UsageError(f"--reference {index}: the bracket has frames 0 to {len(names) - 1}")
    return index

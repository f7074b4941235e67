"""Headers of a bracket's frames: what can be known, and refused, before a pixel is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from hdrfuse.brackets.exposure import GIVEN, Exposure, GivenExposures, infer_exposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.formats import ImageHeader, read_header
from hdrfuse.imaging.compatibility import check_alike, check_memory
from hdrfuse.imaging.orientations import common_orientation, reorient_header
from hdrfuse.imaging.reference import find_named


@dataclass(frozen=True, kw_only=True)
class BracketHeaders:
    """What the headers of a bracket's frames tell, in the order of the files."""

    headers: Sequence[ImageHeader]
    exposures: Sequence[Exposure]
    orientation: int | None
    """The one that is taken for all frames; None where each keeps its own."""
    warnings: Sequence[str]
    """About the exposures."""


def read_headers(
    scene: Scene,
    *,
    exposures: GivenExposures | None = None,
    exposures_by: str = GIVEN,
    reference: str | int = "auto",
) -> BracketHeaders:
    """Read the headers of a scene's frames, and find their exposures.

    Raises as `read_bracket` does, for all that is known before a pixel is decoded.
    """
    headers = [read_header(path) for path in scene.files]
    orientation = common_orientation(headers)
    check_alike([reorient_header(header, orientation) for header in headers])
    check_memory(headers)
    inferred, warnings = infer_exposures(headers, given=exposures, given_by=exposures_by, folder=scene.folder)
    if reference != "auto":
        find_named([path.name for path in scene.files], reference)
    return BracketHeaders(headers=headers, exposures=inferred, orientation=orientation, warnings=warnings)

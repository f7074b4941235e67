"""Headers of a bracket's frames: what can be known, and refused, before a pixel is decoded."""

from hdrfuse.brackets.exposure import GIVEN, Exposure, GivenExposures, infer_exposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.formats import ImageHeader, read_header
from hdrfuse.imaging.compatibility import check_alike, check_memory
from hdrfuse.imaging.orientations import common_orientation, reorient_header
from hdrfuse.imaging.reference import find_named


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
        find_named([path.name for path in scene.files], reference)
    return headers, inferred, warnings

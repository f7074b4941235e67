"""What stands beside a merged radiance: how a file that hdrfuse wrote was made."""

from pathlib import Path

from hdrfuse.formats.image import RadianceFacts
from hdrfuse.formats.kinds import Kind, identify
from hdrfuse.formats.native import native_path
from hdrfuse.formats.reading import reader_of, refusing

WHITE_LUMINANCE = {Kind.EXR: "whiteLuminance", Kind.RADIANCE: "white luminance (cd/m2)", Kind.TIFF: "whiteLuminance"}
"""The name under which each format's writer states the luminance of white."""


def read_facts(path: Path) -> RadianceFacts:
    """Return what `write_image` wrote beside the pixels; the provenance of another program's file is empty.

    Raises ImageError if the file is missing, damaged in its header or of another kind than its suffix says.
    """
    with refusing(path):
        kind = identify(path)
        header = reader_of(kind).read_header(path)
        match kind:
            case Kind.EXR:
                stated = _exr_attributes(path)
            case Kind.RADIANCE:
                stated = _radiance_comments(path)
            case Kind.TIFF:
                stated = _tiff_description(path)
            case _:
                stated = {}
        white = stated.pop(WHITE_LUMINANCE.get(kind, ""), None)
    return RadianceFacts(
        chromaticities=header.chromaticities,
        capture=header.capture,
        white_luminance_cd_m2=_number(white),
        provenance=stated,
    )


def _exr_attributes(path: Path) -> dict[str, str]:
    import OpenEXR

    from hdrfuse.formats.exr import PROVENANCE
    from hdrfuse.formats.quiet import silenced

    with native_path(path) as native, silenced(), OpenEXR.File(native, header_only=True) as file:
        attributes = {name: str(value) for name, value in file.header().items()}
    kept = (*WHITE_LUMINANCE.values(), PROVENANCE)
    return {name.removeprefix(PROVENANCE): value for name, value in attributes.items() if name.startswith(kept)}


def _radiance_comments(path: Path) -> dict[str, str]:
    from hdrfuse.formats.radiance import COMMENTS, LARGEST_HEADER_BYTES

    with path.open("rb") as stream:
        lines = stream.read(LARGEST_HEADER_BYTES).split(b"\n\n")[0].decode("utf-8", "replace").splitlines()
    if "SOFTWARE=hdrfuse" not in lines:
        return {}
    comments = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    return {name: value for name, value in comments.items() if name not in COMMENTS}


def _tiff_description(path: Path) -> dict[str, str]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        software, description = str(page.software), str(page.description)
    if software != "hdrfuse":
        return {}
    return dict(line.split(": ", 1) for line in description.splitlines() if ": " in line)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None

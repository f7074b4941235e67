"""Float TIFF: linear radiance for programs that read no OpenEXR."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from hdrfuse.formats.icc import linear_profile
from hdrfuse.formats.image import Capture, Pixels, RadianceFacts
from hdrfuse.formats.writers import Storage

ROWS_PER_STRIP = 64
DEFLATE_LEVEL = 1
"""The mantissas of floats hardly compress; higher levels cost several times as long for a few percent."""

SOFTWARE = "hdrfuse"
WHITE_LUMINANCE = "whiteLuminance"

TAG_MODEL, TAG_DATE, TAG_EXPOSURE_TIME, TAG_F_NUMBER, TAG_ISO = 272, 306, 33434, 33437, 34855
RATIONAL_DENOMINATOR = 1_000_000


def write(
    path: Path, radiance: Pixels, facts: RadianceFacts, *, rendition: Pixels | None = None, storage: Storage
) -> list[str]:
    """Write radiance (H, W, 3) as float32, deflated, with a linear ICC profile and TIFF/EP capture tags.

    How the picture was made stands in ImageDescription, one "name: value" a line.
    """
    lines = {**facts.provenance}
    if facts.white_luminance_cd_m2 is not None:
        lines[WHITE_LUMINANCE] = f"{facts.white_luminance_cd_m2:g}"
    tifffile.imwrite(
        path,
        np.ascontiguousarray(radiance, np.float32),
        photometric="rgb",
        compression="zlib",
        compressionargs={"level": DEFLATE_LEVEL},
        rowsperstrip=ROWS_PER_STRIP,
        iccprofile=linear_profile(facts.chromaticities),
        description="\n".join(f"{name}: {_ascii(value)}" for name, value in sorted(lines.items())),
        software=SOFTWARE,
        metadata=None,
        extratags=_capture_tags(facts.capture),
    )
    return []


def read_statement(path: Path) -> tuple[dict[str, str], str | None]:
    """Return what `write` stated: how the picture was made, and the luminance of white in cd/m2."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        software, description = str(page.software), str(page.description)
    if software != SOFTWARE:
        return {}, None
    lines = dict(line.split(": ", 1) for line in description.splitlines() if ": " in line)
    white = lines.pop(WHITE_LUMINANCE, None)
    return lines, white


def _capture_tags(capture: Capture) -> list[tuple[Any, ...]]:
    tags: list[tuple[Any, ...]] = []
    for code, text in (
        (TAG_MODEL, capture.camera),
        (TAG_DATE, capture.captured_at.strftime("%Y:%m:%d %H:%M:%S") if capture.captured_at else None),
    ):
        if text:
            tags.append((code, "s", 0, _ascii(text), True))
    for code, value in ((TAG_EXPOSURE_TIME, capture.exposure_time_s), (TAG_F_NUMBER, capture.f_number)):
        if value is not None:
            tags.append((code, "2I", 1, _rational(value), True))
    if capture.iso is not None:
        tags.append((TAG_ISO, "I", 1, round(capture.iso), True))
    return tags


def _rational(value: float) -> tuple[int, int]:
    """Return a numerator and denominator of 32 bits; 1/n for a short exposure time, as cameras write it."""
    inverse = round(1 / value)
    if abs(inverse * value - 1) < 1e-9:
        return 1, inverse
    nearest = Fraction(value).limit_denominator(RATIONAL_DENOMINATOR)
    return (nearest.numerator, nearest.denominator) if value < 4000 else (round(value), 1)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()

"""Image files: one format a file, arrays in and out."""

from hdrfuse.formats.atomic import check_writable, replacing
from hdrfuse.formats.image import (
    REC709,
    Capture,
    Chromaticities,
    DecodedImage,
    ImageHeader,
    Pixels,
    RadianceFacts,
)
from hdrfuse.formats.kinds import RAW_SUFFIXES, READABLE_SUFFIXES, SCENE_REFERRED_SUFFIXES, WRITABLE_SUFFIXES
from hdrfuse.formats.reading import read_capture, read_header, read_image, read_white_balance
from hdrfuse.formats.writing import write_image, write_jpeg, write_png

__all__ = [
    "RAW_SUFFIXES",
    "READABLE_SUFFIXES",
    "REC709",
    "SCENE_REFERRED_SUFFIXES",
    "WRITABLE_SUFFIXES",
    "Capture",
    "Chromaticities",
    "DecodedImage",
    "ImageHeader",
    "Pixels",
    "RadianceFacts",
    "check_writable",
    "read_capture",
    "read_header",
    "read_image",
    "read_white_balance",
    "replacing",
    "write_image",
    "write_jpeg",
    "write_png",
]

"""Image files: one format a file, arrays in and out."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrfuse.formats.atomic import check_writable, replacing
    from hdrfuse.formats.image import REC709, Capture, Chromaticities, DecodedImage, ImageHeader, Pixels, RadianceFacts
    from hdrfuse.formats.kinds import RAW_SUFFIXES, READABLE_SUFFIXES, SCENE_REFERRED_SUFFIXES
    from hdrfuse.formats.reading import read_capture, read_header, read_image, read_white_balance
    from hdrfuse.formats.writers import Storage
    from hdrfuse.formats.writing import write_image, write_jpeg, write_png

__all__ = [
    "RAW_SUFFIXES",
    "READABLE_SUFFIXES",
    "REC709",
    "SCENE_REFERRED_SUFFIXES",
    "Capture",
    "Chromaticities",
    "DecodedImage",
    "ImageHeader",
    "Pixels",
    "RadianceFacts",
    "Storage",
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

_HOMES = {
    "atomic": ("check_writable", "replacing"),
    "image": (
        "REC709", "Capture", "Chromaticities", "DecodedImage", "ImageHeader", "Pixels", "RadianceFacts",
    ),
    "kinds": ("RAW_SUFFIXES", "READABLE_SUFFIXES", "SCENE_REFERRED_SUFFIXES"),
    "reading": ("read_capture", "read_header", "read_image", "read_white_balance"),
    "writers": ("Storage",),
    "writing": ("write_image", "write_jpeg", "write_png"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: the command line lists formats without numpy."""
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'hdrfuse.formats' has no attribute {name!r}")
    return getattr(import_module(f"hdrfuse.formats.{home}"), name)

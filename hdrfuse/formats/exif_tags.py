"""EXIF's tags: their numbers, and their values in a file or block, else in its XMP packet."""

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from hdrfuse.formats.directories import DAMAGED, Directories, DirectoryEntry
from hdrfuse.formats.xmp import Xmp
from hdrfuse.text import one_line

TAG_MAKE, TAG_MODEL, TAG_ORIENTATION, TAG_DATE = 271, 272, 274, 306
TAG_EXIF_IFD, TAG_GPS_IFD, TAG_INTEROPERABILITY_IFD = 34665, 34853, 40965
TAG_EXPOSURE_TIME, TAG_F_NUMBER, TAG_SHUTTER_SPEED, TAG_APERTURE = 33434, 33437, 37377, 37378
TAG_ISO, TAG_OUTPUT_SENSITIVITY, TAG_RECOMMENDED_INDEX, TAG_ISO_SPEED = 34855, 34865, 34866, 34867
TAG_DATE_ORIGINAL, TAG_DATE_DIGITIZED = 36867, 36868
TAG_OFFSET, TAG_OFFSET_ORIGINAL, TAG_OFFSET_DIGITIZED = 36880, 36881, 36882
TAG_SUB_SECONDS, TAG_SUB_SECONDS_ORIGINAL, TAG_SUB_SECONDS_DIGITIZED = 37520, 37521, 37522
TAG_BIAS, TAG_FOCAL_LENGTH, TAG_MAKER_NOTE, TAG_EXPOSURE_MODE = 37380, 37386, 37500, 41986
TAG_BODY_SERIAL, TAG_CAMERA_SERIAL, TAG_LENS = 42033, 50735, 42036
TAG_INTEROPERABILITY_INDEX = 1
"""EXIF 2.32 and, of the camera's serial number, DNG 1.4."""

FIRST_DIRECTORY_ALONE = frozenset({TAG_MAKE, TAG_MODEL, TAG_ORIENTATION, TAG_DATE})
"""Tags that are not looked for in the EXIF directory; some writers put the others into the first one."""

XMP_NAMES = {
    TAG_MAKE: "tiff:Make",
    TAG_MODEL: "tiff:Model",
    TAG_ORIENTATION: "tiff:Orientation",
    TAG_EXPOSURE_TIME: "exif:ExposureTime",
    TAG_F_NUMBER: "exif:FNumber",
    TAG_SHUTTER_SPEED: "exif:ShutterSpeedValue",
    TAG_APERTURE: "exif:ApertureValue",
    TAG_ISO: "exif:ISOSpeedRatings",
    TAG_ISO_SPEED: "exifEX:PhotographicSensitivity",
    TAG_BIAS: "exif:ExposureBiasValue",
    TAG_FOCAL_LENGTH: "exif:FocalLength",
    TAG_EXPOSURE_MODE: "exif:ExposureMode",
    TAG_LENS: "exifEX:LensModel",
}
"""Properties that say the same in XMP (XMP specification, part 2; CIPA DC-010)."""

XMP_DATE = "exif:DateTimeOriginal"

ISO_OVERFLOW = 65535
"""ISOSpeedRatings is 16 bits wide; a camera beyond it writes this and the true value elsewhere."""


class ExifTags:
    """Values of an EXIF structure's tags: the EXIF directory's, else the first one's, else XMP's."""

    def __init__(self, stream: BinaryIO, xmp: Xmp) -> None:
        self._xmp = xmp
        self._image: dict[int, DirectoryEntry] = {}
        self._exif: dict[int, DirectoryEntry] = {}
        self._tiff: Directories | None = None
        try:
            self._tiff = Directories(stream)
            self._image = self._tiff.entries(self._tiff.first())
            self._exif = self._directory(self._image.get(TAG_EXIF_IFD))
        except DAMAGED:
            return  # damaged, or not there

    def number(self, *tags: int) -> float | None:
        """First finite number among the tags."""
        for tag in tags:
            for entry in self._entries(tag):
                if self._tiff and (value := self._tiff.number(entry)) is not None:
                    return value
            if tag in XMP_NAMES and (value := self._xmp.number(XMP_NAMES[tag])) is not None:
                return value
        return None

    def text(self, *tags: int) -> str | None:
        """First text among the tags, on one line, without padding."""
        for tag in tags:
            for entry in self._entries(tag):
                if self._tiff and (text := self._tiff.text(entry)) is not None:
                    return text
            if tag in XMP_NAMES and (text := self._xmp.text(XMP_NAMES[tag])) is not None:
                return one_line(text)
        return None

    def interoperability_index(self) -> str | None:
        """Index of the interoperability directory ("R98" for sRGB, "R03" for Adobe RGB)."""
        try:
            directory = self._directory(self._exif.get(TAG_INTEROPERABILITY_IFD))
        except DAMAGED:
            return None
        entry = directory.get(TAG_INTEROPERABILITY_INDEX)
        return self._tiff.text(entry) if self._tiff and entry else None

    def xmp_moment(self) -> datetime | None:
        """When the picture was taken, as XMP says it (ISO 8601)."""
        try:
            return datetime.fromisoformat(self._xmp.text(XMP_DATE) or "")
        except ValueError:
            return None

    def _entries(self, tag: int) -> Iterator[DirectoryEntry]:
        for directory in (self._image,) if tag in FIRST_DIRECTORY_ALONE else (self._exif, self._image):
            if tag in directory:
                yield directory[tag]

    def _directory(self, pointer: DirectoryEntry | None) -> dict[int, DirectoryEntry]:
        offset = self._tiff.number(pointer) if self._tiff else None
        return {} if self._tiff is None or offset is None else self._tiff.entries(int(offset))

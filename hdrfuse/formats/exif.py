"""EXIF: what the camera wrote beside the pixels, and the block that is carried over into previews."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin

from hdrfuse.formats.directories import DAMAGED, Directories, DirectoryEntry
from hdrfuse.formats.image import Capture
from hdrfuse.formats.maker_notes import read_bracketing
from hdrfuse.formats.orientation import UPRIGHT
from hdrfuse.formats.xmp import Xmp
from hdrfuse.text import one_line

LONGEST_EXPOSURE_S = 100_000.0
HIGHEST_ISO = 10_000_000.0
F_NUMBERS = (0.3, 512.0)
LARGEST_BIAS_EV = 20.0
LONGEST_FOCAL_LENGTH_MM = 100_000.0
ISO_OVERFLOW = 65535
"""ISOSpeedRatings is 16 bits wide; a camera beyond it writes this and the true value elsewhere."""

EXPOSURE_MODES: dict[float | None, str] = {0.0: "auto", 1.0: "manual", 2.0: "bracket"}

LARGEST_BLOCK_BYTES = 65533 - 6
"""What one JPEG segment holds behind its length and "Exif\\0\\0"."""

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


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What an EXIF block says that matters here."""

    capture: Capture = field(default_factory=Capture)
    orientation: int = UPRIGHT
    adobe_rgb: bool = False
    """The camera was set to Adobe RGB (DCF 2.0: interoperability index R03)."""


def read_exif(stream: BinaryIO, xmp: bytes | None = None) -> Exif:
    """Read a TIFF-like EXIF structure: a file, or a block without its identifier.

    What is damaged or missing is left out: EXIF does not decide whether the pixels are sound. What EXIF does not say
    is taken from the XMP packet.
    """
    tags = _Tags(stream, Xmp(xmp))
    bracketing = read_bracketing(stream, tags.text(TAG_MAKE))
    return Exif(
        capture=Capture(
            exposure_time_s=_exposure_time_s(tags),
            f_number=_f_number(tags),
            iso=_iso(tags),
            exposure_bias_ev=_within(tags.number(TAG_BIAS), -LARGEST_BIAS_EV, LARGEST_BIAS_EV),
            captured_at=_captured_at(tags),
            camera=camera_name(tags.text(TAG_MAKE), tags.text(TAG_MODEL)),
            lens=tags.text(TAG_LENS),
            focal_length_mm=_positive(tags.number(TAG_FOCAL_LENGTH), LONGEST_FOCAL_LENGTH_MM),
            body_serial=tags.text(TAG_BODY_SERIAL, TAG_CAMERA_SERIAL),
            exposure_mode="bracket" if bracketing.on else EXPOSURE_MODES.get(tags.number(TAG_EXPOSURE_MODE)),
            bracket_shift_ev=bracketing.shift_ev,
            bracket_shot=bracketing.shot,
        ),
        orientation=int(_within(tags.number(TAG_ORIENTATION), 1, 8) or UPRIGHT),
        adobe_rgb=tags.interoperability_index() == "R03",
    )


def read_exif_block(block: bytes | None, xmp: bytes | None = None) -> Exif:
    """Read an EXIF block and an XMP packet as `read_exif` does; what is None says nothing."""
    return Exif() if block is None and xmp is None else read_exif(BytesIO(block or b""), xmp)


def camera_name(make: str | None, model: str | None) -> str | None:
    """Return make and model as one name without saying the make twice ("NIKON CORPORATION", "NIKON D90")."""
    if not make or not model:
        return model or make
    return model if model.split()[0].lower() == make.split()[0].lower() else f"{make} {model}"


def plausible(capture: Capture) -> Capture:
    """Return what a header of another kind says within EXIF's limits: what no camera states counts as not stated."""
    return replace(
        capture,
        exposure_time_s=_positive(capture.exposure_time_s, LONGEST_EXPOSURE_S),
        f_number=_within(capture.f_number, *F_NUMBERS),
        iso=_positive(capture.iso, HIGHEST_ISO),
        focal_length_mm=_positive(capture.focal_length_mm, LONGEST_FOCAL_LENGTH_MM),
        camera=one_line(capture.camera or "") or None,
        lens=one_line(capture.lens or "") or None,
    )


def carried_block(block: bytes | None) -> bytes | None:
    """Return an EXIF block for an upright copy: orientation 1, without thumbnail and maker note.

    The bytes serve as Pillow's `exif=`. None if there is nothing sound to carry.
    """
    if not block:
        return None
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL.TiffImagePlugin")  # of damaged blocks
    try:
        if not _is_plausible(block):
            return None
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + block)
        exif[TAG_ORIENTATION] = UPRIGHT
        exif.get_ifd(TAG_EXIF_IFD).pop(TAG_MAKER_NOTE, None)  # its offsets would point nowhere
        carried = exif.tobytes()
    except Exception:  # Pillow's parser raises anything on a damaged block, which then stays behind
        return None
    return carried if len(carried) <= LARGEST_BLOCK_BYTES else None


def block_of(capture: Capture) -> bytes | None:
    """Return an EXIF block that says what `capture` says, as `carried_block`; None for an empty capture."""
    if capture == Capture():
        return None
    exif = Image.Exif()
    exif[TAG_ORIENTATION] = UPRIGHT
    inner: dict[int, Any] = exif.get_ifd(TAG_EXIF_IFD)
    if capture.camera:
        exif[TAG_MODEL] = capture.camera
    if capture.captured_at:
        exif[TAG_DATE] = inner[TAG_DATE_ORIGINAL] = capture.captured_at.strftime("%Y:%m:%d %H:%M:%S")
    for tag, value in (
        (TAG_EXPOSURE_TIME, capture.exposure_time_s),
        (TAG_F_NUMBER, capture.f_number),
        (TAG_FOCAL_LENGTH, capture.focal_length_mm),
    ):
        if value is not None:
            inner[tag] = TiffImagePlugin.IFDRational(value)
    if capture.exposure_bias_ev is not None:
        bias = Fraction(capture.exposure_bias_ev).limit_denominator(1000)  # Pillow cannot shorten what is negative
        inner[TAG_BIAS] = TiffImagePlugin.IFDRational(bias.numerator, bias.denominator)
    if capture.iso is not None:
        inner[TAG_ISO] = min(round(capture.iso), ISO_OVERFLOW)
    if capture.lens:
        inner[TAG_LENS] = capture.lens
    return exif.tobytes()


def _is_plausible(block: bytes) -> bool:
    """Whether the directories that Pillow takes apart claim no more values than the block has bytes."""
    tiff = Directories(BytesIO(block))
    listed = [tiff.entries(tiff.first())]
    for tag in (TAG_EXIF_IFD, TAG_GPS_IFD):
        if (offset := tiff.number(listed[0].get(tag))) is not None:
            listed.append(tiff.entries(int(offset)))
    return sum(entry.value_bytes for entries in listed for entry in entries.values()) <= len(block)


class _Tags:
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


def _exposure_time_s(tags: _Tags) -> float | None:
    time_s = _positive(tags.number(TAG_EXPOSURE_TIME), LONGEST_EXPOSURE_S)
    if time_s is not None:
        return time_s
    apex = _within(tags.number(TAG_SHUTTER_SPEED), -17.0, 25.0)
    return None if apex is None else 2.0**-apex


def _f_number(tags: _Tags) -> float | None:
    f_number = _within(tags.number(TAG_F_NUMBER), *F_NUMBERS)
    if f_number is not None:
        return f_number
    apex = tags.number(TAG_APERTURE)
    apex = _within(apex, -3.0, 18.0) if apex != 0.0 else None  # 0 is what cameras write for an unknown lens
    return None if apex is None else 2.0 ** (apex / 2.0)


def _iso(tags: _Tags) -> float | None:
    rating = tags.number(TAG_ISO)
    if rating is not None and 0 < rating <= HIGHEST_ISO and rating != ISO_OVERFLOW:
        return rating
    wide = (TAG_RECOMMENDED_INDEX, TAG_ISO_SPEED, TAG_OUTPUT_SENSITIVITY)
    return next((iso for tag in wide if (iso := _positive(tags.number(tag), HIGHEST_ISO)) is not None), None)


def _captured_at(tags: _Tags) -> datetime | None:
    for date, sub_seconds, offset in (
        (TAG_DATE_ORIGINAL, TAG_SUB_SECONDS_ORIGINAL, TAG_OFFSET_ORIGINAL),
        (TAG_DATE_DIGITIZED, TAG_SUB_SECONDS_DIGITIZED, TAG_OFFSET_DIGITIZED),
        (TAG_DATE, TAG_SUB_SECONDS, TAG_OFFSET),
    ):
        moment = parse_date(tags.text(date))
        if moment is None:
            continue
        digits = tags.text(sub_seconds) or ""
        if digits.isascii() and digits.isdigit():
            moment += timedelta(microseconds=int(digits[:6].ljust(6, "0")))  # never into the next second
        zone = _zone(tags.text(offset))
        return moment.replace(tzinfo=zone) if zone else moment
    return tags.xmp_moment()


def parse_date(text: str | None) -> datetime | None:
    """Read "YYYY:MM:DD hh:mm:ss", EXIF's and OpenEXR's form of a date; None if it is none."""
    try:
        return datetime.strptime(text or "", "%Y:%m:%d %H:%M:%S")  # zone and fraction stand in other tags
    except ValueError:
        return None


def _zone(text: str | None) -> timezone | None:
    if text == "Z":
        return UTC
    try:
        parsed = datetime.strptime(text or "", "%z").utcoffset()
    except ValueError:
        return None
    return None if parsed is None else timezone(parsed)


def _positive(value: float | None, highest: float) -> float | None:
    return value if value is not None and 0.0 < value <= highest else None


def _within(value: float | None, lowest: float, highest: float) -> float | None:
    return value if value is not None and lowest <= value <= highest else None

"""EXIF: what the camera wrote beside the pixels."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import BinaryIO

from hdrfuse.formats.exif_tags import (
    ISO_OVERFLOW,
    TAG_APERTURE,
    TAG_BIAS,
    TAG_BODY_SERIAL,
    TAG_CAMERA_SERIAL,
    TAG_DATE,
    TAG_DATE_DIGITIZED,
    TAG_DATE_ORIGINAL,
    TAG_EXPOSURE_MODE,
    TAG_EXPOSURE_TIME,
    TAG_F_NUMBER,
    TAG_FOCAL_LENGTH,
    TAG_ISO,
    TAG_ISO_SPEED,
    TAG_LENS,
    TAG_MAKE,
    TAG_MODEL,
    TAG_OFFSET,
    TAG_OFFSET_DIGITIZED,
    TAG_OFFSET_ORIGINAL,
    TAG_ORIENTATION,
    TAG_OUTPUT_SENSITIVITY,
    TAG_RECOMMENDED_INDEX,
    TAG_SHUTTER_SPEED,
    TAG_SUB_SECONDS,
    TAG_SUB_SECONDS_DIGITIZED,
    TAG_SUB_SECONDS_ORIGINAL,
    ExifTags,
)
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
EXPOSURE_MODES: dict[float | None, str] = {0.0: "auto", 1.0: "manual", 2.0: "bracket"}


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
    tags = ExifTags(stream, Xmp(xmp))
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


def _exposure_time_s(tags: ExifTags) -> float | None:
    time_s = _positive(tags.number(TAG_EXPOSURE_TIME), LONGEST_EXPOSURE_S)
    if time_s is not None:
        return time_s
    apex = _within(tags.number(TAG_SHUTTER_SPEED), -17.0, 25.0)
    return None if apex is None else 2.0**-apex


def _f_number(tags: ExifTags) -> float | None:
    f_number = _within(tags.number(TAG_F_NUMBER), *F_NUMBERS)
    if f_number is not None:
        return f_number
    apex = tags.number(TAG_APERTURE)
    apex = _within(apex, -3.0, 18.0) if apex != 0.0 else None  # 0 is what cameras write for an unknown lens
    return None if apex is None else 2.0 ** (apex / 2.0)


def _iso(tags: ExifTags) -> float | None:
    rating = tags.number(TAG_ISO)
    if rating is not None and 0 < rating <= HIGHEST_ISO and rating != ISO_OVERFLOW:
        return rating
    wide = (TAG_RECOMMENDED_INDEX, TAG_ISO_SPEED, TAG_OUTPUT_SENSITIVITY)
    return next((iso for tag in wide if (iso := _positive(tags.number(tag), HIGHEST_ISO)) is not None), None)


def _captured_at(tags: ExifTags) -> datetime | None:
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
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # zone and fraction stand in other tags
    except ValueError:
        return None


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    try:
        parsed = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        return None
    return None if parsed is None else timezone(parsed)


def _positive(value: float | None, highest: float) -> float | None:
    return value if value is not None and 0.0 < value <= highest else None


def _within(value: float | None, lowest: float, highest: float) -> float | None:
    return value if value is not None and lowest <= value <= highest else None

"""EXIF: what the camera wrote beside the pixels, and the block that is carried over into previews."""

import logging
import math
import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any, BinaryIO

import exifread
from PIL import Image, TiffImagePlugin

from hdrfuse.formats.image import Capture
from hdrfuse.formats.maker_notes import read_bracketing
from hdrfuse.formats.orientation import UPRIGHT
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
TAG_EXIF_IFD, TAG_EXPOSURE_TIME, TAG_F_NUMBER, TAG_ISO = 34665, 33434, 33437, 34855
TAG_DATE_ORIGINAL, TAG_BIAS, TAG_FOCAL_LENGTH, TAG_MAKER_NOTE, TAG_LENS = 36867, 37380, 37386, 37500, 42036


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What an EXIF block says that matters here."""

    capture: Capture = field(default_factory=Capture)
    orientation: int = UPRIGHT
    adobe_rgb: bool = False
    """The camera was set to Adobe RGB (DCF 2.0: interoperability index R03)."""


def read_exif(stream: BinaryIO) -> Exif:
    """Read a TIFF-like EXIF structure: a file, or a block without its identifier.

    What is damaged or missing is left out: EXIF does not decide whether the pixels are sound.
    """
    tags = _Tags(_tags(stream))
    bracketing = read_bracketing(stream, tags.text("Image Make"))
    return Exif(
        capture=Capture(
            exposure_time_s=_exposure_time_s(tags),
            f_number=_f_number(tags),
            iso=_iso(tags),
            exposure_bias_ev=_within(
                tags.number("EXIF ExposureBiasValue", "Image ExposureBiasValue"),
                -LARGEST_BIAS_EV,
                LARGEST_BIAS_EV,
            ),
            captured_at=_captured_at(tags),
            camera=camera_name(tags.text("Image Make"), tags.text("Image Model")),
            lens=tags.text("EXIF LensModel", "Image LensModel"),
            focal_length_mm=_positive(tags.number("EXIF FocalLength", "Image FocalLength"), LONGEST_FOCAL_LENGTH_MM),
            body_serial=tags.text("EXIF BodySerialNumber", "Image CameraSerialNumber"),
            exposure_mode="bracket" if bracketing.on else EXPOSURE_MODES.get(tags.number("EXIF ExposureMode")),
            bracket_shift_ev=bracketing.shift_ev,
            bracket_shot=bracketing.shot,
        ),
        orientation=int(tags.number("Image Orientation") or UPRIGHT),
        adobe_rgb=tags.text("Interoperability InteroperabilityIndex") == "R03",
    )


def read_exif_block(block: bytes | None) -> Exif:
    """Read an EXIF block as `read_exif` does; None gives an empty Exif."""
    return read_exif(BytesIO(block)) if block else Exif()


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
        (TAG_BIAS, capture.exposure_bias_ev),
        (TAG_FOCAL_LENGTH, capture.focal_length_mm),
    ):
        if value is not None:
            inner[tag] = TiffImagePlugin.IFDRational(value)
    if capture.iso is not None:
        inner[TAG_ISO] = min(round(capture.iso), ISO_OVERFLOW)
    if capture.lens:
        inner[TAG_LENS] = capture.lens
    return exif.tobytes()


def _tags(stream: BinaryIO) -> dict[str, Any]:
    logging.getLogger("exifread").setLevel(logging.CRITICAL)  # else it warns the user about damaged blocks
    try:
        return exifread.process_file(stream, details=False, extract_thumbnail=False)
    except Exception:  # exifread raises anything on damaged blocks, which then say nothing
        return {}


class _Tags:
    """Values of exifread's tags by name, the first usable one of several names."""

    def __init__(self, tags: dict[str, Any]) -> None:
        self._tags = tags

    def number(self, *names: str) -> float | None:
        """First finite number among the names."""
        for name in names:
            values = getattr(self._tags.get(name), "values", None)
            if not isinstance(values, (list, tuple)) or not values:
                continue
            try:
                value = float(values[0])
            except (TypeError, ValueError, ArithmeticError):
                continue
            if math.isfinite(value) and getattr(values[0], "den", 1) != 0:
                return value
        return None

    def text(self, *names: str) -> str | None:
        """First text among the names, on one line, without padding."""
        for name in names:
            values = getattr(self._tags.get(name), "values", None)
            if isinstance(values, str) and (text := one_line(values.split("\0")[0])):
                return text
        return None


def _exposure_time_s(tags: _Tags) -> float | None:
    time_s = _positive(tags.number("EXIF ExposureTime", "Image ExposureTime"), LONGEST_EXPOSURE_S)
    if time_s is not None:
        return time_s
    apex = _within(tags.number("EXIF ShutterSpeedValue", "Image ShutterSpeedValue"), -17.0, 25.0)
    return None if apex is None else 2.0**-apex


def _f_number(tags: _Tags) -> float | None:
    f_number = _within(tags.number("EXIF FNumber", "Image FNumber"), *F_NUMBERS)
    if f_number is not None:
        return f_number
    apex = tags.number("EXIF ApertureValue", "Image ApertureValue")
    apex = _within(apex, -3.0, 18.0) if apex != 0.0 else None  # 0 is what cameras write for an unknown lens
    return None if apex is None else 2.0 ** (apex / 2.0)


def _iso(tags: _Tags) -> float | None:
    rating = tags.number("EXIF ISOSpeedRatings", "Image ISOSpeedRatings")
    if rating is not None and 0 < rating <= HIGHEST_ISO and rating != ISO_OVERFLOW:
        return rating
    wide = (
        f"{group} {name}"
        for name in (
            "RecommendedExposureIndex",
            "ISOSpeed",
            "Tag 0x8831",
        )  # 0x8831: StandardOutputSensitivity
        for group in ("EXIF", "Image")
    )
    return next((iso for name in wide if (iso := _positive(tags.number(name), HIGHEST_ISO)) is not None), None)


def _captured_at(tags: _Tags) -> datetime | None:
    for date, sub_seconds, offset in (
        (
            ("EXIF DateTimeOriginal", "Image DateTimeOriginal"),
            "EXIF SubSecTimeOriginal",
            "EXIF OffsetTimeOriginal",
        ),
        (("EXIF DateTimeDigitized",), "EXIF SubSecTimeDigitized", "EXIF OffsetTimeDigitized"),
        (("Image DateTime",), "EXIF SubSecTime", "EXIF OffsetTime"),
    ):
        moment = parse_date(tags.text(*date))
        if moment is None:
            continue
        digits = tags.text(sub_seconds) or ""
        if digits.isascii() and digits.isdigit():
            moment += timedelta(seconds=float(f"0.{digits}"))
        zone = _zone(tags.text(offset))
        return moment.replace(tzinfo=zone) if zone else moment
    return None


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

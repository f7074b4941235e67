"""EXIF blocks to be written: one carried over from a frame, or one made of what is known of a capture."""

import warnings
from fractions import Fraction
from io import BytesIO
from typing import Any

from PIL import Image, TiffImagePlugin

from hdrfuse.formats.directories import Directories
from hdrfuse.formats.exif_tags import (
    ISO_OVERFLOW,
    TAG_BIAS,
    TAG_DATE,
    TAG_DATE_ORIGINAL,
    TAG_EXIF_IFD,
    TAG_EXPOSURE_TIME,
    TAG_F_NUMBER,
    TAG_FOCAL_LENGTH,
    TAG_GPS_IFD,
    TAG_ISO,
    TAG_LENS,
    TAG_MAKER_NOTE,
    TAG_MODEL,
    TAG_ORIENTATION,
)
from hdrfuse.formats.image import Capture
from hdrfuse.formats.orientation import UPRIGHT

LARGEST_BLOCK_BYTES = 65533 - 6
"""What one JPEG segment holds behind its length and "Exif\\0\\0"."""


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

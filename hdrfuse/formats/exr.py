"""OpenEXR: linear radiance as half or float, with its primaries and what the camera said."""

import os
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from hdrfuse.formats.alpha import opaque
from hdrfuse.formats.exif import camera_name, parse_date, plausible
from hdrfuse.formats.exif_block import block_of
from hdrfuse.formats.exr_layout import (
    SAMPLE_BYTES,
    UNCOMPRESSED,
    ExrLayout,
    alpha_channel,
    check_chunks,
    color_channels,
    read_layout,
)
from hdrfuse.formats.image import (
    REC709,
    Capture,
    Chromaticities,
    DecodedImage,
    ImageHeader,
    Pixels,
    RadianceFacts,
)
from hdrfuse.formats.lost_blocks import find_repeats
from hdrfuse.formats.native import native_path
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.quiet import silenced
from hdrfuse.formats.refusal import RefusedError
from hdrfuse.formats.scene_referred import checked, clipping_white
from hdrfuse.formats.writers import Storage

COMPRESSIONS = {
    "none": OpenEXR.NO_COMPRESSION,
    "rle": OpenEXR.RLE_COMPRESSION,
    "zips": OpenEXR.ZIPS_COMPRESSION,
    "zip": OpenEXR.ZIP_COMPRESSION,
    "piz": OpenEXR.PIZ_COMPRESSION,
    "pxr24": OpenEXR.PXR24_COMPRESSION,
    "b44": OpenEXR.B44_COMPRESSION,
    "b44a": OpenEXR.B44A_COMPRESSION,
    "dwaa": OpenEXR.DWAA_COMPRESSION,
    "dwab": OpenEXR.DWAB_COMPRESSION,
}
"""Compressions by the name that the command line knows."""

LARGEST_HALF = 65504.0
SMALLEST_NORMAL_HALF = 2.0**-14
"""Below it a half has less than its 11 bits: 2**-24 is its last step."""

COARSE_SHARE = 0.25
"""Share of a picture that may lie there: a photograph's black, which is noise."""

SAMPLES_PER_SIDE = 512
PROVENANCE = "hdrfuse:"
"""Prefix of the attributes that say how a picture was made."""


@dataclass(frozen=True, kw_only=True)
class ExrPart:
    """A file's layout, its channels in order and its attributes."""

    layout: ExrLayout
    channels: tuple[str, ...]
    alpha: str | None
    """The channel of the same layer that says where the picture holds data."""
    attributes: dict[str, object]


def read_header(path: Path) -> ImageHeader:
    """Return what the header says; its pixels are those of the data window."""
    return _header(path, _picture(path))


def read(path: Path) -> DecodedImage:
    """Decode the data window to (H, W, 3) float32. Raises RefusedError if a chunk is missing or damaged."""
    picture = _picture(path)
    layout = picture.layout
    with path.open("rb") as stream:
        check_chunks(stream, layout, path.stat().st_size)
    try:
        with (
            native_path(path) as name,
            silenced(),
            OpenEXR.File(name, separate_channels=True, num_threads=thread_count()) as file,
        ):
            stored = file.channels()
            planes = [np.asarray(stored[name].pixels) for name in picture.channels]
            covered = None if picture.alpha is None else opaque(np.asarray(stored[picture.alpha].pixels))
            if any(plane.shape != (layout.height, layout.width) for plane in planes):
                raise RefusedError(f"damaged OpenEXR file: channels of {[plane.shape for plane in planes]}")
            pixels = np.empty((layout.height, layout.width, 3), np.float32)
            for index in range(3):
                pixels[..., index] = planes[index % len(planes)]
    except (RuntimeError, ValueError, KeyError) as error:
        raise RefusedError("damaged OpenEXR file: its pixels cannot be decoded") from error
    pixels = checked(pixels, covered)
    uncompressed = layout.compression == UNCOMPRESSED
    header = _header(path, picture)
    return DecodedImage(
        header=header,
        pixels=pixels,
        white=clipping_white(pixels, covered),
        covered=covered,
        repeats=find_repeats(pixels, pixels.shape[:2]) if uncompressed else None,
        exif=block_of(header.capture),
    )


def write(
    path: Path, radiance: Pixels, facts: RadianceFacts, *, rendition: Pixels | None = None, storage: Storage
) -> list[str]:
    """Write radiance (H, W, 3) float32 -> warnings of what it loses; half clips at 65504.

    Unless told so, half is taken only where it holds the picture. Equal arguments give equal bytes.
    """
    loss = None if storage.half is False else half_loss(radiance)
    half = storage.half is not False and (storage.half is True or loss is None)
    attributes = {
        "compression": COMPRESSIONS[storage.compression or "zip"],
        "type": OpenEXR.scanlineimage,
        "chromaticities": tuple(facts.chromaticities),
        **_capture_attributes(facts.capture),
        **{f"{PROVENANCE}{key}": value for key, value in sorted(facts.provenance.items())},
    }
    if facts.white_luminance_cd_m2 is not None:
        attributes["whiteLuminance"] = float(facts.white_luminance_cd_m2)
    stored = _to_half(radiance) if half else np.ascontiguousarray(radiance, np.float32)
    with native_path(path) as name, OpenEXR.File(attributes, {"RGB": stored}, num_threads=thread_count()) as file:
        file.write(name)
    return [] if loss is None else [f"{loss}: {'--half loses that' if storage.half else 'stored as float'}"]


def read_statement(path: Path) -> tuple[dict[str, str], str | None]:
    """Return what `write` stated: how the picture was made, and the luminance of white in cd/m2."""
    with native_path(path) as native, silenced(), OpenEXR.File(native, header_only=True) as file:
        attributes = {name: str(value) for name, value in file.header().items()}
    made = {name.removeprefix(PROVENANCE): value for name, value in attributes.items() if name.startswith(PROVENANCE)}
    return made, attributes.get("whiteLuminance")


def half_loss(radiance: Pixels) -> str | None:
    """Say what of a radiance (H, W, 3) halfs do not hold: highlights, or the precision of much of it; None if all."""
    highest = float(radiance.max())
    if highest > LARGEST_HALF:
        return f"highlights reach {highest:.3g}, and half ends at {LARGEST_HALF:g}"
    every = max(1, min(radiance.shape[:2]) // SAMPLES_PER_SIDE)
    samples = radiance[::every, ::every]
    coarse = float(np.mean(samples[samples > 0] < SMALLEST_NORMAL_HALF)) if (samples > 0).any() else 0.0
    if coarse <= COARSE_SHARE:
        return None
    return f"{coarse:.0%} of the picture is below {SMALLEST_NORMAL_HALF:.1e}, where half is coarse"


def thread_count() -> int:
    """Return how many threads OpenEXR shall use: every core that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _to_half(radiance: Pixels) -> Pixels:
    half = np.empty(radiance.shape, np.float16)
    for row in range(0, len(radiance), 256):  # strips, so that clipping does not copy the frame
        half[row : row + 256] = np.minimum(radiance[row : row + 256], LARGEST_HALF)
    return half


def _picture(path: Path) -> ExrPart:
    with path.open("rb") as stream:
        layout = read_layout(stream, path.stat().st_size)
    channels = next(color_channels(layout.channels), None)
    if channels is None or layout.subsampled:
        names = " ".join(layout.channels) or "none"
        raise RefusedError(f"is an OpenEXR file of channels {names}; expected R G B or Y, none subsampled")
    if any(layout.channels[name] == 0 for name in channels):
        raise RefusedError("is an OpenEXR file of integer channels; expected half or float")
    try:
        with native_path(path) as native, silenced(), OpenEXR.File(native, header_only=True) as file:
            attributes = {name: _copied(value) for name, value in file.header().items()}
    except (RuntimeError, ValueError) as error:
        raise RefusedError(f"damaged OpenEXR file: {error}") from error
    alpha = alpha_channel(layout.channels, channels)
    return ExrPart(layout=layout, channels=channels, alpha=alpha, attributes=attributes)


def _copied(value: object) -> object:
    """Return the value itself if it outlives its file, else its text."""
    return value if isinstance(value, str | int | float | tuple) else str(value)


def _header(path: Path, picture: ExrPart) -> ImageHeader:
    return ImageHeader(
        path=path,
        width=picture.layout.width,
        height=picture.layout.height,
        channels=len(picture.channels),
        dtype="float32",
        linear=True,
        chromaticities=_chromaticities(picture.attributes.get("chromaticities")),
        capture=_capture(picture.attributes),
        bits=8 * max(SAMPLE_BYTES[kind] for kind in picture.layout.channels.values()),
    )


def _chromaticities(value: object) -> Chromaticities:
    """Return the attribute, rounded from its float32; Rec. 709 where it is absent, as the format has it.

    Raises RefusedError for impossible primaries.
    """
    if not isinstance(value, tuple) or len(value) != 8:
        return REC709
    return stated_primaries([round(float(x), 6) for x in value])


def _capture(attributes: dict[str, object]) -> Capture:
    def number(name: str) -> float | None:
        value = attributes.get(name)
        return _shortest(value) if isinstance(value, float) else None

    def text(name: str) -> str | None:
        value = attributes.get(name)
        return value if isinstance(value, str) and value else None

    captured_at = parse_date(text("capDate"))
    utc_offset = attributes.get("utcOffset")
    if captured_at and isinstance(utc_offset, float) and abs(utc_offset) < 86_400:
        captured_at = captured_at.replace(tzinfo=timezone(timedelta(seconds=-round(utc_offset))))
    return plausible(
        Capture(
            exposure_time_s=number("expTime"),
            f_number=number("aperture"),
            iso=number("isoSpeed"),
            captured_at=captured_at,
            camera=camera_name(text("cameraMake"), text("cameraModel")),
            lens=text("lensModel"),
            focal_length_mm=number("nominalFocalLength"),
        )
    )


def _capture_attributes(capture: Capture) -> dict[str, Any]:
    """Return the capture as OpenEXR's standard attributes (ImfStandardAttributes.h), None left out."""
    offset = capture.captured_at.utcoffset() if capture.captured_at else None
    attributes = {
        "expTime": capture.exposure_time_s,
        "aperture": capture.f_number,
        "isoSpeed": capture.iso,
        "capDate": capture.captured_at.strftime("%Y:%m:%d %H:%M:%S") if capture.captured_at else None,
        "utcOffset": None if offset is None else -offset.total_seconds(),  # UTC minus local time
        "cameraModel": capture.camera,
        "lensModel": capture.lens,
        "nominalFocalLength": capture.focal_length_mm,
    }
    return {
        name: value if isinstance(value, str) else float(value)
        for name, value in attributes.items()
        if value is not None
    }


def _shortest(value: float) -> float:
    """Return the shortest decimal of the same float32: 0.01 rather than 0.009999999776."""
    return float(str(np.float32(value)))

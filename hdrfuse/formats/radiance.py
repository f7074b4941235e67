"""Radiance .hdr (RGBE): linear radiance with one exponent for three 8-bit mantissas.

Source: G. Ward, "Real Pixels", Graphics Gems II (1991); Radiance's file format notes.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.exif import parse_date, plausible
from hdrfuse.formats.exif_block import block_of
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
from hdrfuse.formats.opencv import decoded_by_opencv
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.quiet import silenced
from hdrfuse.formats.radiance_lines import NEW_ENCODING, RLE_WIDTHS, unpack_lines
from hdrfuse.formats.refusal import RefusedError, check_size
from hdrfuse.formats.scene_referred import checked, clipping_white
from hdrfuse.formats.writers import Storage

LARGEST_HEADER_BYTES = 2**16
SIZE_LINE = re.compile(rb"[\r\n]([-+])([XY]) +(\d{1,9}) +([-+])([XY]) +(\d{1,9})[ \t]*(?:\r?\n|\r)")
"""The line that the pixels follow, whichever way its system ends lines."""

FORMAT = b"32-bit_rle_rgbe"
HIGHEST_RATIO = 64
"""127 equal bytes in two; of old runs, which are rare, no more is taken."""

DARKEST = 1e-32
"""Below this the encoder writes black."""

SENTINEL = bytes((17, 99, 203, 131))
"""An RGBE pixel of which one more scan line is appended: it comes out last if the file held what it said."""

COMMENTS = {
    "exposure time (s)": "exposure_time_s",
    "f-number": "f_number",
    "ISO": "iso",
    "focal length (mm)": "focal_length_mm",
    "camera": "camera",
    "lens": "lens",
}
"""Comment lines that carry the capture, and the field of each."""

WHITE_LUMINANCE = "white luminance (cd/m2)"


@dataclass(frozen=True, kw_only=True)
class RadianceLayout:
    """What the text before the pixels says."""

    width: int
    height: int
    upward: bool
    leftward: bool
    columns_first: bool
    """The stored scan lines are the picture's columns."""
    scale: tuple[float, float, float]
    """What the stored values are divided by: the products of EXPOSURE and COLORCORR."""
    chromaticities: Chromaticities
    capture: Capture
    pixels_start: int


def read_header(path: Path) -> ImageHeader:
    """Return what the text header says."""
    with path.open("rb") as stream:
        return _header(path, _layout(stream.read(LARGEST_HEADER_BYTES), path.stat().st_size))


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) float32. Raises RefusedError if scan lines are missing, damaged or too many."""
    data = path.read_bytes()
    layout = _layout(data, len(data))
    header = _header(path, layout)
    stored = memoryview(data)[layout.pixels_start :]
    pixels = _decode(stored, layout)
    repeats = None
    if len(stored) == 4 * layout.width * layout.height:  # not run-length encoded
        repeats = find_repeats(np.frombuffer(stored, np.uint8), pixels.shape[:2])
        repeats = repeats and replace(repeats, place=_arranged(repeats.place, layout))
    pixels = _arranged(pixels, layout)
    if layout.scale != (1.0, 1.0, 1.0):
        pixels /= np.array(layout.scale, np.float32)
    pixels = checked(pixels)
    return DecodedImage(
        header=header,
        pixels=pixels,
        white=clipping_white(pixels),
        repeats=repeats,
        exif=block_of(header.capture),
    )


def _arranged(stored: NDArray[Any], layout: RadianceLayout) -> NDArray[Any]:
    """Put stored scan lines (rows, columns, ...) in the picture's order, contiguous."""
    if layout.columns_first:
        stored = stored.swapaxes(0, 1)
    if layout.upward:
        stored = np.flip(stored, 0)
    if layout.leftward:
        stored = np.flip(stored, 1)
    return np.ascontiguousarray(stored)


def write(
    path: Path, radiance: Pixels, facts: RadianceFacts, *, rendition: Pixels | None = None, storage: Storage
) -> list[str]:
    """Write radiance (H, W, 3) float32, rounded to RGBE; EXPOSURE stays 1, the facts are comments."""
    bgr = cv2.cvtColor(np.ascontiguousarray(radiance, np.float32), cv2.COLOR_RGB2BGR)
    for row in range(0, len(bgr), 256):
        strip = bgr[row : row + 256]
        strip += _half_step(strip.max(axis=2))[..., None]  # the encoder cuts off, and readers add nothing
    with silenced():
        done, encoded = cv2.imencode(".hdr", bgr)  # by way of a temporary file, whose failure it prints
    if not done:
        raise RuntimeError("the pixels cannot be encoded as RGBE")
    data = encoded.tobytes()
    pixels_start = data.index(b"\n", data.index(b"\n\n") + 2) + 1
    height, width = radiance.shape[:2]
    lines = ["#?RADIANCE", *_comments(facts), "SOFTWARE=hdrfuse"]
    if facts.capture.captured_at:
        lines.append(facts.capture.captured_at.strftime("CAPDATE=%Y:%m:%d %H:%M:%S"))
    lines.append("PRIMARIES=" + " ".join(f"{value:g}" for value in facts.chromaticities))
    lines += [f"FORMAT={FORMAT.decode()}", "", f"-Y {height} +X {width}", ""]
    with path.open("wb") as stream:
        stream.write("\n".join(lines).encode())
        stream.write(memoryview(data)[pixels_start:])
    return []


def read_statement(path: Path) -> tuple[dict[str, str], str | None]:
    """Return what `write` stated: how the picture was made, and the luminance of white in cd/m2."""
    with path.open("rb") as stream:
        lines = stream.read(LARGEST_HEADER_BYTES).split(b"\n\n")[0].decode("utf-8", "replace").splitlines()
    if "SOFTWARE=hdrfuse" not in lines:
        return {}, None
    comments = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    white = comments.pop(WHITE_LUMINANCE, None)
    return {name: value for name, value in comments.items() if name not in COMMENTS}, white


def _half_step(brightest: Pixels) -> Pixels:
    """Return half of RGBE's step for pixels whose largest channel is `brightest`; 0 for black."""
    mantissa, exponent = np.frexp(brightest)
    exponent += mantissa >= 1.0 - 1 / 512  # rounding carries it into the next power of two
    return np.where(brightest > DARKEST, np.ldexp(np.float32(0.5), exponent - 8), np.float32(0.0))


def _comments(facts: RadianceFacts) -> list[str]:
    stated = {name: getattr(facts.capture, field) for name, field in COMMENTS.items()}
    stated[WHITE_LUMINANCE] = facts.white_luminance_cd_m2
    stated |= dict(sorted(facts.provenance.items()))
    return [f"# {name}: {' '.join(str(value).split())}" for name, value in stated.items() if value is not None]


def _decode(stored: memoryview, layout: RadianceLayout) -> Pixels:
    """Return the stored scan lines (rows, columns, 3); one of the sentinel shows whether all were there.

    OpenCV reads files whose lines are all in the new encoding, or all flat.
    """
    width, height = (layout.height, layout.width) if layout.columns_first else (layout.width, layout.height)
    encoded = width in RLE_WIDTHS and bytes(stored[:2]) == NEW_ENCODING
    pixels = None
    if encoded or len(stored) == 4 * width * height:
        pixels = _decoded_by_opencv(stored, width, height, encoded=encoded)
    return _linear(unpack_lines(bytes(stored), width, height)) if pixels is None else pixels


def _decoded_by_opencv(stored: memoryview, width: int, height: int, *, encoded: bool) -> Pixels | None:
    head = b"#?RADIANCE\nFORMAT=" + FORMAT + b"\n\n" + f"-Y {height + 1} +X {width}\n".encode()
    bgr = decoded_by_opencv(b"".join((head, stored, _sentinel_line(width, encoded=encoded))))
    expected = np.ldexp(np.array(tuple(SENTINEL[2::-1]), np.float32), SENTINEL[3] - 136)
    if bgr is None or bgr.shape != (height + 1, width, 3) or not (bgr[-1] == expected).all():
        return None
    pixels = bgr[:-1]
    for row in range(0, height, 256):  # in place: a frame of floats is large
        pixels[row : row + 256] = pixels[row : row + 256, :, ::-1].copy()
    return pixels


def _linear(rgbe: NDArray[np.uint8]) -> Pixels:
    """Radiance (H, W, 3) float32 of RGBE (H, W, 4); an exponent of 0 is black, whatever the mantissas."""
    pixels = np.empty((*rgbe.shape[:2], 3), np.float32)
    for line, stored in zip(pixels, rgbe, strict=True):
        scale = np.ldexp(np.float32(1.0), stored[:, 3:].astype(np.int32) - 136)
        line[:] = stored[:, :3] * np.where(stored[:, 3:] > 0, scale, np.float32(0.0))
    return pixels


def _sentinel_line(width: int, *, encoded: bool) -> bytes:
    if not encoded:
        return SENTINEL * width
    runs = [min(127, width - start) for start in range(0, width, 127)]
    channels = b"".join(bytes((128 + run, value)) for value in SENTINEL for run in runs)
    return b"\x02\x02" + width.to_bytes(2) + channels


def _header(path: Path, layout: RadianceLayout) -> ImageHeader:
    return ImageHeader(
        path=path,
        width=layout.width,
        height=layout.height,
        channels=3,
        dtype="float32",
        linear=True,
        chromaticities=layout.chromaticities,
        capture=layout.capture,
    )


def _layout(data: bytes, file_bytes: int) -> RadianceLayout:
    """Read the text header. Raises RefusedError where it is damaged or another format's."""
    size = SIZE_LINE.search(data, 0, LARGEST_HEADER_BYTES)
    if size is None or size[2] == size[5]:
        raise RefusedError("truncated or damaged Radiance file: its header has no end, a size as in -Y 600 +X 800")
    first, second = int(size[3]), int(size[6])
    columns_first = size[2] == b"X"
    width, height = (first, second) if columns_first else (second, first)
    signs = {size[2]: size[1], size[5]: size[4]}
    check_size(width, height, decoded_bytes=4 * width * height, file_bytes=file_bytes, highest_ratio=HIGHEST_RATIO)
    scale, chromaticities, capture = np.ones(3), REC709, dict[str, object]()
    for line in data[: size.start()].decode("utf-8", "replace").splitlines()[1:]:
        name, _, value = line[1:].partition(":") if line.startswith("#") else line.partition("=")
        name, value = name.strip(), value.strip()
        if line.startswith("#"):
            if name in COMMENTS:
                capture[COMMENTS[name]] = value
        elif name == "FORMAT" and value != FORMAT.decode():
            raise RefusedError(f"is a Radiance file of format {value!r}; expected {FORMAT.decode()!r}")
        elif name in ("EXPOSURE", "COLORCORR"):
            scale = scale * _numbers(name, value, {1, 3})
        elif name == "PRIMARIES":
            chromaticities = stated_primaries(_numbers(name, value, {8}))
        elif name == "CAPDATE":
            capture["captured_at"] = parse_date(value)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise RefusedError(f"damaged Radiance file: exposures of {scale.tolist()}; expected positive numbers")
    return RadianceLayout(
        width=width,
        height=height,
        upward=signs[b"Y"] == b"+",
        leftward=signs[b"X"] == b"-",
        columns_first=columns_first,
        scale=(float(scale[0]), float(scale[1]), float(scale[2])),
        chromaticities=chromaticities,
        capture=_capture(capture),
        pixels_start=size.end(),
    )


def _capture(stated: dict[str, object]) -> Capture:
    fields = dict(stated)
    for name in ("exposure_time_s", "f_number", "iso", "focal_length_mm"):
        try:
            fields[name] = float(str(fields[name]))
        except (KeyError, ValueError):
            fields.pop(name, None)
    return plausible(Capture(**fields))  # type: ignore[arg-type]  # the keys are Capture's own


def _numbers(name: str, value: str, counts: set[int]) -> list[float]:
    try:
        numbers = [float(word) for word in value.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or not np.isfinite(numbers).all():
        raise RefusedError(f"damaged Radiance file: {name}={value!r}")
    return numbers

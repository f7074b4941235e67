"""Camera RAW through LibRaw: demosaiced linear light, one scale and one white balance for a whole bracket."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.exif import Exif, read_exif
from hdrfuse.formats.exif_block import block_of
from hdrfuse.formats.image import REC709, Capture, DecodedImage, ImageHeader, Pixels, Repeats
from hdrfuse.formats.lost_blocks import SECTOR, find_repeats
from hdrfuse.formats.native import native_path
from hdrfuse.formats.orientation import UPRIGHT, upright_mask
from hdrfuse.formats.quiet import silenced
from hdrfuse.formats.raw_segments import check_segments
from hdrfuse.formats.refusal import RefusedError, check_size

if TYPE_CHECKING:
    import rawpy

WhiteBalance = tuple[float, float, float, float]
"""Multipliers of R, G, B and the second green."""

WHITE = 65535.0
ROUNDING = 2
"""How far below white LibRaw's colour matrix leaves a pixel that clips in every channel."""

HIGHEST_RATIO = 256
SIDEWAYS_FLIP = 4
"""The bit of LibRaw's flip that exchanges rows and columns."""

ORIENTATIONS = {1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}
"""EXIF's number of LibRaw's flips: 4 exchanges rows and columns, 2 turns columns over, 1 rows."""

STRIP = 256
"""Rows that are worked on at once where a whole frame would need as much memory again."""

HOT_RATIO = 4.0
HOT_ABOVE = 1 / 64
"""A hot pixel is so many times brighter than every pixel around it, and so much of the range above them; lens
and filter spread a real point of light over its neighbours."""


def read_header(path: Path) -> ImageHeader:
    """Return the size of the upright picture, and the capture; nothing is unpacked."""
    with _opened(path) as raw:
        return _header(path, raw, _exif(path))


def read_capture(path: Path) -> Capture:
    """Return what the camera wrote, which LibRaw is not asked for."""
    return _exif(path).capture


def read_white_balance(path: Path) -> WhiteBalance:
    """Return the camera's white balance, else the daylight one, green = 1."""
    with _opened(path) as raw:
        return _white_balance(raw)


def read(path: Path, *, white_balance: WhiteBalance | None = None) -> DecodedImage:
    """Decode to linear Rec. 709 (H, W, 3) uint16; 65535 is where the first channel clips, for all channels.

    Frames of a bracket are on one scale if they get the same `white_balance`. Raises RefusedError.
    """
    import rawpy

    check_segments(path)
    with _opened(path) as raw:
        header = _header(path, raw, _exif(path))
        with silenced():
            try:
                raw.unpack()
            except rawpy.LibRawError as error:
                raise RefusedError(f"truncated or damaged RAW file: {_text(error)}") from error
        repeats = _repeats(raw, header)
        if raw.raw_type == rawpy.RawType.Flat:
            remove_hot_pixels(raw.raw_image, raw.raw_colors, _black(raw), float(raw.white_level))
        pixels: Pixels = raw.postprocess(
            user_wb=list(white_balance or _white_balance(raw)),
            gamma=(1, 1),
            no_auto_bright=True,
            adjust_maximum_thr=0.0,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            highlight_mode=rawpy.HighlightMode.Clip,
        )
    if pixels.shape[:2] != (header.height, header.width):
        raise RefusedError(
            f"damaged RAW file: {pixels.shape[1]}x{pixels.shape[0]} pixels; expected {header.width}x{header.height}"
        )
    _close_rounding_gap(pixels)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return DecodedImage(header=header, pixels=pixels, white=WHITE, repeats=repeats, exif=block_of(header.capture))


def _repeats(raw: "rawpy.RawPy", header: ImageHeader) -> Repeats | None:
    """Return where the mosaic repeats a sector.

    Raises RefusedError where it holds a sector of zeros though its black is above: noise is never so even.
    """
    mosaic, black = np.ascontiguousarray(raw.raw_image_visible), _black(raw)
    height, samples = len(mosaic), SECTOR // mosaic.itemsize
    if black > 0.0 and mosaic.size - cv2.countNonZero(mosaic.reshape(height, -1)) >= samples:
        empty = ~mosaic.reshape(-1)[: mosaic.size // samples * samples].reshape(-1, samples).any(axis=1)
        if empty.any():
            row = int(empty.argmax()) * samples // (mosaic.size // height)
            raise RefusedError(
                f"damaged RAW file: {empty.mean():.0%} of it are zeros, the first in row {row} of {height}; "
                f"its black is {black:g}"
            )
    repeats = find_repeats(mosaic, mosaic.shape[:2])
    if repeats is None:
        return None
    place = upright_mask(repeats.place, header.orientation)
    # Fujifilm's diagonal mosaics are of another shape than their pictures.
    return replace(repeats, place=place) if place.shape == (header.height, header.width) else None


def _close_rounding_gap(pixels: Pixels) -> None:
    """Lift what is white but for rounding to white, in place."""
    for row in range(0, len(pixels), STRIP):
        strip = pixels[row : row + STRIP]
        strip[strip >= WHITE - ROUNDING] = WHITE


def remove_hot_pixels(mosaic: NDArray[np.uint16], colors: NDArray[np.uint8], black: float, white: float) -> int:
    """Replace isolated bright pixels of a mosaic (H, W) in place, and return how many there were.

    Each takes the median of the pixels of its colour within two rows and columns. `colors` (H, W) numbers the
    colour filters; `black` and `white` are the mosaic's levels.
    """
    around = np.ones((5, 5), np.uint8)
    around[2, 2] = 0
    brightest = cv2.dilate(mosaic, around)
    margin = black * (1.0 - HOT_RATIO) + HOT_ABOVE * (white - black)
    places = []
    for row in range(0, len(mosaic), STRIP):
        limit = brightest[row : row + STRIP] * np.float32(HOT_RATIO) + np.float32(margin)
        places.append(np.argwhere(mosaic[row : row + STRIP] > limit) + np.array((row, 0)))
    rows, columns = np.concatenate(places).T
    fixed = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        top, left = max(row - 2, 0), max(column - 2, 0)
        window = mosaic[top : row + 3, left : column + 3]
        same = colors[top : row + 3, left : column + 3] == colors[row, column]
        same[row - top, column - left] = False
        fixed.append(np.median(window[same]) if same.any() else brightest[row, column])
    mosaic[rows, columns] = np.array(fixed, mosaic.dtype)
    return len(fixed)


def _opened(path: Path) -> "rawpy.RawPy":
    try:
        import rawpy
    except ImportError as error:
        raise RefusedError("reading camera RAW needs rawpy: pip install 'hdrfuse[raw]'") from error
    try:
        with native_path(path) as name, silenced():
            return rawpy.imread(name)
    except rawpy.LibRawError as error:
        raise RefusedError(f"is no RAW file that LibRaw reads, or damaged: {_text(error)}") from error


def _header(path: Path, raw: "rawpy.RawPy", exif: Exif) -> ImageHeader:
    sizes = raw.sizes
    width, height = (sizes.iheight, sizes.iwidth) if sizes.flip & SIDEWAYS_FLIP else (sizes.iwidth, sizes.iheight)
    check_size(
        max(width, sizes.raw_width),
        max(height, sizes.raw_height),
        decoded_bytes=2 * sizes.raw_width * sizes.raw_height,
        file_bytes=path.stat().st_size,
        highest_ratio=HIGHEST_RATIO,
    )
    return ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if raw.num_colors == 1 else 3,
        dtype="uint16",
        linear=True,
        chromaticities=REC709,
        capture=exif.capture,
        orientation=ORIENTATIONS.get(sizes.flip, UPRIGHT),
    )


def _exif(path: Path) -> Exif:
    with path.open("rb") as stream:
        return read_exif(stream)


def _white_balance(raw: "rawpy.RawPy") -> WhiteBalance:
    for multipliers in (raw.camera_whitebalance, raw.daylight_whitebalance):
        red, green, blue, second_green = (float(value) for value in multipliers)
        if min(red, green, blue) > 0.0 and np.isfinite((red, green, blue)).all():
            return red / green, 1.0, blue / green, (second_green if second_green > 0.0 else green) / green
    return 1.0, 1.0, 1.0, 1.0


def _black(raw: "rawpy.RawPy") -> float:
    return float(np.mean(raw.black_level_per_channel))


def _text(error: Exception) -> str:
    """LibRaw's messages come as bytes."""
    message = error.args[0] if error.args else ""
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)

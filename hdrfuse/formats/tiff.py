"""TIFF 6.0 and BigTIFF: one picture of 8 or 16-bit integers or floats, strips or tiles, display or linear."""

import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from hdrfuse.formats.alpha import opaque
from hdrfuse.formats.cmyk import cmyk_to_srgb
from hdrfuse.formats.exif import Exif, read_exif
from hdrfuse.formats.exif_block import block_of
from hdrfuse.formats.icc import ADOBE_RGB, read_profile
from hdrfuse.formats.image import REC709, DecodedImage, ImageHeader, Repeats
from hdrfuse.formats.lost_blocks import find_repeats
from hdrfuse.formats.orientation import upright, upright_mask, upright_size
from hdrfuse.formats.refusal import RefusedError, check_size
from hdrfuse.formats.scene_referred import checked, clipping_white
from hdrfuse.formats.tiff_segments import HIGHEST_RATIOS, NONE, Raster, read_raster

TAG_SUBFILE_TYPE, TAG_XMP, TAG_ICC, TAG_DNG_VERSION = 254, 700, 34675, 50706
REDUCED = 1
"""Bit of the subfile type: a thumbnail, which is what camera RAW files put first."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, CFA, LINEAR_RAW = 0, 1, 2, 3, 5, 32803, 34892
COLOUR_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4}
"""Samples a pixel that are no alpha, by photometric interpretation."""

ASSOCIATED, UNASSOCIATED = 1, 2
"""Extra samples that are alpha: premultiplied and not. 0 is anything, such as a scanner's infrared."""

DTYPES = {"uint8": "uint8", "uint16": "uint16", "float16": "float32", "float32": "float32"}
"""What each stored type is decoded to."""


@dataclass(frozen=True, kw_only=True)
class TiffLayout:
    """What the first directory of a TIFF says."""

    raster: Raster
    photometric: int
    alpha: int | None
    """Which of the samples is alpha."""
    colormap: NDArray[np.uint16] | None
    icc: bytes | None
    exif: Exif


def read_header(path: Path) -> ImageHeader:
    """Return what the first directory says."""
    with path.open("rb") as stream:
        return _header(path, _layout(stream, path.stat().st_size))


def read(path: Path) -> DecodedImage:
    """Decode to (H, W, 3) uint8, uint16 or float32.

    Raises RefusedError if a strip or tile is missing, short or damaged.
    """
    with path.open("rb") as stream:
        layout = _layout(stream, path.stat().st_size)
        header = _header(path, layout)
        stored = read_raster(stream, layout.raster)
    repeats = _repeats(stored, layout)
    covered = None
    if layout.alpha is not None:
        alpha = np.ascontiguousarray(stored[..., layout.alpha])
        alpha = alpha.astype(np.float32) if alpha.dtype == np.float16 else alpha
        covered = opaque(upright(alpha, layout.exif.orientation))
    pixels = upright(_to_rgb(stored, layout), layout.exif.orientation)
    white = 255.0 if header.dtype == "uint8" else 65535.0
    if header.dtype == "float32":
        pixels = checked(pixels.astype(np.float32, copy=False), covered)
        white = clipping_white(pixels, covered)
    return DecodedImage(
        header=header, pixels=pixels, white=white, covered=covered, repeats=repeats, exif=block_of(header.capture)
    )


def _repeats(stored: NDArray[Any], layout: TiffLayout) -> Repeats | None:
    """Return where uncompressed samples (H, W, S) repeat a sector; the other compressions do not unpack then."""
    if layout.raster.compression != NONE:
        return None
    shape = (layout.raster.height, layout.raster.width)
    planes = np.moveaxis(stored, 2, 0) if layout.raster.planar else [stored]
    found = [repeats for plane in planes if (repeats := find_repeats(plane, shape)) is not None]
    if not found:
        return None
    place = np.logical_or.reduce([repeats.place for repeats in found])
    ragged = any(repeats.ragged for repeats in found)
    return Repeats(place=upright_mask(place, layout.exif.orientation), ragged=ragged)


def _to_rgb(stored: NDArray[Any], layout: TiffLayout) -> NDArray[Any]:
    """Turn stored samples (H, W, S) into contiguous RGB (H, W, 3)."""
    match layout.photometric:
        case _ if layout.photometric == CMYK:
            return cmyk_to_srgb(stored[..., :4], layout.icc)
        case _ if layout.photometric == PALETTE and layout.colormap is not None:
            return layout.colormap.T[stored[..., 0]].astype(np.uint8)
        case _ if layout.photometric == RGB:
            return np.ascontiguousarray(stored[..., :3])
    grey = np.ascontiguousarray(stored[..., 0])
    if layout.photometric == WHITE_IS_ZERO:
        grey = np.iinfo(grey.dtype).max - grey
    if grey.dtype == np.float16:
        grey = grey.astype(np.float32)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


def _header(path: Path, layout: TiffLayout) -> ImageHeader:
    raster = layout.raster
    width, height = upright_size(raster.width, raster.height, layout.exif.orientation)
    dtype = DTYPES[raster.dtype.name]
    profile = read_profile(layout.icc) if layout.photometric == RGB else None
    fallback = ADOBE_RGB if layout.exif.adobe_rgb else REC709
    return ImageHeader(
        path=path,
        width=width,
        height=height,
        channels=1 if layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) else 3,
        dtype=dtype,
        linear=dtype == "float32" or (profile is not None and profile.linear),
        chromaticities=profile.chromaticities if profile else fallback,
        capture=layout.exif.capture,
        orientation=layout.exif.orientation,
        bits=8 * layout.raster.dtype.itemsize,
    )


def _layout(stream: BinaryIO, file_bytes: int) -> TiffLayout:
    """Read the first directory and refuse what is not read. Raises RefusedError."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # else its errors reach the user twice
    try:
        with tifffile.TiffFile(stream) as file:
            page = file.pages.first
            tags = {tag.code: tag.value for tag in page.tags}
            raster = _raster(page)
            photometric = int(page.photometric)
            extra_samples = tuple(int(kind) for kind in page.extrasamples)
            colormap = page.colormap
    except RefusedError:
        raise
    except Exception as error:  # tifffile raises anything on damaged directories
        raise RefusedError(f"damaged TIFF: its directory cannot be read ({error})") from error
    if TAG_DNG_VERSION in tags or photometric in (CFA, LINEAR_RAW):
        raise RefusedError("is a camera RAW file, its suffix says TIFF")
    if int(tags.get(TAG_SUBFILE_TYPE, 0)) & REDUCED:
        raise RefusedError("is a TIFF whose first picture is a thumbnail, as in camera RAW files")
    if photometric not in COLOUR_SAMPLES or raster.samples < COLOUR_SAMPLES[photometric]:
        raise RefusedError(
            f"is a TIFF of photometric interpretation {photometric} with {raster.samples} samples;"
            " expected grey, RGB, palette or CMYK"
        )
    if (
        raster.dtype.name not in DTYPES
        or (photometric in (PALETTE, CMYK) and raster.dtype.name != "uint8")
        or (photometric == WHITE_IS_ZERO and raster.dtype.kind == "f")
    ):
        raise RefusedError(f"is a TIFF of {raster.dtype.name} samples; expected 8 or 16-bit integers or floats")
    raster.check_segment_size()
    check_size(
        raster.width,
        raster.height,
        decoded_bytes=raster.unpacked_bytes,
        file_bytes=file_bytes,
        highest_ratio=HIGHEST_RATIOS[raster.compression],
    )
    raster.check_segments(file_bytes)
    icc, xmp = tags.get(TAG_ICC), tags.get(TAG_XMP)
    stream.seek(0)
    return TiffLayout(
        raster=raster,
        photometric=photometric,
        alpha=_alpha(photometric, raster.samples, extra_samples),
        colormap=_eight_bit_colormap(colormap) if photometric == PALETTE else None,
        icc=icc if isinstance(icc, bytes) else None,
        exif=read_exif(
            BytesIO(stream.read()) if file_bytes < 2**20 else stream, xmp if isinstance(xmp, bytes) else None
        ),
    )


def _alpha(photometric: int, samples: int, extra: tuple[int, ...]) -> int | None:
    """Which sample is alpha; a fourth of RGB that nothing is said of is premultiplied alpha, as libtiff has it."""
    if not extra and photometric == RGB and samples == 4:
        extra = (ASSOCIATED,)
    first = COLOUR_SAMPLES[photometric]
    return next((first + at for at, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)), None)


def _raster(page: "tifffile.TiffPage") -> Raster:
    """Return the geometry of the stored samples."""
    compression = int(page.compression)
    if compression not in HIGHEST_RATIOS:
        name = getattr(page.compression, "name", str(compression))
        raise RefusedError(f"is a TIFF compressed with {name}; expected none, LZW, deflate or PackBits")
    if page.dtype is None or int(page.fillorder) != 1 or int(page.imagedepth) != 1:
        raise RefusedError(f"is a TIFF of {page.bitspersample}-bit samples; expected 8 or 16-bit integers or floats")
    if page.bitspersample != page.dtype.itemsize * 8:
        raise RefusedError(f"is a TIFF of {page.bitspersample}-bit samples; expected 8 or 16-bit integers or floats")
    planar = int(page.planarconfig) == 2 and page.samplesperpixel > 1
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip or page.imagelength, page.imagelength)
    return Raster(
        width=int(page.imagewidth),
        height=int(page.imagelength),
        samples=int(page.samplesperpixel),
        dtype=np.dtype(page.dtype),
        big_endian=page.parent.byteorder == ">",
        planar=planar,
        tiled=bool(page.is_tiled),
        segment_width=int(page.tilewidth if page.is_tiled else page.imagewidth),
        segment_height=int(rows),
        compression=compression,
        predictor=int(page.predictor),
        offsets=tuple(page.dataoffsets),
        byte_counts=tuple(page.databytecounts),
    )


def _eight_bit_colormap(colormap: object) -> NDArray[np.uint16]:
    """Return the colour map (3, 256); its 16-bit values are reduced unless the writer stored 8 bits."""
    table = np.asarray(colormap, np.uint16)
    if table.shape != (3, 256):
        raise RefusedError(f"damaged TIFF: a colour map of shape {table.shape}; expected (3, 256)")
    return np.right_shift(table, np.uint16(8)) if table.max() > 255 else table

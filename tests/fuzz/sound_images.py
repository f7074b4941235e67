"""Sound image files, small and of every layout that is read, for mutations to begin with."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import tifffile
from PIL import Image

from fuzz.exif_block import exif_block
from hdrfuse.formats import RadianceFacts, write_image
from hdrfuse.formats.icc import DISPLAY_P3, REC2020, linear_profile, srgb_profile
from hdrfuse.formats.image import Capture

Pixels = np.ndarray
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CFA, LINEAR_RAW = 32803, 34892
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:ExposureTime="1/60" exif:FNumber="8/1">'
    b"<exif:ISOSpeedRatings><rdf:Seq><rdf:li>100</rdf:li></rdf:Seq></exif:ISOSpeedRatings>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def picture(height: int = 29, width: int = 41) -> Pixels:
    """(H, W, 3) uint8: smooth with noise, so that compression has work to do."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x * 3 + 10, y * 4 + 20, (x + 2 * y) % 200 + 5], axis=-1)
    return (smooth + np.random.default_rng(7).integers(0, 30, smooth.shape)).astype(np.uint8)


RGB = picture()
DEEP = RGB.astype(np.uint16) * 257
RADIANCE = (RGB / 16.0).astype(np.float32)
GREY = np.ascontiguousarray(RGB[..., 0])


def pillow(mode: str = "RGB", **options: object) -> Callable[[Path], object]:
    """Return a writer by Pillow."""
    return lambda path: Image.fromarray(RGB).convert(mode).save(path, **options)


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks (name, body), with right lengths and checksums."""
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png(pixels: Pixels = RGB, *more: tuple[bytes, bytes], bits: int | None = None, kind: int | None = None,
        interlaced: bool = False) -> Callable[[Path], object]:  # fmt: skip
    """Return a writer of PNG with further chunks; `bits` packs grey or palette pixels (H, W) below 8."""
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[samples] if kind is None else kind
    depth = bits or 8 * pixels.dtype.itemsize
    passes = [pixels[y::down, x::right] for x, y, right, down in ADAM7] if interlaced else [pixels]
    rows = b"".join(b"\0" + packed(row, depth) for part in passes if part.size for row in part)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, kind, 0, 0, interlaced)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return lambda path: path.write_bytes(png_of(chunks))


def packed(row: Pixels, bits: int) -> bytes:
    """Return a row's samples as PNG stores them."""
    if bits >= 8:
        return row.astype(row.dtype.newbyteorder(">")).tobytes()
    each = np.unpackbits((row >> (8 - bits)).astype(np.uint8)[:, None], axis=1)[:, 8 - bits :]
    return np.packbits(each.ravel()).tobytes()


CHRM = struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
PALETTE = (b"PLTE", bytes(range(48)))


def tif(pixels: Pixels = RGB, **options: object) -> Callable[[Path], object]:
    """Return a writer by tifffile."""
    photometric = "minisblack" if pixels.ndim == 2 else "rgb"
    return lambda path: tifffile.imwrite(path, pixels, **{"photometric": photometric} | options)


def libtiff(pixels: Pixels, compression: int, predictor: int) -> Callable[[Path], object]:
    """Return a writer by OpenCV's libtiff."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    return lambda path: cv2.imwrite(str(path), pixels, options)


def dng(pixels: Pixels) -> Callable[[Path], object]:
    """Return a writer of DNG: a Bayer mosaic (H, W) or linear colour (H, W, 3), uint16."""
    linear = pixels.ndim == 3
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True), (50708, "s", 0, "Test Camera", True), (271, "s", 0, "Test", True),
        (272, "s", 0, "Camera", True), (274, "H", 1, 1, True), (50721, "2i", 9, (1, 1, 0, 1, 0, 1) * 3, True),
        (50728, "2I", 3, (1, 2, 1, 1, 2, 3), True), (50778, "H", 1, 21, True), (50717, "I", 1, 4095, True),
        (50714, "H", 3 if linear else 1, (64,) * 3 if linear else 64, True), (33434, "2I", 1, (1, 50), True),
        (33437, "2I", 1, (28, 10), True), (34855, "H", 1, 200, True),
    ]  # fmt: skip
    if not linear:
        tags += [(33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True)]
    options = {"photometric": LINEAR_RAW, "planarconfig": "contig"} if linear else {"photometric": CFA}
    return lambda path: tifffile.imwrite(path, pixels, extratags=tags, metadata=None, subfiletype=0, **options)


def exr(channels: dict[str, Pixels] | None = None, compression: str = "ZIP", **header: object) -> Callable[..., object]:
    """Return a writer of OpenEXR."""

    def write(path: Path) -> None:
        attributes = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
        with OpenEXR.File(attributes | header, channels or {"RGB": RADIANCE.astype(np.float16)}) as file:
            file.write(str(path))

    return write


def hdr(lines: bytes = b"", *, size: bytes = b"-Y 29 +X 41", pixels: bytes | None = None) -> Callable[[Path], object]:
    """Return a writer of Radiance with header lines; without pixels, flat ones."""
    rgbe = np.dstack([np.maximum(RGB, 2), np.full(GREY.shape, 129, np.uint8)]).tobytes() if pixels is None else pixels
    head = b"#?RADIANCE\n" + lines + b"FORMAT=32-bit_rle_rgbe\n\n" + size + b"\n"
    return lambda path: path.write_bytes(head + rgbe)


def merged(path: Path) -> None:
    """Write what a merge writes."""
    capture = Capture(exposure_time_s=0.01, f_number=8.0, iso=100.0, camera="Test Camera", focal_length_mm=24.0)
    facts = RadianceFacts(
        chromaticities=REC2020, capture=capture, white_luminance_cd_m2=100.0, provenance={"method": "classical"}
    )
    write_image(path, RADIANCE, facts)


EXIF = {make: exif_block(make) for make in ("Canon", "NIKON CORPORATION", "SONY")}
ICC = {"p3": linear_profile(DISPLAY_P3), "srgb": srgb_profile()}
RAW_TEXT = b"Raw profile type exif\0\0" + zlib.compress(
    b"\nexif\n%8d\n" % len(EXIF["SONY"]) + EXIF["SONY"].hex().encode() + b"\n"
)
PLANES = {name: np.ascontiguousarray(RADIANCE[..., index]) for index, name in enumerate("RGB")}
TILED = {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}
CAPTURE = {
    "expTime": 0.004, "aperture": 5.6, "isoSpeed": 100.0, "capDate": "2020:01:02 03:04:05", "utcOffset": 60.0,
    "cameraMake": "SONY", "cameraModel": "ILCE", "chromaticities": (0.7, 0.3, 0.2, 0.7, 0.1, 0.05, 0.3, 0.3),
}  # fmt: skip
SCAN_LINE = b"\2\2\0\x29" + b"\x94\x09\x01\x08\x94\x0a" * 3 + b"\xa9\x81"
"""41 pixels in the new run-length encoding."""

EXR_COMPRESSIONS = ("NO", "RLE", "ZIPS", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB", "HTJ2K256", "HTJ2K32")

SOUND_IMAGES: dict[str, Callable[[Path], object]] = {
    "baseline.jpg": pillow(quality=85),
    "grey.jpg": pillow("L"),
    "444-restarts.jpg": pillow(subsampling=0, restart_marker_blocks=3),
    "progressive.jpg": pillow(quality=85, progressive=True),
    "cmyk.jpg": pillow("CMYK", icc_profile=ICC["srgb"]),
    "canon.jpg": pillow(exif=EXIF["Canon"]),
    "nikon.jpg": pillow(exif=EXIF["NIKON CORPORATION"], progressive=True),
    "sony.jpg": pillow(exif=EXIF["SONY"], icc_profile=ICC["p3"]),
    "xmp.jpg": pillow(xmp=XMP),
    "1-bit.png": png(GREY, bits=1),
    "2-bit-palette.png": png(GREY, PALETTE, bits=2, kind=3),
    "4-bit-palette.png": png(GREY, PALETTE, (b"tRNS", b"\0\x80"), bits=4, kind=3),
    "palette.png": pillow("P"),
    "grey-alpha.png": pillow("LA"),
    "rgb.png": pillow(),
    "alpha.png": pillow("RGBA"),
    "16-bit-grey.png": png(DEEP[..., 0]),
    "16-bit.png": png(DEEP, (b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", CHRM)),
    "16-bit-alpha.png": png(np.dstack([DEEP, DEEP[..., :1]])),
    "transparent-grey.png": png(GREY, (b"tRNS", bytes((0, GREY[3, 5])))),
    "transparent-16-bit.png": png(DEEP, (b"tRNS", DEEP[3, 5].astype(">u2").tobytes())),
    "interlaced.png": png(interlaced=True),
    "16-bit-interlaced.png": png(DEEP, interlaced=True),
    "profile.png": pillow(icc_profile=ICC["p3"], exif=EXIF["Canon"]),
    "text-profile.png": png(RGB, (b"zTXt", RAW_TEXT), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    "cicp.png": png(DEEP, (b"cICP", bytes((9, 16, 0, 1)))),
    "strips.tif": tif(rowsperstrip=7),
    "exif.tif": pillow(tiffinfo={33434: 0.01, 33437: 8.0, 34855: 400, 271: "Canon", 274: 6}, icc_profile=ICC["p3"]),
    "lzw.tif": libtiff(RGB, 5, 2),
    "16-bit-lzw.tif": libtiff(DEEP, 5, 1),
    "packbits.tif": pillow(compression="packbits"),
    "deflate.tif": tif(DEEP, compression="zlib", predictor=2),
    "tiles.tif": tif(RADIANCE, tile=(16, 16), compression="zlib"),
    "float-lzw.tif": libtiff(RADIANCE, 5, 3),
    "half.tif": tif(RADIANCE.astype(np.float16), byteorder=">"),
    "big-planar.tif": tif(np.moveaxis(DEEP, 2, 0), planarconfig="separate", bigtiff=True, byteorder=">"),
    "big-tiles.tif": tif(bigtiff=True, tile=(16, 16), compression="zlib"),
    "palette.tif": pillow("P", compression="tiff_lzw"),
    "cmyk.tif": pillow("CMYK"),
    "grey-16-bit.tif": tif(DEEP[..., 0], compression="zlib"),
    "alpha.tif": tif(np.dstack([RGB, (RGB[..., :1] > 40) * np.uint8(255)]), extrasamples=["unassalpha"]),
    "float-alpha.tif": tif(np.dstack([RADIANCE, RADIANCE[..., :1] > 4]), extrasamples=["assocalpha"]),
    "jpeg.tif": pillow(compression="jpeg"),
    "merged.tif": merged,
    "bayer.dng": dng(np.ascontiguousarray(DEEP[:28, :40, 1] // 16)),
    "linear.dng": dng(DEEP // 16),
    "zip.exr": exr(),
    **{f"{name.lower()}.exr": exr(compression=name) for name in EXR_COMPRESSIONS},
    "float-dwaa.exr": exr({"RGB": RADIANCE}, "DWAA"),
    "float-pxr24.exr": exr({"RGB": RADIANCE}, "PXR24"),
    "channels.exr": exr(PLANES | {"A": PLANES["R"].astype(np.float16), "Z": PLANES["G"] * 100}, **CAPTURE),
    "layer.exr": exr({f"beauty.{name}": plane for name, plane in PLANES.items()}, "PIZ"),
    "grey.exr": exr({"Y": PLANES["G"]}, "ZIPS"),
    "tiles.exr": exr(**TILED),
    "piz-tiles.exr": exr({"RGB": RADIANCE}, "PIZ", **TILED),
    "merged.exr": merged,
    "flat.hdr": hdr(),
    "run-lengths.hdr": merged,
    "old-run-lengths.hdr": hdr(pixels=(bytes((9, 8, 7, 129, 1, 1, 1, 40)) * 29)),
    "mixed.hdr": hdr(pixels=bytes((9, 8, 7, 129, 1, 1, 1, 40)) * 9 + SCAN_LINE * 11 + bytes((9, 8, 7, 129)) * 41 * 9),
    "columns.hdr": hdr(b"EXPOSURE=2.0\nCOLORCORR=1 1 2\n", size=b"+X 41 +Y 29"),
    "stated.hdr": hdr(b"# exposure time (s): 0.01\n# ISO: 100\nPRIMARIES=0.7 0.3 0.2 0.7 0.1 0.05 0.3 0.3\n"),
}
"""Writers by the file's name; its suffix says which reader it goes to."""

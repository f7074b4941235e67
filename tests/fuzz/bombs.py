"""Bombs: small files that ask for gigabytes, hours or a place to wait for ever, each with what becomes of it."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from fuzz.cases import sound
from fuzz.jpeg_mutations import FRAMES, jpeg_of, segments_of
from fuzz.sound_images import GREY, RAW_TEXT, RGB, exr, png, png_of

LZW, PACKBITS, DEFLATE = 5, 32773, 8
MB = 1 << 20


@dataclass(frozen=True)
class Bomb:
    """A hostile file."""

    name: str
    write: Callable[[Path], object]
    refused: bool = True
    """Whether it must be; else it may be read or refused, within the limits."""


def png_of_zeros(width: int, height: int, *, bits: int, kind: int = 0, interlaced: bool = False) -> bytes:
    """Return a sound PNG of nothing but zeros, which pack a thousandfold."""
    row = 1 + -(-width * {0: 1, 2: 3, 3: 1}[kind] * bits // 8)
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    palette = [(b"PLTE", bytes(6))] if kind == 3 else []
    return png_of([(b"IHDR", head), *palette, (b"IDAT", zeros(row * height)), (b"IEND", b"")])


def zeros(count: int) -> bytes:
    """Return a zlib stream of zeros, made by saying one packed megabyte again: no hour's work for the test."""
    packing = zlib.compressobj(9)
    begin = packing.compress(bytes(MB)) + packing.flush(zlib.Z_FULL_FLUSH)
    again = packing.compress(bytes(MB)) + packing.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(count, MB)
    checksum = 1 | (count % 65521) << 16  # Adler-32 of zeros
    last = zlib.compressobj(9, wbits=-15)
    end = last.compress(bytes(rest)) + last.flush() + checksum.to_bytes(4)
    return begin + again * (whole - 1) + end


def png_beyond_its_pixels(path: Path) -> None:
    """Four by four pixels, and 8 GB in their stream."""
    head = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    path.write_bytes(png_of([(b"IHDR", head), (b"IDAT", zeros(8000 * MB)), (b"IEND", b"")]))


def png_packed(name: bytes, head: bytes) -> Callable[[Path], object]:
    """Return a writer of a small PNG with 2 GB packed in a chunk beside its pixels."""

    def write(path: Path) -> None:
        png(RGB, (name, head + zeros(2000 * MB)))(path)

    return write


def jpeg_lie(*, progressive: bool, padding: int) -> Callable[[Path], object]:
    """Return a writer of a JPEG that says 17000x17000, with bytes behind its end that speak for a large file."""

    def write(path: Path) -> None:
        segments, rest = segments_of(encoded(progressive=progressive))
        lying = [
            (marker, body[:1] + struct.pack(">HH", 17_000, 17_000) + body[5:] if marker in FRAMES else body)
            for marker, body in segments
        ]
        path.write_bytes(jpeg_of(lying, rest + bytes(padding)))

    return write


def encoded(**options: object) -> bytes:
    """Return the picture as JPEG."""
    stream = BytesIO()
    Image.fromarray(RGB).save(stream, "JPEG", **options)
    return stream.getvalue()


def jpeg_of_scans(path: Path) -> None:
    """A flat progressive picture of 4000x4000, one of its refining scans said 20,000 times."""
    stream = BytesIO()
    Image.new("L", (4000, 4000), 128).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    path.write_bytes(data[:last] + data[last:-2] * 20_000 + b"\xff\xd9")


def jpeg_of_segments(path: Path) -> None:
    """A picture behind half a million empty comments."""
    data = encoded()
    path.write_bytes(data[:2] + b"\xff\xfe\0\2" * 500_000 + data[2:])


def tiff(*entries: tuple[int, int, int, int], more: bytes = b"") -> bytes:
    """Return a little-endian TIFF of one directory (tag, type, count, value), its other data behind it."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + directory + bytes(4) + more


def tiles(compression: int, *, tile: tuple[int, int] = (100_000, 100_000)) -> Callable[[Path], object]:
    """Return a writer of a small TIFF with one large tile."""
    packed = {LZW: b"\x80\x00\x20\x10", PACKBITS: b"\x81\0" * 8, DEFLATE: zlib.compress(bytes(64))}[compression]
    fields = (
        (256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1), (277, 3, 1, 1),
        (322, 4, 1, tile[0]), (323, 4, 1, tile[1]), (324, 4, 1, 142), (325, 4, 1, len(packed)),
    )  # fmt: skip
    return lambda path: path.write_bytes(tiff(*fields, more=bytes(8) + packed))


def strips_by_the_million(path: Path) -> None:
    """A TIFF of one column whose strips are a row each, a million of them at one place."""
    rows = 2**20
    start = 8 + 2 + 12 * 9 + 4
    fields = (
        (256, 4, 1, 1), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, DEFLATE), (262, 3, 1, 1), (277, 3, 1, 1),
        (278, 4, 1, 1), (273, 4, rows, start), (279, 4, rows, start + 4 * rows),
    )  # fmt: skip
    packed = zlib.compress(b"\0")
    offsets = struct.pack("<I", start + 8 * rows) * rows + struct.pack("<I", len(packed)) * rows
    path.write_bytes(tiff(*fields, more=offsets + packed))


def exif_of(entries: int, values: int) -> bytes:
    """Return an EXIF block whose directory has so many entries of so many values, all at one place."""
    directory = b"".join(struct.pack("<HHII", 0x9000 + index % 0x400, 3, values, 8) for index in range(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + directory + bytes(4) + bytes(2 * values)


def exif_loop() -> bytes:
    """Return an EXIF block whose directories lead to each other and themselves."""
    pointers = b"".join(struct.pack("<HHII", tag, 4, 1, 8) for tag in (330, 34665, 34853, 40965))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 4) + pointers + struct.pack("<I", 8)


def exif_chain(directories: int) -> bytes:
    """Return an EXIF block of many directories, each followed by the next."""
    each = [struct.pack("<HHHIII", 1, 0x010F, 2, 4, 0x41414141, 8 + 18 * (at + 1)) for at in range(directories)]
    return b"II*\0\x08\0\0\0" + b"".join(each) + bytes(6)


def in_jpeg(exif: bytes) -> Callable[[Path], object]:
    """Return a writer of a JPEG with this EXIF block."""
    segments, rest = segments_of(encoded())
    return lambda path: path.write_bytes(jpeg_of([(0xE1, b"Exif\0\0" + exif), *segments], rest))


def in_tiff(path: Path) -> None:
    """A TIFF, its pixels at its start, whose only directory has 60,000 entries."""
    own = (
        (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1),
        (278, 3, 1, 8), (279, 4, 1, 64),
    )  # fmt: skip
    path.write_bytes(tiff(*own, *((0x9000 + at % 0x400, 3, 999, 8) for at in range(60_000)), more=bytes(2000)))


def exr_of_attributes(path: Path) -> None:
    """An OpenEXR file with two million empty attributes."""
    exr()(path)
    data = path.read_bytes()
    path.write_bytes(data[:8] + b"a\0b\0\0\0\0\0" * 2_000_000 + data[8:])


def exr_tile(path: Path) -> None:
    """An OpenEXR file of tiles a hundred thousand pixels wide."""
    from fuzz.sound_images import TILED

    exr(**TILED)(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"tiledesc\0") + 13
    data[at : at + 8] = struct.pack("<II", 100_000, 100_000)
    path.write_bytes(data)


def radiance(size: bytes, lines: bytes, pixels: bytes) -> Callable[[Path], object]:
    """Return a writer of a Radiance file."""
    head = b"#?RADIANCE\n" + lines + b"FORMAT=32-bit_rle_rgbe\n\n"
    return lambda path: path.write_bytes(head + size + b"\n" + pixels)


def sparse(path: Path) -> None:
    """A text file of 400 MB that takes no room on the disk."""
    path.write_text("0\n")
    os.truncate(path, 400_000_000)


def text(content: str) -> Callable[[Path], object]:
    """Return a writer of text."""
    return lambda path: path.write_text(content)


def curve(low: str, high: str) -> str:
    """Return a saved curve whose samples go from one number to another."""
    samples = ",".join([f"[{low},{high}]"] * 3)
    return f'{{"format":"hdrfuse response curve","version":1,"name":"x","samples":[{samples}]}}'


def weights_lie(*, config: dict[str, int] | str | None = None, **stated: str) -> Callable[[Path], object]:
    """Return a writer of a sound network whose metadata lie, which no checksum guards."""

    def write(path: Path) -> None:
        data = sound("network.safetensors")
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        known = header["__metadata__"]
        if config is not None:
            known["config"] = config if isinstance(config, str) else json.dumps(json.loads(known["config"]) | config)
        known |= stated
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])

    return write


WHITE_SCAN_LINE = b"\x02\x02\x7f\xff" + b"\xff\x80" * (4 * 258) + b"\x83\x80" * 4
EMPTY_XMP = b"Raw profile type xmp\0\0" + zlib.compress(bytes(8 * MB))

BOMBS = (
    Bomb("1-bit-30000.png", lambda path: path.write_bytes(png_of_zeros(30_000, 30_000, bits=1))),
    Bomb("1-bit-23000.png", lambda path: path.write_bytes(png_of_zeros(23_000, 23_000, bits=1))),
    Bomb("1-bit-palette.png", lambda path: path.write_bytes(png_of_zeros(30_000, 30_000, bits=1, kind=3))),
    Bomb("2-bit-interlaced.png", lambda path: path.write_bytes(png_of_zeros(20_000, 20_000, bits=2, interlaced=True))),
    Bomb("beyond-its-pixels.png", png_beyond_its_pixels),
    Bomb("profile-of-gigabytes.png", png_packed(b"iCCP", b"x\0\0"), refused=False),
    Bomb("text-of-gigabytes.png", png_packed(b"zTXt", RAW_TEXT[: RAW_TEXT.index(b"\0") + 2]), refused=False),
    Bomb("texts-of-gigabytes.png", png(RGB, *[(b"zTXt", EMPTY_XMP)] * 1000), refused=False),
    Bomb("chunks.png", png(GREY, *[(b"tEXt", b"a\0b")] * 200_000), refused=False),
    Bomb("exif-entries.png", png(RGB, (b"eXIf", exif_of(60_000, 999))), refused=False),
    Bomb("exif-loop.png", png(RGB, (b"eXIf", exif_loop())), refused=False),
    Bomb("exif-chain.png", png(RGB, (b"eXIf", exif_chain(50_000))), refused=False),
    Bomb("exif-entries.jpg", in_jpeg(exif_of(5_300, 900)), refused=False),
    Bomb("exif-loop.jpg", in_jpeg(exif_loop()), refused=False),
    Bomb("progressive-lie.jpg", jpeg_lie(progressive=True, padding=400_000)),
    Bomb("baseline-lie.jpg", jpeg_lie(progressive=False, padding=400_000)),
    Bomb("scans.jpg", jpeg_of_scans, refused=False),
    Bomb("segments.jpg", jpeg_of_segments, refused=False),
    Bomb("lzw-tile.tif", tiles(LZW)),
    Bomb("packbits-tile.tif", tiles(PACKBITS)),
    Bomb("deflate-tile.tif", tiles(DEFLATE)),
    Bomb("lzw-tile-of-2-31.tif", tiles(LZW, tile=(2**31 - 16, 16))),
    Bomb("lzw-tile-16384.tif", tiles(LZW, tile=(2**14, 2**14))),
    Bomb("strips.tif", strips_by_the_million, refused=False),
    Bomb("entries.tif", in_tiff, refused=False),
    Bomb("entries.dng", in_tiff, refused=False),
    Bomb("attributes.exr", exr_of_attributes, refused=False),
    Bomb("tile.exr", exr_tile),
    Bomb("run-lengths.hdr", radiance(b"-Y 16000 +X 32767", b"", WHITE_SCAN_LINE * 16_000)),
    Bomb("old-run-lengths.hdr", radiance(b"-Y 4 +X 4", b"", b"\x80\x80\x80\x80" + b"\1\1\1\xff" * 8)),
    Bomb("negative-time.hdr", radiance(b"-Y 1 +X 1", b"# exposure time (s): -1\n# ISO: -5\n", bytes(4)), refused=False),
    Bomb("no-primaries.hdr", radiance(b"-Y 1 +X 1", b"PRIMARIES=0 0 0 0 0 0 0 0\n", bytes(4)), refused=False),
    Bomb("exposure.txt", sparse),
    Bomb("long-number.txt", text("1" * 2_000_000 + "\n0\n2\n")),
    Bomb("deep.json", text("[" * 200_000)),
    Bomb("far.json", text(curve("-1e308", "1e308"))),
    Bomb("deep.toml", text("a = " + "[" * 200_000)),
    Bomb("nul.toml", text('name = "\\u0000{scene}"\n')),
    Bomb("journal.jsonl", text("[" * 200_000 + "\n"), refused=False),
    Bomb("channels.safetensors", weights_lie(config={"alignment_channels": 10**7})),
    Bomb("residuals.safetensors", weights_lie(config={"lead_residuals": 10**7})),
    Bomb("pool.safetensors", weights_lie(config={"frm_pool": 0})),
    Bomb("config.safetensors", weights_lie(config="5")),
    Bomb("tile.safetensors", weights_lie(tile_px="0")),
    Bomb("pipe.jpg", os.mkfifo),
    Bomb("pipe.json", os.mkfifo),
    Bomb("pipe.safetensors", os.mkfifo),
)

"""Mutations of JPEG that keep the segments' lengths right."""

from random import Random

from fuzz.bytes_mutations import LARGEST_BYTES, extreme, put, some_bytes
from fuzz.tiff_mutations import directory_field

SOS, APP1, APP2 = 0xDA, 0xE1, 0xE2
FRAMES = (0xC0, 0xC1, 0xC2)
FRAME_FIELDS = ((0, 1), (1, 2), (3, 2), (1, 4), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1))
"""Place and bytes of precision, height, width, both, components, and their numbers, samplings and tables."""

LONGEST_BODY = 2**16 - 3
Segments = list[tuple[int, bytes]]


def segments_of(data: bytes) -> tuple[Segments, bytes]:
    """Return the segments (marker, body) before the first scan, and the rest from its marker on."""
    segments, at = [], 2
    while data[at] == 0xFF and data[at + 1] != SOS:
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2:
            raise ValueError("no segment")
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return segments, data[at:]


def jpeg_of(segments: Segments, rest: bytes) -> bytes:
    """Return a JPEG of segments with right lengths."""
    return b"\xff\xd8" + b"".join(segment(marker, body) for marker, body in segments) + rest


def segment(marker: int, body: bytes) -> bytes:
    """Return one segment, cut to what its length can say."""
    body = body[:LONGEST_BODY]
    return bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2) + body


def frame(data: bytes, chance: Random) -> bytes:
    """Let the frame header lie, with padding behind the picture at times."""
    segments, rest = segments_of(data)
    index = [marker in FRAMES for marker, _ in segments].index(True)
    marker, body = segments[index]
    at, size = chance.choice(FRAME_FIELDS)
    segments[index] = chance.choice((marker, marker, marker, *FRAMES)), put(body, at, extreme(size, ">", chance))
    return jpeg_of(segments, rest + bytes(chance.choice((0, 0, 400_000))))


def segment_bytes(data: bytes, chance: Random) -> bytes:
    """Damage one segment's body."""
    segments, rest = segments_of(data)
    index = chance.randrange(len(segments))
    marker, body = segments[index]
    segments[index] = marker, some_bytes(body, chance)
    return jpeg_of(segments, rest)


def application(data: bytes, chance: Random) -> bytes:
    """Damage what stands beside the picture: a field of an EXIF directory, XMP, a profile."""
    segments, rest = segments_of(data)
    index = chance.choice([at for at, (marker, _) in enumerate(segments) if marker in (APP1, APP2)])
    marker, body = segments[index]
    if body.startswith(b"Exif\0\0") and chance.random() < 0.8:
        body = body[:6] + directory_field(body[6:], chance)
    else:
        head = body.index(b"\0") + 1
        body = body[:head] + some_bytes(body[head:], chance)
    segments[index] = marker, body
    return jpeg_of(segments, rest)


def repeat(data: bytes, chance: Random) -> bytes:
    """Say a segment again, perhaps often."""
    segments, rest = segments_of(data)
    index = chance.randrange(len(segments))
    times = min(chance.choice((1, 2, 3000)), LARGEST_BYTES // (4 + len(segments[index][1])))
    return jpeg_of(segments[:index] + segments[index : index + 1] * times + segments[index:], rest)


def lose(data: bytes, chance: Random) -> bytes:
    """Leave a segment out."""
    segments, rest = segments_of(data)
    del segments[chance.randrange(len(segments))]
    return jpeg_of(segments, rest)


def exchange(data: bytes, chance: Random) -> bytes:
    """Exchange two segments, or give one another's marker."""
    segments, rest = segments_of(data)
    first, second = chance.randrange(len(segments)), chance.randrange(len(segments))
    if chance.random() < 0.5:
        segments[first], segments[second] = segments[second], segments[first]
    else:
        segments[first] = chance.choice((segments[second][0], 0xC3, 0xC9, 0xDD, 0xDC, 0xD9, 0x01)), segments[first][1]
    return jpeg_of(segments, rest)


def scan(data: bytes, chance: Random) -> bytes:
    """Damage scans and what stands between them."""
    segments, rest = segments_of(data)
    return jpeg_of(segments, some_bytes(rest, chance))


def scans_again(data: bytes, chance: Random) -> bytes:
    """Say all scans again, perhaps often."""
    segments, rest = segments_of(data)
    scans, end = rest[:-2], rest[-2:]
    return jpeg_of(segments, scans * min(chance.choice((2, 3, 500)), LARGEST_BYTES // max(1, len(scans))) + end)


JPEG = {
    "JPEG frame": frame, "JPEG segment": segment_bytes, "JPEG application data": application,
    "JPEG segment again": repeat, "JPEG segment lost": lose, "JPEG segments exchanged": exchange, "JPEG scan": scan,
    "JPEG scans again": scans_again,
}  # fmt: skip

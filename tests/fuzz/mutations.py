"""Mutations: how a sound file is damaged, each by chance and the same every time for the same number.

A mutation takes bytes and the chance and returns bytes. Those of a format keep its structure, checksums and lengths
right, so that what is damaged lies behind the first check.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import PurePath
from random import Random

from fuzz.bytes_mutations import BYTES
from fuzz.exr_mutations import EXR
from fuzz.jpeg_mutations import JPEG
from fuzz.png_mutations import PNG
from fuzz.text_mutations import HDR, JSON, JSON_LINES, SAFETENSORS, TEXT
from fuzz.tiff_mutations import TIFF

Mutation = Callable[[bytes, Random], bytes]

OF_FORMAT: dict[str, dict[str, Mutation]] = {
    ".jpg": JPEG, ".png": PNG, ".tif": TIFF, ".dng": TIFF, ".exr": EXR, ".hdr": HDR, ".txt": TEXT, ".toml": TEXT,
    ".json": JSON | TEXT, ".jsonl": JSON_LINES | TEXT, ".safetensors": SAFETENSORS,
}  # fmt: skip

SOUND = -1
"""The number of the sound file itself."""

SHARE_OF_FORMAT = 0.75
"""How many mutations keep the format's structure."""


def mutated(name: str, sound: bytes, number: int) -> tuple[bytes, str]:
    """Return the file of a name and number, and how it was made of the sound one."""
    chance, steps = Random(f"{name} {number}"), []
    data = sound
    for _ in range(chance.choice((1, 1, 1, 2, 4)) if number != SOUND else 0):
        table = OF_FORMAT[PurePath(name).suffix] if chance.random() < SHARE_OF_FORMAT else BYTES
        step = chance.choice(sorted(table))
        try:
            data = table[step](data, chance)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error, zlib.error):
            step, data = "flip bits", BYTES["flip bits"](data, chance)  # its structure is gone already
        steps.append(step)
    return data, ", ".join(steps)

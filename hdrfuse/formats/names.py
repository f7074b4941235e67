"""Names of files that file systems take."""

import os
from hashlib import sha256

LONGEST_NAME_BYTES = 255
"""NAME_MAX of Linux, macOS and NTFS, where a byte is the least that a character takes."""

CHECKSUM_LENGTH = 8


def fitting(stem: str, ending: str) -> str:
    """Return `stem` and `ending` as one name; a stem that is too long for it ends in a checksum of the whole stem."""
    room = LONGEST_NAME_BYTES - len(os.fsencode(ending))
    if len(os.fsencode(stem)) > room:
        stem = f"{cut(stem, room - CHECKSUM_LENGTH - 1)}~{sha256(os.fsencode(stem)).hexdigest()[:CHECKSUM_LENGTH]}"
    return stem + ending


def cut(text: str, longest_bytes: int) -> str:
    """Return the beginning of a name, at most so many bytes, whole characters."""
    kept = text[:longest_bytes]
    while len(os.fsencode(kept)) > longest_bytes:
        kept = kept[:-1]
    return kept

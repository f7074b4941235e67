"""Checksums of what an evaluation reads."""

import hashlib
from pathlib import Path

from hdrfuse.errors import BadInputError


def sha256_of(path: Path) -> str:
    """Checksum of a file's content, in hexadecimal. Raises BadInputError."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error

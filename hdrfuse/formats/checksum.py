"""Checksums of files."""

import hashlib
from pathlib import Path

from hdrfuse.errors import ImageError
from hdrfuse.formats.regular import check_regular


def sha256_of(path: Path) -> str:
    """Checksum of a file's content, in hexadecimal. Raises ImageError."""
    try:
        check_regular(path)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error

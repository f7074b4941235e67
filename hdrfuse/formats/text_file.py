"""Text files that people write: small ones, whatever their size claims."""

from pathlib import Path

from hdrfuse.formats.refusal import RefusedError
from hdrfuse.formats.regular import check_regular

MOST_BYTES = 2**20
"""An EV a line for a hundred thousand files is less."""


def read_text(path: Path, *, encoding: str = "utf-8", most_bytes: int = MOST_BYTES) -> str:
    """Read a text file. Raises OSError, UnicodeDecodeError, or RefusedError for one of more than `most_bytes`.

    A special file, which might never end or never begin, is an OSError.
    """
    check_regular(path)
    with path.open("rb") as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise RefusedError(f"has more than {most_bytes:,} bytes; expected a small text file")
    return data.decode(encoding)

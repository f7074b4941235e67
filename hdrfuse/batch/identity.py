"""Identity of files: whether they are the ones that a result was made from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hdrfuse.errors import ImageError
from hdrfuse.formats.checksum import sha256_of


@dataclass(frozen=True, kw_only=True)
class FileIdentity:
    """A file as it was when it was read or written."""

    name: str
    size: int
    mtime_ns: int | None = None
    sha256: str | None = None
    """None where only the size was noted, as hdrfuse 0.1.0 did of results."""

    @classmethod
    def of(cls, path: Path) -> "FileIdentity":
        """Read a file's identity; it is taken before the pixels, so that a later change shows. Raises ImageError."""
        try:
            facts = path.stat()
            return cls(name=path.name, size=facts.st_size, mtime_ns=facts.st_mtime_ns, sha256=sha256_of(path))
        except OSError as error:
            raise ImageError(f"{path}: cannot be read: {error.strerror}") from error

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "FileIdentity":
        """Read what `asdict` gave and JSON kept."""
        return cls(**{each.name: entry[each.name] for each in fields(cls)})

    def holds(self, path: Path, *, whatever_the_time: bool = False) -> bool:
        """Whether `path` is still that file: its size and time say so, or its content where only the time differs.

        `whatever_the_time` looks at the content even where the time is the same: tools that edit metadata keep it.
        """
        try:
            facts = path.stat()
            if path.name != self.name or facts.st_size != self.size:
                return False
            same_time = facts.st_mtime_ns == self.mtime_ns and not whatever_the_time
            return same_time or self.sha256 is None or sha256_of(path) == self.sha256
        except (OSError, ImageError):
            return False


def are_unchanged(identities: Sequence[FileIdentity], paths: Sequence[Path]) -> bool:
    """Whether files are those that were noted, in the same order."""
    return len(identities) == len(paths) and all(each.holds(path) for each, path in zip(identities, paths, strict=True))

"""Names of results, made from what is known of a scene."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from hdrfuse.brackets.discovered import FoundScene
from hdrfuse.errors import UsageError

FIELDS = ("scene", "first", "last", "date")
DATE_FORMAT = "%Y-%m-%d"
UNDATED = "undated"
"""What {date} gives where no clock was read."""

DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{digit}" for port in ("COM", "LPT") for digit in range(10))})
"""What Windows takes for a device, whatever the suffix (learn.microsoft.com: Naming Files, Paths, and Namespaces)."""

RESERVED = frozenset('<>:"|?*\\')
"""What no name on Windows, and none that a Mac's Finder or an SD card takes, may hold (the same source)."""

PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class NamePattern:
    """How results are named, without suffix: text with {scene}, {first}, {last} and {date} or {date:%Y%m%d}."""

    text: str = "{scene}"

    def __post_init__(self) -> None:
        """Raise UsageError for a pattern that names an unknown field, or leaves its folder whatever the fields give."""
        for field, form in PLACEHOLDER.findall(self.text):
            if field not in FIELDS or (form and field != "date"):
                known = ", ".join(f"{{{name}}}" for name in FIELDS)
                raise UsageError(f"--name {self.text}: {{{field}{form and ':' + form}}} is none of {known}")
        rest = PLACEHOLDER.sub("x", self.text)
        if "{" in rest or "}" in rest:
            raise UsageError(f"--name {self.text}: a brace that does not close; expected text with {{scene}}")
        self._check(rest, own=())

    def fill(self, scene: FoundScene) -> PurePosixPath:
        """Return a scene's name, below the folder that mirrors the scene's. Raises UsageError for one that is none."""
        known = {"scene": scene.name, "first": scene.first, "last": scene.last}
        filled = PLACEHOLDER.sub(
            lambda match: self._dated(match[2], scene.captured_at) if match[1] == "date" else known[match[1]], self.text
        )
        self._check(filled, own=known.values())
        return PurePosixPath(filled)

    def _dated(self, form: str | None, date: datetime | None) -> str:
        if date is None:
            return UNDATED
        try:
            return date.strftime(form or DATE_FORMAT).replace("/", "-")
        except (ValueError, UnicodeError) as error:
            raise UsageError(f"--name {self.text}: {form!r} is no form of a date: {error}") from error

    def _check(self, name: str, *, own: Collection[str]) -> None:
        """Refuse what is no name below the output folder; one that a scene's folder or file has already is sound."""
        what = f"--name {self.text}" + ("" if name == self.text else f": gives {name!r}")
        path = PurePosixPath(name)
        if path.is_absolute() or not path.name or ".." in path.parts or name.endswith("/"):
            raise UsageError(f"{what}: expected a file's name, or folders below --out and a name")
        for index, part in enumerate(path.parts, start=1):
            is_folder = index < len(path.parts)
            problem = None if part in own else _problem(part, is_folder=is_folder)
            taken = RESERVED.difference(*own)  # what a scene's own name holds, its file system takes
            if problem is None and (letters := [letter for letter in part if letter in taken]):
                problem = f"{letters[0]!r} is reserved by Windows"
            if problem is not None:
                raise UsageError(f"{what}: {problem}; expected a name that every system can have")


def _problem(part: str, *, is_folder: bool) -> str | None:
    """Why not every system shows or takes a folder so named, or a file with a suffix behind; None where they do."""
    if part.startswith("."):
        return f"{part} is hidden"
    if is_folder and part.endswith((".", " ")):
        return f"{part!r} ends in {part[-1]!r}"
    if (control := next((letter for letter in part if unicodedata.category(letter) == "Cc"), None)) is not None:
        return f"{control!r} is a control character"
    if part.split(".")[0].rstrip().upper() in DEVICES:
        return f"{part} is a device of Windows"
    return None

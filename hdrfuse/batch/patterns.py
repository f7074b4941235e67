"""Names of results, made from what is known of a scene."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from hdrfuse.batch.found import FoundScene
from hdrfuse.errors import UsageError

FIELDS = ("scene", "first", "last", "date")
DATE_FORMAT = "%Y-%m-%d"
UNDATED = "undated"
"""What {date} gives where no clock was read."""

PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class NamePattern:
    """How results are named, without suffix: text with {scene}, {first}, {last} and {date} or {date:%Y%m%d}."""

    text: str = "{scene}"

    def __post_init__(self) -> None:
        """Raise UsageError for a pattern that names an unknown field or leaves its folder."""
        for field, form in PLACEHOLDER.findall(self.text):
            if field not in FIELDS or (form and field != "date"):
                known = ", ".join(f"{{{name}}}" for name in FIELDS)
                raise UsageError(f"--name {self.text}: {{{field}{form and ':' + form}}} is none of {known}")
        rest = PurePosixPath(PLACEHOLDER.sub("x", self.text))
        if "{" in str(rest) or "}" in str(rest):
            raise UsageError(f"--name {self.text}: a brace that does not close; expected text with {{scene}}")
        if rest.is_absolute() or not rest.name or ".." in rest.parts or self.text.endswith("/"):
            raise UsageError(f"--name {self.text}: expected a file's name, or folders below --out and a name")

    def fill(self, found: FoundScene) -> PurePosixPath:
        """Return a scene's name, below the folder that mirrors the scene's."""
        known = {"scene": found.name, "first": found.first, "last": found.last}
        return PurePosixPath(
            PLACEHOLDER.sub(lambda match: _filled(match[1], match[2], known, found.captured_at), self.text)
        )


def _filled(field: str, form: str | None, known: Mapping[str, str], date: datetime | None) -> str:
    if field != "date":
        return known[field]
    return UNDATED if date is None else date.strftime(form or DATE_FORMAT).replace("/", "-")

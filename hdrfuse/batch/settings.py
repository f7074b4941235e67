"""The settings of a batch: how every scene is merged and which files it gets."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hdrfuse.batch.patterns import NamePattern
from hdrfuse.brackets.exposure import GivenExposures
from hdrfuse.deghosting.methods import find_method
from hdrfuse.errors import UsageError
from hdrfuse.formats.writers import WRITERS, Storage, check_storage, default_writer
from hdrfuse.options import RESPONSES, DisplayOptions, MergeOptions

ELSEWHERE = frozenset({"device"})
"""Merge options that say where, not how, and change no setting's identity."""


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """What holds for every scene of a batch."""

    options: MergeOptions = field(default_factory=MergeOptions)
    exposures: GivenExposures | None = None
    """EVs of every scene's files in their order, or "estimate"; None = found in the files."""
    reference: str | int = "auto"
    name: NamePattern = field(default_factory=NamePattern)
    formats: tuple[str, ...] = field(default_factory=lambda: (default_writer().name,))
    """Keys of WRITERS."""
    ghost_maps: bool = False
    display: DisplayOptions = field(default_factory=DisplayOptions)
    storage: Storage = field(default_factory=Storage)

    def __post_init__(self) -> None:
        """Raise UsageError for formats that are unknown or named twice, and for storage that none of them has."""
        found = f"--format {','.join(self.formats) or repr('')}"
        expected = f"expected one or several of {', '.join(WRITERS)}, such as {','.join(list(WRITERS)[:2])}"
        if not any(self.formats):
            raise UsageError(f"{found}: no format was named; {expected}")
        if unknown := [name for name in self.formats if name not in WRITERS]:
            raise UsageError(f"{found}: {', '.join(map(repr, unknown))} is no format of results; {expected}")
        if twice := [name for name in WRITERS if self.formats.count(name) > 1]:
            raise UsageError(f"{found}: {', '.join(twice)} is named more than once; {expected}")
        writers = [WRITERS[name] for name in self.formats]
        check_storage(self.storage, writers, found=found)

    def identity(self) -> str:
        """Digest of all that shapes a picture: equal settings, equal pictures of equal frames.

        A weights file and a saved curve count by their content. Raises WeightsError or ImageError where they cannot
        be read.
        """
        options = {name: value for name, value in _changed(self.options).items() if name not in ELSEWHERE}
        options["response"] = _response_identity(self.options.response)
        options |= find_method(self.options.method).deghoster().identity(self.options)
        pictures = {
            "exposures": self.exposures,
            "reference": str(self.reference),
            "tonemap": self.display.tonemap,
            **_changed(self.storage),
            "half": self.storage.half is not False,
            "compression": self.storage.compression or "zip",
        }
        text = json.dumps({**options, **pictures}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _changed(options: MergeOptions | Storage) -> dict[str, Any]:
    """Options that are not the defaults: an option that a later version adds changes no older identity."""
    return {each.name: value for each in fields(options) if (value := getattr(options, each.name)) != each.default}


def _response_identity(response: str | Path) -> str:
    if str(response) in RESPONSES or not Path(response).is_file():
        return str(response)
    return hashlib.sha256(Path(response).read_bytes()).hexdigest()

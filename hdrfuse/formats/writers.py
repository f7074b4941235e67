"""The formats that results are written in: a row each, which says what the format takes of a merge.

A format is a module with `write(path, radiance, facts, *, rendition, storage) -> warnings`, which is imported when a
file is written, and a row in WRITERS. Where the format is read as well, the module's `read_statement(path)` gives back
what `write` stated.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from hdrfuse.command_option import OUTPUT, CommandOption
from hdrfuse.errors import OutputError, UsageError

if TYPE_CHECKING:
    from hdrfuse.formats.image import RadianceFacts  # imports numpy: keep `hdrfuse --help` instant

Compression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How results are stored, where a format leaves the choice; None leaves it to the format."""

    half: Annotated[
        bool | None,
        CommandOption(
            lambda: f"Bits of an {suffixes_with('half')}: 16 (default) or 32.",
            panel=OUTPUT,
            flags=("--half/--float",),
            show_default=False,
        ),
    ] = None
    """16 bits rather than 32; None = 16 where they hold the picture."""
    compression: Annotated[
        str | None,
        CommandOption(
            lambda: f"Compression of an {suffixes_with('compression')}; default: zip.",
            panel=OUTPUT,
            kind=Compression | None,
            show_default=False,
        ),
    ] = None
    """One of Compression; None = zip."""

    def __post_init__(self) -> None:
        """Raise UsageError for a compression that nobody knows."""
        if self.compression is not None and self.compression not in (known := get_args(Compression)):
            raise UsageError(f"--compression {self.compression}: one of {', '.join(known)} was expected")


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A format that results are written in."""

    name: str
    """What `--format` calls it."""
    suffixes: tuple[str, ...]
    """In lower case; the first is a batch's."""
    module: str
    bits: tuple[int, ...]
    """Of a sample, as `hdrfuse info` counts them: those to choose from, the default first."""
    radiance: bool = True
    """Whether it holds linear radiance."""
    rendition: bool = False
    """Whether it holds the picture as a display shows it, tone-mapped: `write` is given one."""
    storage: frozenset[str] = frozenset()
    """Fields of Storage that it heeds."""
    facts: frozenset[str] = frozenset()
    """Fields of RadianceFacts that it states; without `chromaticities` it is given Rec. 709."""

    def load(self) -> ModuleType:
        """Import the format's module, and the library that it needs."""
        return import_module(self.module)

    def stated(self, facts: "RadianceFacts") -> "RadianceFacts":
        """Return the facts without those that the format does not state."""
        return type(facts)(**{name: getattr(facts, name) for name in self.facts})


FACTS = frozenset({"chromaticities", "capture", "white_luminance_cd_m2", "provenance"})
"""What the formats of radiance all state."""

WRITERS: dict[str, Writer] = {
    "exr": Writer(
        name="exr", suffixes=(".exr",), module="hdrfuse.formats.exr", bits=(16, 32),
        storage=frozenset({"half", "compression"}), facts=FACTS,
    ),
    "hdr": Writer(name="hdr", suffixes=(".hdr",), module="hdrfuse.formats.radiance", bits=(32,), facts=FACTS),
    "tif": Writer(
        name="tif", suffixes=(".tif", ".tiff"), module="hdrfuse.formats.tiff_output", bits=(32,), facts=FACTS
    ),
}  # fmt: skip
"""By name, in the order in which they are listed; the first is the default."""


def known_writers() -> tuple[Writer, ...]:
    """Return the formats that there are, the default first."""
    return tuple(WRITERS.values())


def default_writer() -> Writer:
    """Return the format of a result whose file nobody named."""
    return known_writers()[0]


def writable_suffixes(writers: Iterable[Writer] | None = None) -> frozenset[str]:
    """Return the suffixes of some formats, by default of all."""
    each = known_writers() if writers is None else writers
    return frozenset(suffix for writer in each for suffix in writer.suffixes)


def writer_of(path: Path, writers: Iterable[Writer] | None = None) -> Writer:
    """Return the format that a file's suffix names. Raises OutputError where none of them has it."""
    there = known_writers() if writers is None else tuple(writers)
    for writer in there:
        if path.suffix.lower() in writer.suffixes:
            return writer
    raise OutputError(f"{path}: {unwritten(path)}; expected {' '.join(sorted(writable_suffixes(there)))}")


def unwritten(path: Path) -> str:
    """Say of a file's suffix that no format has it."""
    return f"cannot write {path.suffix!r} files" if path.suffix else "a name without a suffix names no format"


def check_storage(storage: Storage, writers: Iterable[Writer], *, found: str) -> None:
    """Raise UsageError, which says what was `found`, for a choice that none of the formats leaves."""
    heeded = frozenset[str]().union(*(writer.storage for writer in writers))
    for name in (each.name for each in reversed(fields(storage))):
        value = getattr(storage, name)
        if value is None or value is False or name in heeded:
            continue
        option = f"--{name}" if value is True else f"--{name} {value}"
        raise UsageError(f"{option}: only {suffixes_with(name)} files are stored so; found {found}")


def suffixes_with(name: str) -> str:
    """Return the suffixes of the formats that heed a field of Storage, as a list in words: ".exr or .jxl"."""
    return " or ".join(writer.suffixes[0] for writer in known_writers() if name in writer.storage)

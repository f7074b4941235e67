"""What a merge writes: the radiance, its preview, its ghost map and its response curve, together or not at all."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hdrfuse.errors import OUT_OF_MEMORY, HdrfuseError, OutOfMemoryError, OutputError, UsageError, is_out_of_memory
from hdrfuse.formats import check_writable, write_image, write_jpeg, write_png
from hdrfuse.formats.atomic import place, remove_unfinished, temporary_beside
from hdrfuse.formats.writers import Storage, Writer, check_storage, known_writers, writable_suffixes, writer_of
from hdrfuse.imaging.color import to_rec709
from hdrfuse.imaging.display.ghost_map import draw_ghost_map
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS
from hdrfuse.pipeline import Merged
from hdrfuse.stopping import signals_held

PREVIEW_SUFFIXES = frozenset({".jpg"})
GHOST_MAP_SUFFIXES = frozenset({".png"})
RESPONSE_SUFFIXES = frozenset({".json"})


@dataclass(frozen=True)
class Written:
    """What writing the files took, and what was noticed."""

    seconds: dict[str, float]
    """By stage."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The files of one merge and how they are stored."""

    radiance: Path
    copies: tuple[Path, ...] = ()
    """The same radiance in other formats."""
    preview: Path | None = None
    ghost_map: Path | None = None
    response: Path | None = None
    tonemap: str = "reinhard"
    """A key of TONEMAPPERS."""
    storage: Storage = field(default_factory=Storage)
    overwrite: bool = False
    writers: tuple[Writer, ...] = field(default_factory=known_writers)
    """The formats that there are, which go with the work to other processes."""

    @property
    def pictures(self) -> dict[Path, Writer]:
        """The result's files and the format of each. Raises OutputError for a suffix that no format has."""
        return {path: writer_of(path, self.writers) for path in (self.radiance, *self.copies)}

    @property
    def files(self) -> dict[str, Path]:
        """What will be written, by what it is."""
        named = {
            "radiance": self.radiance,
            **{path.suffix.lstrip("."): path for path in self.copies},
            "preview": self.preview,
            "ghost_map": self.ghost_map,
            "response": self.response,
        }
        return {name: path for name, path in named.items() if path is not None}

    def check(self, inputs: Sequence[Path] = (), *, makes_folders: bool = False) -> None:
        """See before the work whether everything can be written; with `makes_folders`, once its folders are made.

        Raises OutputError for a file that exists, has another suffix or an unwritable folder, or is an input;
        UsageError for storage that the format does not have.
        """
        for picture in self.pictures:
            check_writable(
                picture,
                overwrite=self.overwrite,
                suffixes=writable_suffixes(self.writers),
                makes_folder=makes_folders,
            )
        for path, suffixes in (
            (self.preview, PREVIEW_SUFFIXES),
            (self.ghost_map, GHOST_MAP_SUFFIXES),
            (self.response, RESPONSE_SUFFIXES),
        ):
            if path is not None:
                check_writable(path, overwrite=self.overwrite, suffixes=suffixes, makes_folder=makes_folders)
        frames = {path.resolve() for path in inputs}
        taken: set[Path] = set()
        for path in self.files.values():
            if path.resolve() in frames:
                raise OutputError(f"{path}: is one of the inputs; expected another name")
            if path.resolve() in taken:
                raise OutputError(f"{path}: is named for two outputs; expected a file for each")
            taken.add(path.resolve())
        check_storage(self.storage, self.pictures.values(), found=str(self.radiance))

    def sweep(self) -> None:
        """Remove what killed processes left in the folders of the files."""
        for folder in {path.parent for path in self.files.values()}:
            remove_unfinished(folder)

    def write(self, merged: Merged, *, placed: Callable[[], None] = lambda: None) -> Written:
        """Write everything, or leave everything as it was -> seconds, warnings; `placed` hears when all is there.

        Raises OutputError or WriteError, which name the file.
        """
        seconds: dict[str, float] = {}
        with all_or_nothing(self.files.values(), overwrite=self.overwrite, placed=placed) as beside:
            rendition, wanted = None, any(writer.rendition for writer in self.pictures.values())
            if self.preview is not None or wanted:
                with timed(seconds, "preview"), beside(self.preview or self.radiance) as path:
                    rendition = TONEMAPPERS[self.tonemap](to_rec709(merged.radiance, merged.metadata.chromaticities))
                    if self.preview is not None:
                        write_jpeg(path, rendition, exif=merged.exif, overwrite=True)
                    rendition = rendition if wanted else None
            if self.ghost_map is not None:
                with timed(seconds, "ghost map"), beside(self.ghost_map) as path:
                    radiance = merged.radiance * np.float32(1.0 / merged.unit)
                    drawn = draw_ghost_map(radiance, merged.frames, merged.report.reference, merged.ghosts)
                    write_png(path, drawn, overwrite=True)
                    del radiance
            if self.response is not None:
                if merged.curve is None:
                    raise UsageError(f"{self.response}: the frames are linear and have no response to save")
                with beside(self.response) as path:
                    merged.curve.save(path, overwrite=True)
            warnings: list[str] = []
            with timed(seconds, "writing"):
                facts = replace(merged.metadata, exif=merged.exif)
                for each, writer in self.pictures.items():
                    radiance = merged.radiance
                    if writer.radiance and "chromaticities" not in writer.facts:
                        radiance = to_rec709(radiance, facts.chromaticities)
                    with beside(each) as path:
                        told = write_image(
                            path, radiance, facts, rendition=rendition, storage=self.storage, writer=writer,
                            overwrite=True,
                        )  # fmt: skip
                    warnings += [f"{each.name}: {warning}" for warning in told]
        return Written(seconds, tuple(warnings))


Place = Callable[[Path], AbstractContextManager[Path]]


@contextmanager
def all_or_nothing(
    paths: Iterable[Path], *, overwrite: bool, placed: Callable[[], None] = lambda: None
) -> Iterator[Place]:
    """Give a context for each path to write a temporary file in; all get their names when the block ends well.

    Otherwise none does: what was there before stays, and nothing new is left. An interrupt waits until all have
    their names and `placed` has been told.
    """
    with ExitStack() as stack:
        beside = {path: stack.enter_context(temporary_beside(path)) for path in paths}
        yield lambda path: _named(beside[path], path)
        with signals_held():
            place(beside, overwrite=overwrite)
            placed()


@contextmanager
def _named(temporary: Path, path: Path) -> Iterator[Path]:
    """Let errors name the file that was asked for, not the temporary one beside it."""
    try:
        yield temporary
    except HdrfuseError as error:
        message = str(error).replace(str(temporary), str(path)).replace(temporary.name, path.name)
        raise type(error)(message) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(f"{path}: cannot be written: {OUT_OF_MEMORY}") from error
        raise


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how many seconds the block takes, under the stage's name."""
    started = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - started, 3)

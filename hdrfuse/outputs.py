"""What a merge writes: the radiance, its preview, its ghost map and its response curve, together or not at all."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrfuse.errors import OUT_OF_MEMORY, HdrfuseError, OutOfMemoryError, OutputError, UsageError, is_out_of_memory
from hdrfuse.formats import check_writable, write_image, write_jpeg, write_png
from hdrfuse.formats.atomic import place, remove_unfinished, temporary_beside
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
    half: bool | None = None
    """OpenEXR as half rather than float; None = half where the format has it."""
    compression: str | None = None
    """A key of formats.exr.COMPRESSIONS; None = zip where the format has it."""
    overwrite: bool = False

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

    def check(self, inputs: Sequence[Path] = ()) -> None:
        """See before the work whether everything can be written.

        Raises OutputError for a file that exists, has another suffix or an unwritable folder, or is an input;
        UsageError for storage that the format does not have.
        """
        pictures = (self.radiance, *self.copies)
        for picture in pictures:
            check_writable(picture, overwrite=self.overwrite)
        for path, suffixes in (
            (self.preview, PREVIEW_SUFFIXES),
            (self.ghost_map, GHOST_MAP_SUFFIXES),
            (self.response, RESPONSE_SUFFIXES),
        ):
            if path is not None:
                check_writable(path, overwrite=self.overwrite, suffixes=suffixes)
        frames = {path.resolve() for path in inputs}
        taken: set[Path] = set()
        for path in self.files.values():
            if path.resolve() in frames:
                raise OutputError(f"{path}: is one of the inputs; expected another name")
            if path.resolve() in taken:
                raise OutputError(f"{path}: is named for two outputs; expected a file for each")
            taken.add(path.resolve())
        stored_so = any(path.suffix.lower() == ".exr" for path in pictures)
        if not stored_so and (self.compression is not None or self.half):
            option = "--half" if self.compression is None else f"--compression {self.compression}"
            raise UsageError(f"{option}: only .exr files are stored so; found {self.radiance}")

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
            if self.preview is not None:
                with timed(seconds, "preview"), beside(self.preview) as path:
                    radiance = to_rec709(merged.radiance, merged.metadata.chromaticities)
                    write_jpeg(path, TONEMAPPERS[self.tonemap](radiance), exif=merged.exif, overwrite=True)
                    del radiance
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
            (half, warnings), compression = self._stores_half(merged), self.compression or "zip"
            with timed(seconds, "writing"):
                for each in (self.radiance, *self.copies):
                    with beside(each) as path:
                        write_image(
                            path, merged.radiance, merged.metadata, half=half, compression=compression, overwrite=True
                        )
        return Written(seconds, warnings)

    def _stores_half(self, merged: Merged) -> tuple[bool, tuple[str, ...]]:
        """Whether to store OpenEXR as half: as asked for, else where it holds the picture; warnings say the rest."""
        if self.half is False or all(path.suffix.lower() != ".exr" for path in (self.radiance, *self.copies)):
            return False, ()
        from hdrfuse.formats.exr import half_loss

        loss = half_loss(merged.radiance)
        if loss is None:
            return True, ()
        done = "--half loses that" if self.half else "stored as float"
        return self.half is True, (f"{self.radiance.name}: {loss}: {done}",)


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

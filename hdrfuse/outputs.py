"""What a merge writes: the radiance, its preview, its ghost map and its response curve, together or not at all."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hdrfuse.errors import HdrfuseError, OutputError, UsageError
from hdrfuse.formats import check_writable, replacing, write_image, write_jpeg, write_png
from hdrfuse.imaging.color import to_rec709
from hdrfuse.imaging.ghostmap import draw_ghost_map
from hdrfuse.imaging.tonemapping import TONEMAPPERS
from hdrfuse.pipeline import Merged

PREVIEW_SUFFIXES = frozenset({".jpg"})
GHOST_MAP_SUFFIXES = frozenset({".png"})
RESPONSE_SUFFIXES = frozenset({".json"})


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

    def write(self, merged: Merged) -> dict[str, float]:
        """Write everything, or leave everything as it was -> seconds by stage.

        Raises OutputError or WriteError, which name the file.
        """
        seconds: dict[str, float] = {}
        with all_or_nothing(self.files.values(), overwrite=self.overwrite) as place:
            if self.preview is not None:
                with timed(seconds, "preview"), place(self.preview) as path:
                    radiance = to_rec709(merged.radiance, merged.metadata.chromaticities)
                    write_jpeg(path, TONEMAPPERS[self.tonemap](radiance), exif=merged.exif)
                    del radiance
            if self.ghost_map is not None:
                with timed(seconds, "ghost map"), place(self.ghost_map) as path:
                    reference = merged.report["reference"]["index"]
                    write_png(path, draw_ghost_map(merged.radiance, merged.frames, reference, merged.ghosts))
            if self.response is not None:
                if merged.curve is None:
                    raise UsageError(f"{self.response}: the frames are linear and have no response to save")
                with place(self.response) as path:
                    merged.curve.save(path)
            half, compression = self.half is not False, self.compression or "zip"
            with timed(seconds, "writing"):
                for each in (self.radiance, *self.copies):
                    with place(each) as path:
                        write_image(path, merged.radiance, merged.metadata, half=half, compression=compression)
        return seconds


Place = Callable[[Path], AbstractContextManager[Path]]


@contextmanager
def all_or_nothing(paths: Iterable[Path], *, overwrite: bool) -> Iterator[Place]:
    """Give a context for each path to write a temporary file in; all get their names when the block ends well.

    Otherwise none does: what was there before stays, and nothing new is left.
    """
    placed: list[Path] = []
    try:
        with ExitStack() as stack:
            beside = {path: stack.enter_context(_noted(path, placed, overwrite=overwrite)) for path in paths}
            yield lambda path: _named(beside[path], path)
    except BaseException:
        for path in () if overwrite else placed:
            with suppress(OSError):
                path.unlink()
        raise


@contextmanager
def _noted(path: Path, placed: list[Path], *, overwrite: bool) -> Iterator[Path]:
    with replacing(path, overwrite=overwrite) as temporary:
        yield temporary
    placed.append(path)


@contextmanager
def _named(temporary: Path, path: Path) -> Iterator[Path]:
    """Let errors name the file that was asked for, not the temporary one beside it."""
    try:
        yield temporary
    except HdrfuseError as error:
        message = str(error).replace(str(temporary), str(path)).replace(temporary.name, path.name)
        raise type(error)(message) from error


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how many seconds the block takes, under the stage's name."""
    started = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - started, 3)

"""From folders of HDR images and cut-outs to a packed library, once."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdrfuse.data.library import Array, ImageKind, ImageLibrary, linear_cutout, linear_texture, pack
from hdrfuse.data.splits import Split, split_of, splits_of
from hdrfuse.errors import BadInputError, HdrfuseError
from hdrfuse.formats.atomic import replacing
from hdrfuse.formats.reading import read_image

HDR_SUFFIXES = frozenset({".exr", ".hdr"})
CUTOUT_SUFFIX = ".out.png"
"""A picture with alpha, as background removers name it."""
TEXTURE_SUFFIXES = frozenset({".jpg", ".jpeg"})
CLIP_SUFFIXES = frozenset({".mp4", ".mov", ".m4v"})
FOREGROUND = "foreground"
"""Folder whose cut-outs and photos move in front of the HDR images; photos elsewhere are left alone."""
CLIPS_TOO = f"for training also clips: {' '.join(sorted(CLIP_SUFFIXES))}"
LEARNED_FROM: tuple[Split, ...] = ("train", "validation")
STATE = "sources.json"
"""Beside the library: what it was packed from, so that a changed folder is packed again, and what was left out."""

LeaveOut = Callable[[Path, HdrfuseError], None]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Folders of HDR images and of what moves in front of them; clips below either are brackets by themselves."""

    images: tuple[Path, ...]
    """Below them, every .exr and .hdr serves as a background; `foreground` folders as movers."""
    movers: tuple[Path, ...] = ()
    """Below them, every .png is a cut-out with alpha, every .jpg a texture."""

    def files(self) -> list[Path]:
        """Return the pictures that serve, each once. Raises BadInputError for a folder that is missing or empty."""
        sources: dict[Path, None] = {}
        for folder in self.images:
            files = source_files(folder)
            if not any(path.suffix.lower() in HDR_SUFFIXES for path in files) and not clip_files(folder):
                missing = "no HDR image below it" if folder.is_dir() else "no such folder"
                raise BadInputError(f"{folder}: {missing}; expected .exr or .hdr files, {CLIPS_TOO}")
            sources |= dict.fromkeys(files)
        for folder in self.movers:
            files = mover_files(folder)
            if not files and not clip_files(folder):
                missing = "no mover below it" if folder.is_dir() else "no such folder"
                expected = f".png cut-outs with alpha or .jpg textures, {CLIPS_TOO}"
                raise BadInputError(f"{folder}: {missing}; expected {expected}")
            sources |= dict.fromkeys(files)
        return list(sources)

    def clips(self) -> list[Path]:
        """Return the videos below all folders, each once."""
        return list(dict.fromkeys(path for folder in self.images + self.movers for path in clip_files(folder)))


def open_split(
    sources: Sources | Path, cache: Path, split: Split, report: Callable[[str], None] = lambda name: None
) -> ImageLibrary:
    """Return a split of the sources' images, packed into the cache folder first if need be.

    A path stands for one folder of HDR images. Training and validation are packed together, files of another split
    only where that is asked for: training never opens them. Files that cannot be read are left out;
    `left_out` names them. Raises BadInputError if there is no readable HDR image, OutputError or WriteError where
    the cache cannot be written.
    """
    sources = Sources(images=(sources,)) if isinstance(sources, Path) else sources
    together = LEARNED_FROM if split in LEARNED_FROM else (split,)
    files = [path for path in sources.files() if split_of(source_name(path)) in together]
    backgrounds = open_files(files, cache, report).of_kind("panorama", "photograph")
    if not backgrounds:
        reasons = "; ".join(left_out_sources(cache).values())
        reasons = reasons or (
            "by their names they serve other splits; more are needed"
            if any(path.suffix.lower() in HDR_SUFFIXES for path in sources.files())
            else "there are clips alone; .exr or .hdr files are needed beside them"
        )
        raise BadInputError(f"{sources.images[0]}: no HDR image for {split}: {reasons}")
    table = splits_of(map(source_name, files), [image.name for image in backgrounds])
    return ImageLibrary(cache, [name for name, its_split in table.items() if its_split == split])


def open_files(files: list[Path], cache: Path, report: Callable[[str], None] = lambda name: None) -> ImageLibrary:
    """Return the images of files, packed into the cache folder first if need be; `left_out_sources` has the others.

    Raises OutputError or WriteError where the cache cannot be written.
    """
    state = {str(path.resolve()): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}
    if packed_state(cache).get("files") != state:
        pack_files(files, cache, state, report)
    return ImageLibrary(cache)


def left_out_sources(cache: Path) -> dict[str, str]:
    """Return the files that packing left out, each with the reason in one line."""
    return packed_state(cache).get("left_out", {})


def pack_files(files: list[Path], cache: Path, state: dict[str, list[int]], report: Callable[[str], None]) -> None:
    """Pack what can be read and note what cannot; a cache that is half-written counts as none."""
    reasons: dict[str, str] = {}

    def leave_out(path: Path, error: HdrfuseError) -> None:
        reasons[str(path.resolve())] = str(error)

    (cache / STATE).unlink(missing_ok=True)
    pack(decode_sources(files, report, leave_out), cache)
    with replacing(cache / STATE, overwrite=True) as temporary:
        temporary.write_text(json.dumps({"files": state, "left_out": reasons}, indent=1))


def source_files(source: Path) -> list[Path]:
    """Return the files below a folder that serve, in the order of their paths; hidden ones do not."""
    return sorted(path for path in source.rglob("*") if not path.name.startswith(".") and serves(path))


def mover_files(folder: Path) -> list[Path]:
    """Return the cut-outs and textures below a folder of movers, in the order of their paths."""
    suffixes = {".png", *TEXTURE_SUFFIXES}
    paths = (path for path in folder.rglob("*") if not path.name.startswith(".") and path.suffix.lower() in suffixes)
    return sorted(paths)


def clip_files(folder: Path) -> list[Path]:
    """Return the videos below a folder, in the order of their paths; hidden ones do not serve."""
    paths = folder.rglob("*")
    return sorted(path for path in paths if not path.name.startswith(".") and path.suffix.lower() in CLIP_SUFFIXES)


def serves(path: Path) -> bool:
    """Whether a file is an HDR image, or a cut-out or photo of a foreground folder."""
    if path.suffix.lower() in HDR_SUFFIXES:
        return True
    movable = path.name.endswith(CUTOUT_SUFFIX) or path.suffix.lower() in TEXTURE_SUFFIXES
    return movable and path.parent.name == FOREGROUND


def source_name(path: Path) -> str:
    """Return the name by which splits know a file."""
    return path.name.removesuffix(CUTOUT_SUFFIX) if path.name.endswith(CUTOUT_SUFFIX) else path.stem


def packed_state(cache: Path) -> dict[str, Any]:
    """Return what a cache was packed from, nothing if it was not."""
    state = cache / STATE
    return json.loads(state.read_text()) if state.is_file() else {}


def decode_sources(
    files: Iterable[Path], report: Callable[[str], None], leave_out: LeaveOut | None = None
) -> Iterator[tuple[str, ImageKind, Array]]:
    """Decode files one by one -> name, kind, linear picture.

    A file that cannot be read goes to `leave_out`; without one, its HdrfuseError is raised.
    """
    for path in files:
        report(path.name)
        try:
            kind, linear = linear_picture(path)
        except HdrfuseError as error:
            if leave_out is None:
                raise
            leave_out(path, error)
        else:
            yield source_name(path), kind, linear


def linear_picture(path: Path) -> tuple[ImageKind, Array]:
    """Decode a file for what its suffix says it is. Raises ImageError or BadInputError if any of it is damaged."""
    pixels = read_image(path).pixels
    if path.suffix.lower() == ".png":
        return "cutout", linear_cutout(path)
    if path.suffix.lower() in TEXTURE_SUFFIXES:
        return "texture", linear_texture(path)
    linear = pixels.astype(np.float32)
    height, width = linear.shape[:2]
    return "panorama" if width == 2 * height else "photograph", linear

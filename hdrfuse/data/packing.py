"""From a folder of HDR images and cut-outs to a packed library, once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hdrfuse.data.library import Array, ImageKind, ImageLibrary, linear_cutout, linear_texture, pack
from hdrfuse.data.splits import Split, split_of
from hdrfuse.errors import BadInputError
from hdrfuse.formats.reading import read_image

HDR_SUFFIXES = frozenset({".exr", ".hdr"})
CUTOUT_SUFFIX = ".out.png"
"""A picture with alpha, as background removers name it."""
TEXTURE_SUFFIXES = frozenset({".jpg", ".jpeg"})
FOREGROUND = "foreground"
"""Folder whose cut-outs and photos move in front of the HDR images; photos elsewhere are left alone."""
SOURCES = "sources.json"
"""Beside the library: what it was packed from, so that a changed folder is packed again."""


def open_split(
    source: Path, cache: Path, split: Split, report: Callable[[str], None] = lambda name: None
) -> ImageLibrary:
    """Return a split of a folder's images, packed into the cache folder first if need be.

    Takes every .exr and .hdr below the folder as a background; in folders named `foreground`, `*.out.png` as
    cut-outs of what moves and .jpg as texture.
    Raises BadInputError if there is no HDR image, ImageError that names an unreadable one.
    """
    files = source_files(source)
    if not any(path.suffix.lower() in HDR_SUFFIXES for path in files):
        raise BadInputError(f"{source}: no HDR image below it; expected .exr or .hdr files")
    state = {str(path.relative_to(source)): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}
    if packed_state(cache) != state:
        pack(decoded(files, report), cache)
        (cache / SOURCES).write_text(json.dumps(state, indent=1))
    return ImageLibrary(cache, [name for name in map(source_name, files) if split_of(name) == split])


def source_files(source: Path) -> list[Path]:
    """Return the files below a folder that serve, in the order of their paths; hidden ones do not."""
    return sorted(path for path in source.rglob("*") if not path.name.startswith(".") and serves(path))


def serves(path: Path) -> bool:
    """Whether a file is an HDR image, or a cut-out or photo of a foreground folder."""
    if path.suffix.lower() in HDR_SUFFIXES:
        return True
    movable = path.name.endswith(CUTOUT_SUFFIX) or path.suffix.lower() in TEXTURE_SUFFIXES
    return movable and path.parent.name == FOREGROUND


def source_name(path: Path) -> str:
    """Return the name by which splits know a file."""
    return path.name.removesuffix(CUTOUT_SUFFIX) if path.name.endswith(CUTOUT_SUFFIX) else path.stem


def packed_state(cache: Path) -> dict[str, list[int]] | None:
    """Return what a cache was packed from, None if it was not."""
    sources = cache / SOURCES
    return json.loads(sources.read_text()) if sources.is_file() else None


def decoded(files: list[Path], report: Callable[[str], None]) -> Iterator[tuple[str, ImageKind, Array]]:
    """Decode files one by one -> name, kind, linear picture."""
    for path in files:
        report(path.name)
        if path.name.endswith(CUTOUT_SUFFIX):
            yield source_name(path), "cutout", linear_cutout(path)
        elif path.suffix.lower() in TEXTURE_SUFFIXES:
            yield source_name(path), "texture", linear_texture(path)
        else:
            pixels = read_image(path).pixels.astype(np.float32)
            height, width = pixels.shape[:2]
            yield source_name(path), "panorama" if width == 2 * height else "photograph", pixels

"""The way out: a merged radiance or a picture for the screen, as a whole file or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hdrfuse.errors import HdrfuseError, OutOfMemoryError, OutputError, WriteError, is_out_of_memory, reason_of
from hdrfuse.formats.atomic import check_writable, replacing
from hdrfuse.formats.icc import srgb_profile
from hdrfuse.formats.image import Pixels, RadianceFacts
from hdrfuse.formats.kinds import SUFFIXES, Kind
from hdrfuse.formats.writers import Storage, Writer, writer_of
from hdrfuse.text import one_line

LONGEST_JPEG_SIDE = 65500
"""libjpeg's limit."""

PNG_LEVEL = 2
"""A fifth of the default level's time for a few percent more bytes."""


def write_image(
    path: str | PathLike[str],
    radiance: Pixels,
    facts: RadianceFacts,
    *,
    rendition: NDArray[np.uint8] | None = None,
    storage: Storage | None = None,
    writer: Writer | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write radiance (H, W, 3) float32, finite and not negative, in the format that the suffix names -> warnings.

    They say what of it the format does not hold. `rendition`, sRGB (H, W, 3) uint8, is for formats that hold the
    picture as a display shows it; `storage` for those that leave a choice. `writer` need only be given where WRITERS
    does not have it. Equal arguments give equal bytes. Raises OutputError if `path` exists, cannot be written or has
    another suffix, WriteError if writing fails.
    """
    path = Path(path)
    writer = writer or writer_of(path)
    check_writable(path, overwrite=overwrite, suffixes=frozenset(writer.suffixes))
    if writer.rendition and rendition is None:
        raise ValueError(f"{path}: {writer.name} files show the picture as a display does; a rendition was expected")
    facts = replace(facts, provenance={name: one_line(value) for name, value in facts.provenance.items()})
    with replacing(path, overwrite=overwrite) as temporary, encoding(path, temporary):
        warnings = writer.load().write(
            temporary, radiance, writer.stated(facts), rendition=rendition if writer.rendition else None,
            storage=storage or Storage(),
        )  # fmt: skip
    return list(warnings)


def write_jpeg(
    path: str | PathLike[str],
    rgb8: NDArray[np.uint8],
    *,
    exif: bytes | None = None,
    quality: int = 95,
    overwrite: bool = False,
) -> None:
    """Write sRGB (H, W, 3) uint8 as JPEG with its profile, without chroma subsampling.

    `exif` is a `DecodedImage.exif`. Raises OutputError and WriteError as `write_image` does.
    """
    path = Path(path)
    check_writable(path, overwrite=overwrite, suffixes=SUFFIXES[Kind.JPEG])
    if max(rgb8.shape) > LONGEST_JPEG_SIDE:
        raise OutputError(f"{path}: {rgb8.shape[1]}x{rgb8.shape[0]} pixels; a JPEG holds {LONGEST_JPEG_SIDE} a side")
    with replacing(path, overwrite=overwrite) as temporary, encoding(path, temporary):
        Image.fromarray(rgb8).save(
            temporary, "JPEG", quality=quality, subsampling=0, exif=exif or b"", icc_profile=srgb_profile()
        )


def write_png(path: str | PathLike[str], rgb8: NDArray[np.uint8], *, overwrite: bool = False) -> None:
    """Write sRGB (H, W, 3) uint8 as PNG with its profile. Raises as `write_image` does."""
    path = Path(path)
    check_writable(path, overwrite=overwrite, suffixes=SUFFIXES[Kind.PNG])
    with replacing(path, overwrite=overwrite) as temporary, encoding(path, temporary):
        Image.fromarray(rgb8).save(temporary, "PNG", compress_level=PNG_LEVEL, icc_profile=srgb_profile())


@contextmanager
def encoding(path: Path, temporary: Path) -> Iterator[None]:
    """Turn what an encoder raises into a WriteError or OutOfMemoryError that names `path`."""
    try:
        yield
    except HdrfuseError:
        raise
    except Exception as error:  # OpenEXR reports a full disk as a RuntimeError
        kind = OutOfMemoryError if is_out_of_memory(error) else WriteError
        reason = reason_of(error).replace(str(temporary), path.name)
        raise kind(f"{path}: cannot be written: {reason}") from error

"""The way in: any readable file to pixels and header, any failure to one ImageError that names the file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path

from hdrfuse.errors import HdrfuseError, ImageError, is_out_of_memory
from hdrfuse.formats.image import Capture, DecodedImage, ImageHeader
from hdrfuse.formats.kinds import Kind, identify
from hdrfuse.formats.refusal import RefusedError


@dataclass(frozen=True)
class Reader:
    """What every format that is read offers."""

    read_header: Callable[[Path], ImageHeader]
    read: Callable[[Path], DecodedImage]


READERS: dict[Kind, str] = {
    Kind.JPEG: "hdrfuse.formats.jpeg",
    Kind.PNG: "hdrfuse.formats.png",
    Kind.TIFF: "hdrfuse.formats.tiff",
    Kind.EXR: "hdrfuse.formats.exr",
    Kind.RADIANCE: "hdrfuse.formats.radiance",
    Kind.RAW: "hdrfuse.formats.raw",
}
"""The module of each format, which has `read_header` and `read`."""


def reader_of(kind: Kind) -> Reader:
    """Return the format's reader; its libraries are imported only now."""
    module = import_module(READERS[kind])
    return Reader(module.read_header, module.read)


def read_header(path: str | PathLike[str]) -> ImageHeader:
    """Return what a file says of itself: upright size, channels, dtype, capture. No pixel is decoded.

    Raises ImageError if the file is missing, empty, mislabelled, damaged in its header or of another kind.
    """
    path = Path(path)
    with refusing(path):
        return reader_of(identify(path)).read_header(path)


def read_capture(path: str | PathLike[str]) -> Capture:
    """Return what the camera wrote beside the pixels; a RAW file's needs no rawpy. Raises ImageError."""
    path = Path(path)
    with refusing(path):
        kind = identify(path)
        if kind is Kind.RAW:
            from hdrfuse.formats import raw

            return raw.read_capture(path)
        return reader_of(kind).read_header(path).capture


def read_image(
    path: str | PathLike[str], *, white_balance: tuple[float, float, float, float] | None = None
) -> DecodedImage:
    """Decode a whole file: upright RGB (H, W, 3) uint8, uint16 or float32, its white, its header and EXIF.

    `white_balance` holds the camera multipliers (R, G, B, G2) that all RAW frames of a bracket share, from
    `read_white_balance`; None takes the file's own. Other formats ignore it.
    Raises ImageError if anything is missing or damaged; nothing is ever decoded in part.
    """
    path = Path(path)
    with refusing(path):
        kind = identify(path)
        if kind is Kind.RAW:
            from hdrfuse.formats import raw

            return raw.read(path, white_balance=white_balance)
        return reader_of(kind).read(path)


def read_white_balance(path: str | PathLike[str]) -> tuple[float, float, float, float]:
    """Return a RAW file's white balance as multipliers (R, G, B, G2), to be shared by a bracket.

    Raises ImageError if the file is no readable RAW file.
    """
    path = Path(path)
    with refusing(path):
        kind = identify(path)
        if kind is not Kind.RAW:
            raise RefusedError(f"is a {kind}; a white balance is read from a {Kind.RAW}")
        from hdrfuse.formats import raw

        return raw.read_white_balance(path)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read into one ImageError of one line, its cause kept."""
    try:
        yield
    except (HdrfuseError, ImportError):
        raise
    except RefusedError as error:
        raise ImageError(f"{path}: {' '.join(str(error).split())}") from error
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path}: is a folder; expected an image file") from error
    except Exception as error:  # decoders raise anything from struct.error to SyntaxError
        if is_out_of_memory(error):
            raise ImageError(f"{path}: its pixels do not fit into memory") from error
        if isinstance(error, OSError):
            raise ImageError(f"{path}: cannot be read: {error.strerror or first_line(error)}") from error
        raise ImageError(f"{path}: damaged or unsupported: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """Return an exception's message as one line, its kind if it says nothing."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)

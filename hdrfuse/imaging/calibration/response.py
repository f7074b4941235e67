"""Response curves: how display-encoded pixel values follow from linear exposure, and how to undo it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import ImageError, UsageError, WriteError
from hdrfuse.formats import replacing
from hdrfuse.formats.refusal import RefusedError
from hdrfuse.formats.text_file import read_text
from hdrfuse.imaging.color import srgb_decode

Array = NDArray[np.float64]

LEVELS = 65536
"""Samples of a tabulated curve: one for each 16-bit code; every 257th is an 8-bit code."""

SAVED_SAMPLES = 4096
SAVED_ERROR = 1e-3
"""A known curve differs by a tenth of this from what was saved of it."""

FILE_FORMAT = "hdrfuse response curve"
MOST_BYTES = 2**23
"""Three channels of 65536 samples with all their digits are 4 MB."""

LONGEST_NAME = 200
LEAST_WHITE = 1e-6
"""Exposure of white, or one by it, beyond which a file's numbers are no exposures relative to white."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ResponseCurve:
    """Inverse response f^-1: encoded value as a share of white -> linear exposure, white = 1."""

    name: str
    table: Array
    """(3, LEVELS) exposure of red, green and blue at encoded values 0, 1/65535, ... 1; monotone, 0 to 1."""

    def lookup(self, dtype: np.dtype[np.generic]) -> NDArray[np.float32]:
        """(3, 256 or 65536) exposure of every code of an integer type."""
        step = {"uint8": 257, "uint16": 1}[str(dtype)]
        return np.ascontiguousarray(self.table[:, ::step], dtype=np.float32)

    def __call__(self, encoded: NDArray[np.floating]) -> Array:
        """Encoded (..., 3) as a share of white -> linear exposure (..., 3)."""
        grid = np.linspace(0.0, 1.0, LEVELS)
        clipped = np.clip(encoded, 0.0, 1.0)
        return np.stack([np.interp(clipped[..., c], grid, self.table[c]) for c in range(3)], axis=-1)

    def ending_at(self, white: float) -> tuple["ResponseCurve", float]:
        """The curve of a frame that is white from an encoded value on, and the stops by which its exposures rise.

        White is 1.0 again, in all channels from that value on.
        """
        if white >= 1.0:
            return self, 0.0
        light = float(self(np.full((1, 3), white)).min())
        return replace(self, table=np.minimum(self.table / light, 1.0)), -float(np.log2(light))

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the curve as JSON for a later `--response FILE`."""
        at = np.linspace(0, LEVELS - 1, SAVED_SAMPLES)
        samples = [np.interp(at, np.arange(LEVELS), channel).tolist() for channel in self.table]
        with replacing(path, overwrite=overwrite) as temporary:
            try:
                document = {"format": FILE_FORMAT, "version": 1, "name": self.name, "samples": samples}
                temporary.write_text(json.dumps(document), encoding="utf-8")
            except OSError as error:
                raise WriteError(f"{path}: cannot be written ({error.strerror})") from error


def load_response(path: Path) -> ResponseCurve:
    """Read a saved curve; ImageError where the file is not one."""
    try:
        document = json.loads(read_text(path, most_bytes=MOST_BYTES))
        samples = np.asarray(document["samples"], dtype=np.float64)
        stated_format = document["format"]
    except FileNotFoundError:
        raise UsageError(
            f"--response {path}: no such file; auto, {', '.join(KNOWN_CURVES)} and debevec need none"
        ) from None
    except RefusedError as error:
        raise ImageError(f"{path}: not a saved response curve: {error}") from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ImageError(f"{path}: not a saved response curve ({type(error).__name__})") from error
    if stated_format != FILE_FORMAT or samples.ndim != 2 or samples.shape[0] != 3 or samples.shape[1] < 2:
        raise ImageError(f"{path}: not a saved response curve (3 lists of samples were expected)")
    if not np.isfinite(samples).all() or np.abs(samples).max() > 1.0 / LEAST_WHITE:
        raise ImageError(f"{path}: a response curve must be finite, white about 1")
    white = samples[:, -1] - np.maximum(samples[:, 0], 0.0)
    if (np.diff(samples, axis=1) < 0).any() or (white <= LEAST_WHITE).any():
        raise ImageError(f"{path}: a response curve must rise from black to white, white about 1")
    curve = tabulate(_name_of(document, path), samples)
    if curve.name in KNOWN_CURVES and np.abs(curve.table - KNOWN_CURVES[curve.name]().table).max() > SAVED_ERROR:
        return replace(curve, name=f"{curve.name} of {path.name}")  # a known curve's name promises an exact one
    return curve


def _name_of(document: dict[str, object], path: Path) -> str:
    name = document.get("name")
    return name if isinstance(name, str) and len(name) <= LONGEST_NAME else path.stem


def tabulate(name: str, samples: Array) -> ResponseCurve:
    """Curve through (3, N) samples at equal steps of the encoded value, forced to rise from 0 to 1."""
    grid = np.linspace(0.0, 1.0, LEVELS)
    at = np.linspace(0.0, 1.0, samples.shape[1])
    table = np.stack([np.interp(grid, at, channel) for channel in samples])
    table = np.maximum.accumulate(np.maximum(table, 0.0), axis=1)
    table = (table - table[:, :1]) / np.maximum(table[:, -1:] - table[:, :1], 1e-12)
    return ResponseCurve(name=name, table=table)


def _tabulate_known(name: str, function: Callable[[Array], Array]) -> ResponseCurve:
    table = np.asarray(function(np.linspace(0.0, 1.0, LEVELS)), dtype=np.float64)
    return ResponseCurve(name=name, table=np.stack([table] * 3))


def _srgb(encoded: Array) -> Array:
    return srgb_decode(encoded).astype(np.float64)


def _power(encoded: Array) -> Array:
    return encoded**2.2


def _identity(encoded: Array) -> Array:
    return encoded


def response_curve(response: str | Path) -> ResponseCurve | None:
    """Curve that `--response` names; None for those that the bracket itself has to tell.

    Raises UsageError or ImageError where it names a file that is no saved curve.
    """
    if str(response) in ("auto", "debevec"):
        return None
    if str(response) in KNOWN_CURVES:
        return KNOWN_CURVES[str(response)]()
    return load_response(Path(response))


KNOWN_CURVES: dict[str, Callable[[], ResponseCurve]] = {
    "srgb": lambda: _tabulate_known("srgb", _srgb),
    "gamma": lambda: _tabulate_known("gamma", _power),
    "linear": lambda: _tabulate_known("linear", _identity),
}
"""Curves that files are made with on purpose: IEC 61966-2-1, a pure power of 2.2, none."""


SHOULDER_POWER = 10
"""Of the term that only bends the upper fifth, where film-like curves turn towards white."""


def shape_terms(encoded: Array) -> Array:
    """(n, 4) log2 sRGB^-1(v), v, v^2 and v^10 of encoded values (n,) above 0, which log2 f^-1 is a sum of."""
    return np.column_stack([np.log2(_srgb(encoded)), encoded, encoded**2, encoded**SHOULDER_POWER])


def least_slope(shape: Array) -> float:
    """Least d log f^-1 / d log v of a curve whose shares of `shape_terms` are (4,), between 4 % of white and white."""
    v = np.geomspace(0.04, 1.0, 33)
    return float(np.min(np.diff(shape_terms(v) @ shape) / np.diff(np.log2(v))))


def parametric(name: str, shape: Array) -> ResponseCurve:
    """Curve of `shape` (3 channels, 4): log2 f^-1(v) is the sum of `shape_terms` in these shares, less that of white.

    White stays white. Where the sum would fall it is held.
    """
    v = np.linspace(0.0, 1.0, LEVELS)[1:]
    logarithm = shape @ (shape_terms(v) - shape_terms(v[-1:])).T
    table = np.concatenate([np.zeros((3, 1)), np.exp2(logarithm)], axis=1)
    table = np.minimum.accumulate(table[:, ::-1], axis=1)[:, ::-1]
    return ResponseCurve(name=name, table=np.minimum(table, 1.0))

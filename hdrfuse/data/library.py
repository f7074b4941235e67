"""Linear images packed into one memory-mapped file, so that training spends no time on decoding."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import BadInputError, OutputError
from hdrfuse.formats.atomic import replacing
from hdrfuse.formats.regular import check_regular
from hdrfuse.imaging.color import GAMMA

Array = NDArray[np.float32]
ImageKind = Literal["panorama", "photograph", "cutout", "texture"]
"""A cut-out has premultiplied colour and alpha, a texture is a display-referred photo made linear."""

MEDIAN = 0.1
"""Median luminance of every packed image: float16 then reaches from 1e-5 to 6e5 times the median."""
LARGEST = 6e4
LONGEST_CUTOUT_PX = 512
LONGEST_TEXTURE_PX = 960


@dataclass(frozen=True, kw_only=True)
class PackedImage:
    """Where one image lies in the file; offset in float16 values."""

    name: str
    kind: ImageKind
    height: int
    width: int
    channels: int
    offset: int


class ImageLibrary:
    """The images of a packed folder, read through the memory map."""

    def __init__(self, folder: Path, names: Iterable[str] | None = None) -> None:
        """Open a folder that `pack` wrote, all of it or the named images. Raises BadInputError."""
        index = folder / "library.json"
        if not index.is_file():
            raise BadInputError(f"{folder}: no packed images; expected library.json as `pack` writes it")
        entries = [PackedImage(**entry) for entry in json.loads(index.read_text())]
        wanted = None if names is None else set(names)
        self.folder = folder
        self.images = [entry for entry in entries if wanted is None or entry.name in wanted]
        self._values = self._mapped()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "images": self.images}  # another process maps the file itself

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._values = self._mapped()

    def _mapped(self) -> NDArray[np.float16]:
        values = self.folder / "library.f16"
        return np.memmap(values, np.float16, "r") if values.stat().st_size else np.zeros(0, np.float16)

    def of_kind(self, *kinds: ImageKind) -> list[PackedImage]:
        """Return the images of these kinds, in the order of packing."""
        return [image for image in self.images if image.kind in kinds]

    def half(self, image: PackedImage) -> NDArray[np.float16]:
        """Return all of an image, (H, W, C) float16, as a view of the map."""
        shape = (image.height, image.width, image.channels)
        return np.asarray(self._values[image.offset : image.offset + int(np.prod(shape))]).reshape(shape)

    def crop(self, image: PackedImage, top: int, left: int, height: int, width: int) -> Array:
        """Return a window (height, width, C) float32; a panorama goes on around its seam."""
        rows = self.half(image)[top : top + height]
        if left >= 0 and left + width <= image.width:
            return rows[:, left : left + width].astype(np.float32)
        columns = np.arange(left, left + width) % image.width
        return rows[:, columns].astype(np.float32)


def pack(images: Iterable[tuple[str, ImageKind, Array]], folder: Path) -> None:
    """Write named linear images (H, W, 3 or 4) float32 into a folder as library.f16 and library.json.

    Raises OutputError if the folder cannot be made, WriteError if the system refuses to write (full disk).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    entries, offset = [], 0
    with replacing(folder / "library.f16", overwrite=True) as temporary, temporary.open("wb") as file:
        for name, kind, linear in images:
            half = scale_to_median(linear).astype(np.float16)
            height, width, channels = half.shape
            entry = PackedImage(name=name, kind=kind, height=height, width=width, channels=channels, offset=offset)
            entries.append(asdict(entry))
            file.write(half.tobytes())
            offset += half.size
    with replacing(folder / "library.json", overwrite=True) as temporary:
        temporary.write_text(json.dumps(entries, indent=1))


def scale_to_median(linear: Array) -> Array:
    """Scale an image's colours to the library's median luminance, within float16; alpha stays."""
    scaled = linear.copy()
    colour = np.maximum(scaled[..., :3], 0)
    inside = colour if linear.shape[2] == 3 else colour[linear[..., 3] > 0.5]
    luminance = inside.reshape(-1, 3) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    median = float(np.median(luminance[luminance > 0])) if (luminance > 0).any() else 1.0
    scaled[..., :3] = np.minimum(colour * (MEDIAN / median), LARGEST)
    return scaled


def linear_cutout(path: Path) -> Array:
    """Read a PNG with alpha -> (H, W, 4) linear, premultiplied, cropped to what it shows, 512 px at most."""
    decoded = _decode(path, cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.ndim != 3 or decoded.shape[2] != 4:
        raise BadInputError(f"{path}: not a picture with alpha; a cut-out needs four channels")
    white = np.float32(255 if decoded.dtype == np.uint8 else 65535)
    rgba = cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA).astype(np.float32) / white
    rows, columns = np.nonzero(rgba[..., 3] > 0.02)
    if not rows.size:
        raise BadInputError(f"{path}: transparent everywhere; a cut-out shows something")
    rgba = rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    rgba[..., :3] = rgba[..., :3] ** GAMMA * rgba[..., 3:]
    return shrink(rgba, LONGEST_CUTOUT_PX)


def linear_texture(path: Path) -> Array:
    """Read an 8-bit photo -> (H, W, 3) linear, 960 px at most."""
    decoded = _decode(path, cv2.IMREAD_COLOR)
    if decoded is None:
        raise BadInputError(f"{path}: not a readable picture")
    rgb = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255)
    return shrink(rgb**GAMMA, LONGEST_TEXTURE_PX)


def _decode(path: Path, flags: int) -> NDArray[Any] | None:
    """Decode a picture as OpenCV has it, None where it cannot. Raises BadInputError where it cannot be read."""
    try:
        check_regular(path)
        stored = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    return cv2.imdecode(np.frombuffer(stored, np.uint8), flags) if stored else None


def shrink(linear: Array, longest_px: int) -> Array:
    """Scale an image (H, W, C) down until its longer side has at most so many pixels."""
    scale = longest_px / max(linear.shape[:2])
    if scale >= 1:
        return linear
    return cv2.resize(linear, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)

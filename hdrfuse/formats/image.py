"""What a decoded file is: pixels, what they mean, and what the camera wrote beside them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
"""(H, W, 3) uint8, uint16 or float32, RGB."""

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""CIE 1931 xy of red, green, blue and white, in that order (the layout of EXR's header)."""

REC709: Chromaticities = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Primaries of sRGB and ITU-R BT.709 with the white point D65."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """What a camera wrote beside the pixels; None where it wrote nothing usable."""

    exposure_time_s: float | None = None
    f_number: float | None = None
    iso: float | None = None
    exposure_bias_ev: float | None = None
    captured_at: datetime | None = None
    camera: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    body_serial: str | None = None
    exposure_mode: str | None = None
    """"auto", "manual", or "bracket" where the camera varied the exposure by itself."""
    bracket_shift_ev: float | None = None
    """How far an automatic bracket moved this frame's exposure, from the maker note."""
    bracket_shot: int | None = None
    """Place in an automatic bracket, from 1, from the maker note."""

    def as_json(self) -> dict[str, Any]:
        """What the camera wrote, in plain types, without what it did not write."""
        stated = {**asdict(self), "captured_at": self.captured_at and self.captured_at.isoformat()}
        return {name: value for name, value in stated.items() if value is not None}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        stated: dict[str, Any] = {each.name: document.get(each.name) for each in fields(cls)}
        taken = stated["captured_at"]
        return cls(**{**stated, "captured_at": None if taken is None else datetime.fromisoformat(taken)})


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """What a file says of itself before its pixels are decoded; the size is the upright picture's."""

    path: Path
    width: int
    height: int
    channels: int
    """1 grey, 3 colour; alpha is not counted."""
    dtype: str
    """"uint8", "uint16" or "float32"."""
    linear: bool
    chromaticities: Chromaticities = REC709
    capture: Capture = field(default_factory=Capture)
    orientation: int = 1
    """EXIF's, by which the stored pixels are turned upright."""
    bits: int | None = None
    """Of a sample as the file stores it, where the dtype does not say: 16 for a half, 8 or 16 of a PQ picture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Repeats:
    """Where a file without checksums stores one sector over and over: damage, or a plain border."""

    place: NDArray[np.bool_]
    """(H, W)."""
    ragged: bool
    """Whether whole rows of it begin or end within a row, as no border does."""


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
    """One decoded file: upright, RGB, its alpha as a mask."""

    header: ImageHeader
    pixels: Pixels
    """(H, W, 3) of the header's dtype; a grey file has three equal channels."""
    white: float
    """Pixel value at which the sensor or the file clips: 255, 65535, 1.0; scene-referred floats have their
    plateau's, or inf without one."""
    covered: NDArray[np.bool_] | None = None
    """(H, W) where the picture holds data: not where it is transparent, wholly or partly; None = everywhere."""
    repeats: Repeats | None = None
    """None = nowhere, or the format has checksums."""
    exif: bytes | None = None
    """EXIF to be carried over into a preview (Pillow's `exif=`): upright, no thumbnail, no maker note."""


@dataclass(frozen=True, kw_only=True)
class RadianceFacts:
    """What is written beside a merged radiance."""

    chromaticities: Chromaticities = REC709
    capture: Capture = field(default_factory=Capture)
    """The reference frame's."""
    white_luminance_cd_m2: float | None = None
    """Luminance of radiance 1.0 in the scene, where it can be estimated."""
    provenance: dict[str, str] = field(default_factory=dict)
    """How the picture was made: version, method, weights' sha256, EVs, seed."""
    exif: bytes | None = None
    """The reference frame's, as `DecodedImage.exif`, for formats that carry EXIF as it is."""

"""Inputs for the tests of every format: one picture, and RAW files that LibRaw reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

CFA, LINEAR_RAW = 32803, 34892
XYZ_TO_SRGB = (
    3.2404542,
    -1.5371385,
    -0.4985314,
    -0.9692660,
    1.8760108,
    0.0415560,
    0.0556434,
    -0.2040259,
    1.0572252,
)


@pytest.fixture
def picture() -> np.ndarray:
    """(49, 71, 3) uint8: smooth, asymmetric, with odd sides."""
    y, x = np.mgrid[0:49, 0:71]
    return np.stack([x * 3 + 10, y * 4 + 20, (x + 2 * y) % 200 + 5], axis=-1).astype(np.uint8)


@pytest.fixture
def noisy(picture: np.ndarray) -> np.ndarray:
    """The picture with noise, so that compression has work to do."""
    noise = np.random.default_rng(7).integers(0, 40, picture.shape)
    return (picture * 0.8 + noise).astype(np.uint8)


@pytest.fixture
def camera_exif() -> Image.Exif:
    """What a camera writes: 1/100 s, f/2.8, ISO 400, a moment with fraction and zone, a maker note."""
    exif = Image.Exif()
    exif[271], exif[272] = "NIKON CORPORATION", "NIKON D90"
    inner = exif.get_ifd(34665)
    inner |= {33434: IFDRational(1, 100), 33437: IFDRational(28, 10), 34855: 400, 37380: IFDRational(-2, 1)}
    inner[37386] = IFDRational(50, 1)
    inner |= {36867: "2024:03:25 20:47:37", 37521: "29", 36881: "+02:00", 42036: "50 mm", 37500: b"note" * 50}
    return exif


@pytest.fixture
def write_dng() -> Callable[..., Path]:
    """Return a writer of DNG files: a Bayer mosaic (H, W) or linear colour (H, W, 3), uint16."""
    return _write_dng


def _write_dng(
    path: Path,
    raw: np.ndarray,
    *,
    orientation: int = 1,
    white_balance: tuple[float, float, float] = (2.0, 1.0, 1.5),
    black: int = 64,
    white: int = 4095,
    extra: tuple[Any, ...] = (),
) -> Path:
    linear = raw.ndim == 3
    matrix = [part for value in XYZ_TO_SRGB for part in (round(value * 10_000), 10_000)]
    neutral = [part for gain in white_balance for part in (round(1e6 / gain), 1_000_000)]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (271, "s", 0, "Test", True),
        (272, "s", 0, "Camera", True),
        (274, "H", 1, orientation, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, neutral, True),
        (50778, "H", 1, 21, True),
        (50717, "I", 1, white, True),
        (50714, "H", 3 if linear else 1, (black,) * 3 if linear else black, True),
        (33434, "2I", 1, (1, 50), True),
        (33437, "2I", 1, (28, 10), True),
        (34855, "H", 1, 200, True),
        *extra,
    ]
    if not linear:
        tags += [(33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True)]
    tifffile.imwrite(
        path,
        raw,
        photometric=LINEAR_RAW if linear else CFA,
        planarconfig="contig" if linear else None,
        extratags=tags,
        metadata=None,
        subfiletype=0,
    )
    return path

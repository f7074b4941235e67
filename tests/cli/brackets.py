"""A bracket of small pictures, as a camera would write it."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

SIZE = (96, 128)
EVS = (-2.0, 0.0, 2.0)


def write_bracket(folder: Path, evs=EVS, *, suffix: str = ".jpg", exif: bool = True, size=SIZE, **tags) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, ev in enumerate(evs):
        pixels = photograph(ev, size=size, moved_px=6 * index)
        options = {"exif": frame_exif(ev, **tags)} if exif else {}
        Image.fromarray(pixels).save(folder / f"shot{index + 1}{suffix}", quality=95, **options)
    return folder


def photograph(ev: float, *, size=SIZE, moved_px: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 sRGB-like picture of a bright textured wall with a dark square before it."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    texture = np.random.default_rng(3).uniform(0.7, 1.3, size)
    scene = np.stack(
        [0.02 + 0.5 * (x / width) ** 2, 0.02 + 0.4 * x * y / (width * height), 0.05 + 0.3 * y / height], -1
    )
    scene *= texture[..., None]
    scene[: height // 5, width // 2 :] *= 6
    top, left = height // 2, width // 8 + moved_px
    scene[top : top + height // 5, left : left + height // 5] = (0.3, 0.05, 0.05)
    return np.round(np.clip(scene * 2.0**ev, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def frame_exif(ev: float, *, orientation: int = 1, iso: int | None = 200, f_number: float = 8.0, time_s=None) -> bytes:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Test", "Test camera", orientation
    exif[Base.ImageDescription] = "a beach"
    inner = exif.get_ifd(IFD.Exif)
    inner[Base.ExposureTime] = IFDRational(round(1e6 * (2.0**ev / 64 if time_s is None else time_s)), 1_000_000)
    inner[Base.FNumber] = IFDRational(round(10 * f_number), 10)
    if iso is not None:
        inner[Base.ISOSpeedRatings] = iso
    inner[Base.DateTimeOriginal] = "2024:05:04 16:20:00"
    return exif.tobytes()


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its content; folders with None."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}

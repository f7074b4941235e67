"""A memory card: small pictures with the EXIF that cameras write, at the times at which somebody took them."""

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

NOON = datetime(2024, 5, 4, 12, 0, 0)
EXPOSURE_MODE, BODY_SERIAL = 41986, 42033
AUTO, MANUAL, BRACKET = 0, 1, 2
FORMATS = {".jpg": "JPEG", ".tif": "TIFF"}


@dataclass
class Camera:
    """A body that writes its frames into a folder, and whose clock runs."""

    folder: Path
    model: str = "Body A"
    serial: str | None = None
    prefix: str = "IMG_"
    number: int = 1
    suffix: str = ".jpg"
    size: tuple[int, int] = (16, 12)
    focal_length: float = 24.0
    f_number: float = 8.0
    iso: int = 100
    clock: datetime | None = NOON
    sub_seconds: bool = False
    last_number: int = 9999
    taken: list[Path] = field(default_factory=list)

    def wait(self, seconds: float) -> "Camera":
        self.clock = self.clock and self.clock + timedelta(seconds=seconds)
        return self

    def shoot(
        self, time_s=1 / 60, *, bias=0.0, mode=AUTO, iso=None, f_number=None, size=None, pause_s=0.0, orientation=1
    ) -> str:
        """Take one frame and give its name; the clock runs on by the exposure and a pause."""
        name = f"{self.prefix}{self.number:04d}{self.suffix}"
        self.number = self.number % self.last_number + 1
        exif = Image.Exif()
        exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Maker", self.model, orientation
        inner = exif.get_ifd(IFD.Exif)
        inner[Base.ExposureTime] = rational(time_s)
        inner[Base.FNumber] = rational(f_number or self.f_number)
        inner[Base.ISOSpeedRatings] = iso or self.iso
        inner[Base.ExposureBiasValue] = rational(bias)
        inner[Base.FocalLength] = rational(self.focal_length)
        if mode is not None:
            inner[EXPOSURE_MODE] = mode
        if self.serial:
            inner[BODY_SERIAL] = self.serial
        if self.clock:
            inner[Base.DateTimeOriginal] = self.clock.strftime("%Y:%m:%d %H:%M:%S")
            if self.sub_seconds:
                inner[Base.SubsecTimeOriginal] = f"{self.clock.microsecond // 10_000:02d}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.taken.append(write(self.folder / name, size or self.size, exif))
        self.wait(time_s + pause_s)
        return name

    def aeb(self, *biases, base_s=1 / 60, mode=BRACKET, frame_s=0.2, **options) -> str:
        """Take an automatic bracket and give its scene's name."""
        names = [self.shoot(base_s * 2.0**bias, bias=bias, mode=mode, pause_s=frame_s, **options) for bias in biases]
        return scene_name(names)

    def by_hand(self, *times_s, pause_s=6.0, dark_frame=False, **options) -> str:
        """Take a bracket in manual mode, each time set by hand, maybe with a dark frame after each."""
        return scene_name(
            [
                self.shoot(time_s, mode=MANUAL, pause_s=pause_s + (time_s if dark_frame else 0.0), **options)
                for time_s in times_s
            ]
        )


def scene_name(names) -> str:
    return f"{Path(names[0]).stem}-{Path(names[-1]).stem}"


def rational(value: float) -> IFDRational:
    return IFDRational(round(value * 100_000), 100_000)


def write_dng(path: Path, time_s: float, bias: float, taken_at: datetime, sub_second: str | None = None) -> Path:
    """Write a camera RAW file of one grey, small enough for a test and large enough for LibRaw."""
    matrix = [part for value in (3.2, -1.5, -0.5, -1.0, 1.9, 0.0, 0.1, -0.2, 1.1) for part in (round(value * 100), 100)]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0)), (50708, "s", 0, "Maker Body"), (271, "s", 0, "Maker"), (272, "s", 0, "Body A"),
        (50721, "2i", 9, matrix), (50728, "2I", 3, (1, 2, 1, 1, 2, 3)), (50778, "H", 1, 21), (50717, "I", 1, 4095),
        (50714, "H", 1, 64), (33421, "H", 2, (2, 2)), (33422, "B", 4, (0, 1, 1, 2)),
        (33434, "2I", 1, (round(time_s * 100_000), 100_000)), (33437, "2I", 1, (8, 1)), (34855, "H", 1, 100),
        (36867, "s", 0, taken_at.strftime("%Y:%m:%d %H:%M:%S")), (37380, "2i", 1, (round(bias), 1)),
    ]  # fmt: skip
    if sub_second is not None:
        tags.append((34664, "I", 1, 0))  # stands for 34665, the EXIF's place, which tifffile does not write
    mosaic = np.full((24, 32), 900, np.uint16)
    extratags = [(*tag, True) for tag in tags]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=extratags, metadata=None, subfiletype=0)
    if sub_second is not None:
        data = path.read_bytes()
        entry, place = struct.pack("<HHI", 34664, 4, 1), len(data)
        data = data.replace(entry + bytes(4), struct.pack("<HHII", 34665, 4, 1, place))
        moment = taken_at.strftime("%Y:%m:%d %H:%M:%S\0").encode()
        data += struct.pack("<HHHII", 2, 36867, 2, 20, place + 30)
        data += struct.pack("<HHI4sI", 37521, 2, len(sub_second) + 1, sub_second.encode(), 0)
        path.write_bytes(data + moment)
    return path


def write(path: Path, size=(16, 12), exif: Image.Exif | None = None) -> Path:
    if path.suffix == ".jpg":
        plain = encoded(size)
        block = b"" if exif is None else segment(exif.tobytes())
        path.write_bytes(plain[:2] + block + plain[2:])
    else:
        Image.fromarray(pixels(size)).save(path, FORMATS.get(path.suffix), **({} if exif is None else {"exif": exif}))
    return path


def segment(exif: bytes) -> bytes:
    return b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif


@cache
def encoded(size) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels(size)).save(stream, "JPEG")
    return stream.getvalue()


def pixels(size) -> np.ndarray:
    width, height = size
    return np.full((height, width, 3), 90, np.uint8)


def text(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names_of(discovery) -> list[str]:
    """Scenes as the paths of their outputs, without suffix."""
    return [(scene.folder / scene.name).as_posix() for scene in discovery.scenes]


def left_of(discovery) -> dict[str, list[str]]:
    """Names of leftovers by their kind."""
    left: dict[str, list[str]] = {}
    for leftover in discovery.leftovers:
        left.setdefault(str(leftover.kind), []).extend(path.name for path in leftover.paths)
    return left

"""A bracket to try the tool on, written as a camera would write it, with its ground truth."""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from hdrfuse.data.procedural import ProceduralBracket, handheld_homography, photograph
from hdrfuse.data.study import SIZE, WHITE, study
from hdrfuse.errors import OutputError, WriteError

EVS = (-2.0, 0.0, 2.0)
REFERENCE_TIME_S = 1 / 60
F_NUMBER = 8.0
ISO = 200
TAKEN_AT = datetime(2024, 5, 4, 16, 20, 0)
MAKER, CAMERA = "hdrfuse", "hdrfuse demo"


@dataclass(frozen=True, kw_only=True)
class DemoFiles:
    """What write_demo wrote."""

    frames: tuple[Path, ...]
    """8-bit JPEG with EXIF, darkest first."""
    truth: Path
    """EXR, float: the scene as the reference met it; 1.0 = the reference's white, as in a merged result."""
    moving: Path
    """PNG, white where anything moves."""


def demo_bracket(seed: int = 0) -> ProceduralBracket:
    """Photograph the demo's scene by hand: 8 bit, a camera's contrast curve, -2, 0 and +2 EV."""
    scene_rng, camera_rng, noise_rng = np.random.default_rng(seed).spawn(3)
    reference = EVS.index(0.0)
    return photograph(
        noise_rng,
        study(scene_rng),
        size=SIZE,
        evs=EVS,
        times=[float(i - reference) for i in range(len(EVS))],
        cameras=[
            np.eye(3) if i == reference else handheld_homography(camera_rng, SIZE) for i in range(len(EVS))
        ],
        reference=reference,
        bits=8,
        encoding="contrast",
        photon_noise=2e-5,
        read_noise=1e-7,
    )


def write_demo(folder: Path, *, seed: int = 0, overwrite: bool = False) -> DemoFiles:
    """Write the demo's bracket into a folder, made where it is missing -> the files.

    The names of the truth and the mask (``*.gt.*``) keep them out of the bracket. The same seed gives the
    same files.

    Raises OutputError where one of the files exists (unless ``overwrite``) or the folder cannot be made,
    WriteError where writing fails; nothing half-written stays.
    """
    files = DemoFiles(
        frames=tuple(folder / f"demo-{i + 1}.jpg" for i in range(len(EVS))),
        truth=folder / "truth.gt.exr",
        moving=folder / "moving.gt.png",
    )
    for path in (*files.frames, files.truth, files.moving):
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made a folder: {error.strerror}") from error
    bracket = demo_bracket(seed)
    for i, (path, frame) in enumerate(zip(files.frames, bracket.frames, strict=True)):
        replace_file(path, encoded(frame, "JPEG", quality=95, subsampling="4:2:2", exif=frame_exif(i)))
    replace_file(files.moving, encoded(bracket.moving, "PNG"))
    write_truth(files.truth, bracket.truth / np.float32(WHITE))
    return files


def frame_exif(index: int) -> Image.Exif:
    """Return the EXIF block of a frame: exposure, time of capture, camera; one frame a second."""
    exif = Image.Exif()
    taken_at = (TAKEN_AT + timedelta(seconds=index)).strftime("%Y:%m:%d %H:%M:%S")
    exif[Base.Make], exif[Base.Model], exif[Base.DateTime] = MAKER, CAMERA, taken_at
    exif[Base.Orientation] = 1
    details = exif.get_ifd(IFD.Exif)
    details[Base.ExposureTime] = IFDRational(1, round(1 / (REFERENCE_TIME_S * 2 ** EVS[index])))
    details[Base.FNumber] = IFDRational(round(F_NUMBER * 10), 10)
    details[Base.ISOSpeedRatings] = ISO
    details[Base.DateTimeOriginal] = taken_at
    details[Base.ExposureBiasValue] = IFDRational(round(EVS[index]), 1)
    return exif


def encoded(pixels: NDArray[Any], kind: str, **options: object) -> bytes:
    """Encode pixels with Pillow -> the file's bytes."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there; WriteError where that fails."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WriteError(f"{path} was not written: {error.strerror}") from error


def write_truth(path: Path, radiance: NDArray[np.float32]) -> None:
    """Write radiance (H, W, 3) as a float EXR beside its place, then move it there; WriteError on failure."""
    part = path.with_name(f".{path.name}.part.exr")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    try:
        with OpenEXR.File(header, {"RGB": np.ascontiguousarray(radiance)}) as file:
            file.write(str(part))
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise WriteError(f"{path} was not written: {error}") from error

"""A bracket to try the tool on, written as a camera would write it, with its ground truth."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from hdrfuse.data.demo_scene import SIZE, WHITE, demo_scene
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, ProceduralBracket, handheld_homography, photograph
from hdrfuse.errors import OutputError
from hdrfuse.formats.atomic import check_writable
from hdrfuse.formats.image import Capture, RadianceFacts
from hdrfuse.formats.writers import Storage
from hdrfuse.formats.writing import write_image, write_jpeg, write_png

EVS = (-2.0, 0.0, 2.0)
REFERENCE_TIME_S = Fraction(1, 60)
F_NUMBER = 8
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
        demo_scene(scene_rng),
        size=SIZE,
        evs=EVS,
        times=[float(i - reference) for i in range(len(EVS))],
        cameras=[np.eye(3) if i == reference else handheld_homography(camera_rng, SIZE) for i in range(len(EVS))],
        reference=reference,
        bits=8,
        encoding="contrast",
        photon_noise=PHOTON_NOISE,
        read_noise=READ_NOISE,
    )


def write_demo(folder: Path, *, seed: int = 0, overwrite: bool = False) -> DemoFiles:
    """Write the demo's bracket into a folder, made where it is missing -> the files.

    The names of the truth and the mask (``*.gt.*``) keep them out of the bracket. The same seed gives the
    same files.

    Raises OutputError where one of the files exists (unless ``overwrite``) or the folder cannot be made,
    WriteError where writing fails; no file stays half-written.
    """
    files = DemoFiles(
        frames=tuple(folder / f"demo-{i + 1}.jpg" for i in range(len(EVS))),
        truth=folder / "truth.gt.exr",
        moving=folder / "moving.gt.png",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    for path in (*files.frames, files.truth, files.moving):
        check_writable(path, overwrite=overwrite, suffixes=frozenset({path.suffix}))
    bracket = demo_bracket(seed)
    for i, (path, frame) in enumerate(zip(files.frames, bracket.frames, strict=True)):
        write_jpeg(path, frame, exif=frame_exif(i).tobytes(), overwrite=overwrite)
    mask = np.repeat(bracket.moving[..., None], 3, -1).astype(np.uint8) * np.uint8(255)
    write_png(files.moving, mask, overwrite=overwrite)
    radiance = bracket.truth / np.float32(WHITE)
    facts, storage = truth_facts(bracket.reference), Storage(half=False)
    write_image(files.truth, radiance, facts, storage=storage, overwrite=overwrite)
    return files


def frame_exif(index: int) -> Image.Exif:
    """Return the EXIF of a frame: exposure, time of capture, camera; one frame a second."""
    exif = exposure_exif(REFERENCE_TIME_S * Fraction(2) ** round(EVS[index]))
    taken_at = (TAKEN_AT + timedelta(seconds=index)).strftime("%Y:%m:%d %H:%M:%S")
    exif[Base.Make], exif[Base.Model], exif[Base.DateTime] = MAKER, CAMERA, taken_at
    exif[Base.Orientation] = 1
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal] = taken_at
    details[Base.ExposureBiasValue] = IFDRational(round(EVS[index]), 1)
    return exif


def exposure_exif(time_s: Fraction) -> Image.Exif:
    """Return the EXIF of a frame that was exposed for a time at F_NUMBER and ISO."""
    exif = Image.Exif()
    details = exif.get_ifd(IFD.Exif)
    details[Base.ExposureTime] = IFDRational(time_s.numerator, time_s.denominator)
    details[Base.FNumber] = IFDRational(F_NUMBER, 1)
    details[Base.ISOSpeedRatings] = ISO
    return exif


def truth_facts(reference: int) -> RadianceFacts:
    """Return what stands beside the true radiance: the capture of the reference frame."""
    return RadianceFacts(
        capture=Capture(
            exposure_time_s=float(REFERENCE_TIME_S),
            f_number=float(F_NUMBER),
            iso=float(ISO),
            captured_at=TAKEN_AT + timedelta(seconds=reference),
            camera=CAMERA,
        )
    )

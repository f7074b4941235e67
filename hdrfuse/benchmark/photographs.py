"""Large JPEG photographs to measure speed on: the demo's scene enlarged, with detail of a pixel's size."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hdrfuse.data.demo import EVS, REFERENCE_TIME_S, exposure_exif
from hdrfuse.data.demo_scene import SIZE, WHITE, demo_scene
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, contrast_curve, handheld_homography, sense
from hdrfuse.data.texture import fractal_noise

DETAIL_STOPS = 0.35
"""Standard deviation of the texture that enlarging could not give."""

JPEG_QUALITY = 94


def photograph_size(megapixels: float) -> tuple[int, int]:
    """Width and height of a 3:2 photograph, multiples of 2."""
    width = round((megapixels * 1.5e6) ** 0.5 / 2) * 2
    return width, round(width / 3) * 2


def write_photographs(folder: Path, *, megapixels: float, seed: int = 0) -> list[Path]:
    """Write three hand-held 8-bit JPEG frames of a scene with movers into a folder -> their paths, darkest first.

    Exposure times stand in EXIF. About 0.4 bytes a pixel, as cameras' fine JPEG; takes about 80 bytes of memory
    a pixel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scene_rng, camera_rng, noise_rng = np.random.default_rng(seed).spawn(3)
    size = photograph_size(megapixels)
    scene = demo_scene(scene_rng)
    enlargement = size[0] / SIZE[0]
    shift = (enlargement - 1) / 2
    onto = np.array([[enlargement, 0, shift], [0, enlargement, shift], [0, 0, 1]])
    texture = fractal_noise(scene_rng, size[1], size[0], octaves=4, roughness=1.2)
    detail = np.exp2(np.float32(DETAIL_STOPS) * texture)
    encoding = np.rint(contrast_curve(np.linspace(0, 1, 65536, dtype=np.float32)) * 255).astype(np.uint8)
    paths = []
    for index, ev in enumerate(EVS):
        camera = np.eye(3) if ev == 0 else handheld_homography(camera_rng, size)
        exposure, _ = scene.seen(size, camera @ onto, float(index - 1))
        exposure *= cv2.warpPerspective(detail, camera, size, borderMode=cv2.BORDER_REFLECT)[..., None]
        exposure *= np.float32(2 ** (ev - EVS[1]) / WHITE)
        exposure = sense(noise_rng, exposure, PHOTON_NOISE, READ_NOISE)
        levels = encoding[(exposure * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]
        paths.append(folder / f"photograph-{index + 1}.jpg")
        exif = exposure_exif(REFERENCE_TIME_S * Fraction(2) ** round(ev)).tobytes()
        Image.fromarray(levels).save(paths[-1], "JPEG", quality=JPEG_QUALITY, subsampling="4:2:2", exif=exif)
    return paths

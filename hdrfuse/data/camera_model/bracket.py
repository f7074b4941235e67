"""Brackets of camera files: a collage photographed by a camera of a split, with its truth."""

from dataclasses import dataclass, replace

import numpy as np

from hdrfuse.data.camera_model.camera import Array, Camera, Picture, random_camera, read, with_exif
from hdrfuse.data.camera_model.exposure_times import nominal_time_s
from hdrfuse.data.collage import EVS, Collage, collage_bracket
from hdrfuse.data.procedural import Motion, ProceduralBracket
from hdrfuse.data.splits import Split

REFERENCE_THIRDS = -18
"""Thirds of a stop of the middle exposure: 1/64 s, which cameras call 1/60."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraBracket:
    """What a camera wrote of a scene."""

    bracket: ProceduralBracket
    """Decoded frames, the exposures that EXIF states, and the truth, 1.0 = white of the shortest frame."""
    files: tuple[bytes, ...]
    """JPEG with EXIF, darkest first."""
    camera: Camera


def camera_bracket(made: Collage, *, motion: Motion, split: Split) -> CameraBracket:
    """Photograph a collage at -2, 0 and +2 EV; the same collage and split give the same bytes."""
    camera_rng, noise_rng = np.random.default_rng([made.seed, 3]), np.random.default_rng([made.seed, 4])
    camera = random_camera(camera_rng, split)
    files: list[bytes] = []

    def take(exposure: Array) -> Picture:
        files.append(camera.photograph(noise_rng, exposure))
        return read(files[-1])

    taken = collage_bracket(made, motion=motion, take=take, lens_px=camera.sensor.lens_px)
    thirds = [REFERENCE_THIRDS + round(3 * ev) for ev in EVS]
    stops = np.log2([float(nominal_time_s(each) / nominal_time_s(REFERENCE_THIRDS)) for each in thirds])
    named = tuple(with_exif(file, each, iso=camera.sensor.iso) for file, each in zip(files, thirds, strict=True))
    return CameraBracket(bracket=replace(taken, evs=tuple(map(float, stops))), files=named, camera=camera)

"""Brackets of camera files: a collage photographed by a camera of a split, with its truth."""

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from hdrfuse.data.camera_model.camera import Array, Camera, Picture, random_camera, read, with_exif
from hdrfuse.data.camera_model.exposure_times import nominal_time_s
from hdrfuse.data.collage import EVS, REFERENCE, WHITE, Collage, collage_bracket
from hdrfuse.data.procedural import Motion, ProceduralBracket
from hdrfuse.data.splits import Split
from hdrfuse.imaging.color import luminance

REFERENCE_THIRDS = -18
"""Thirds of a stop of the middle exposure: 1/64 s, which cameras call 1/60."""

METERED = (0.08, 0.3)
"""Mean of the reference's luminance, 1.0 = white: a meter's 12.7 % (ISO 12232) less 2/3 EV or plus 5/4 EV."""

LEAST_GAIN_EV, MOST_GAIN_EV = -1.0, 3.0
"""By which a collage's own exposure is changed; darker by more would show where its lamps are cut off."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraBracket:
    """What a camera wrote of a scene."""

    bracket: ProceduralBracket
    """Decoded frames, the exposures that EXIF states, and Camera.truth, 1.0 = white of the shortest frame."""
    files: tuple[bytes, ...]
    """JPEG with EXIF, darkest first."""
    camera: Camera


def camera_bracket(made: Collage, *, motion: Motion, split: Split) -> CameraBracket:
    """Photograph a collage at -2, 0 and +2 EV; the same collage and split give the same bytes."""
    camera_rng, meter_rng, noise_rng = np.random.default_rng([made.seed, 3, get_args(Split).index(split)]).spawn(3)
    made = metered(meter_rng, made)
    camera = random_camera(camera_rng, split)
    lights: list[Array] = []
    files: list[bytes] = []

    def take(exposure: Array) -> Picture:
        lights.append(exposure)
        files.append(camera.photograph(noise_rng, exposure))
        return read(files[-1])

    taken = collage_bracket(made, motion=motion, take=take, lens_px=camera.sensor.lens_px)
    truth = camera.truth(lights[REFERENCE] * np.float32(WHITE), WHITE)
    thirds = [REFERENCE_THIRDS + round(3 * ev) for ev in EVS]
    stops = np.log2([float(nominal_time_s(each) / nominal_time_s(REFERENCE_THIRDS)) for each in thirds])
    named = tuple(with_exif(file, each, iso=camera.sensor.iso) for file, each in zip(files, thirds, strict=True))
    return CameraBracket(bracket=replace(taken, evs=tuple(map(float, stops)), truth=truth), files=named, camera=camera)


def metered(rng: np.random.Generator, made: Collage) -> Collage:
    """Let a camera meter a collage: its light scaled so that the reference frame is neither dark nor pale."""
    light = luminance(made.scene.seen(made.size, np.eye(3), 0.0)[0][::4, ::4]) / np.float32(WHITE)
    target = np.exp(rng.uniform(*np.log(METERED)))
    gains = np.exp2(np.arange(LEAST_GAIN_EV, MOST_GAIN_EV, 1 / 16))
    gain = np.float32(gains[np.argmin([abs(np.minimum(gain * light, 1).mean() - target) for gain in gains])])
    movers = tuple(
        replace(each, sprite=each.sprite * np.array([gain, gain, gain, 1], np.float32)) for each in made.scene.movers
    )
    return replace(made, scene=replace(made.scene, backdrop=made.scene.backdrop * gain, movers=movers))

"""Camera scenes: collages that cameras photograph, prepared as a merge prepares their files, packed for training.

What the network sees of a camera's files is what calibration and registration leave of them, which no short model of
errors tells: so they are calibrated and registered by the merge's own code, whole, and crops are cut out of the result.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hdrfuse.data.camera_model.bracket import camera_bracket
from hdrfuse.data.collage import Array, collage
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.packing import packed_state
from hdrfuse.data.patches import PackedScene, make_folder, write_packed
from hdrfuse.data.procedural import Motion, ProceduralBracket
from hdrfuse.data.sample import BracketSample
from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.formats.atomic import replacing
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.color import GAMMA
from hdrfuse.metrics.tone import align_tone
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import prepare_bracket
from hdrfuse.progress import Clock

SCENES = 84
"""Each training image of the published set once, each by another camera; 1.1 GB."""

SIZE = (768, 576)
"""Pixels, width and height: what `bench --camera` scores, so that calibration sees as much of a scene."""

MOTION_SHARES: dict[Motion, float] = {"static": 0.2, "moving": 0.4, "handheld": 0.1, "handheld-moving": 0.3}
"""Of the scenes; most is to be learned where something moves."""

FORM = "1"
"""Changes with what is made of an image, so that older scenes are not read."""

WELL_EXPOSED = (0.15, 0.9)
"""Gamma-encoded values of the reference between which its own tones are taken: above noise and cut-off blacks, and
below what roll-off and JPEG leave uncertain; beside it, values of the other frames."""


def open_camera_scenes(
    library: ImageLibrary,
    cache: Path,
    *,
    count: int = SCENES,
    size: tuple[int, int] = SIZE,
    report: Callable[[str], None] = lambda name: None,
) -> tuple[PackedScene, ...]:
    """Return scenes of the library's images, made once and kept in a cache folder; `report` gets each one's name.

    Making one takes about four seconds of a core. An interrupted call is continued by the next. Raises OutputError or
    WriteError where the folder takes nothing.
    """
    make_folder(cache)
    files = json.dumps([FORM, size, packed_state(library.folder), [image.name for image in library.images]])
    state = hashlib.sha256(files.encode()).hexdigest()[:12]
    scenes = []
    for seed in range(count):
        stem = f"camera-{seed:04d}-{state}"
        exposures = cache / f"{stem}.evs.npy"
        if not exposures.is_file():  # the last that is written
            report(f"camera scene {seed + 1} of {count}")
            sample = camera_sample(library, seed, size)
            write_packed(sample, packed_scene(cache, stem, np.log2(sample.exposure)))
            with replacing(exposures, overwrite=True) as path, path.open("wb") as file:
                np.save(file, np.log2(sample.exposure))
        scenes.append(packed_scene(cache, stem, np.load(exposures)))
    return tuple(scenes)


def packed_scene(cache: Path, stem: str, evs: Array) -> PackedScene:
    """Where a scene lies in a cache folder."""
    return PackedScene(
        name=stem,
        evs=tuple(map(float, evs)),
        frames=cache / f"{stem}.frames.npy",
        radiance=cache / f"{stem}.radiance.npy",
    )


def camera_sample(library: ImageLibrary, seed: int, size: tuple[int, int]) -> BracketSample:
    """Return what the network is given of a camera's files, a camera of the training split, and what it should give."""
    motion_rng = np.random.default_rng([seed, 4])
    motion = list(MOTION_SHARES)[int(motion_rng.choice(len(MOTION_SHARES), p=list(MOTION_SHARES.values())))]
    taken = camera_bracket(collage(library, seed, size), motion=motion, split="train").bracket
    bracket = bracket_of_arrays(taken.frames, taken.evs, reference=taken.reference, binding=True)
    prepared = prepare_bracket(bracket, MergeOptions(), Clock(None))
    triplet = Triplet.of(prepared.frames, bracket.reference)
    ldr = triplet.encoded()
    return BracketSample(ldr=ldr, exposure=triplet.exposures, radiance=rendered_truth(taken, ldr, triplet.exposures))


def rendered_truth(taken: ProceduralBracket, ldr: Array, exposures: Array) -> Array:
    """Truth (H, W, 3) in the tones of the calibrated frames (3, H, W, 3), 1.0 = white of the shortest frame.

    Calibration knows radiance up to a smooth tone a channel: that of the reference, and of the other frames where it
    clips or is dark and nothing moves.
    """
    short, own, long = (
        frame ** np.float32(GAMMA) * (exposures[1] / gain) for frame, gain in zip(ldr, exposures, strict=True)
    )
    least, most = WELL_EXPOSED
    still = ~taken.moving[..., None]
    shown = np.where(ldr[1] < most, own, np.where(still & (ldr[0] < most), short, np.inf))
    shown = np.where((ldr[1] < least) & still & (ldr[2] < most), long, shown)
    stated = np.float32(2.0 ** (taken.evs[1] - taken.evs[0]))
    return np.clip(align_tone(taken.truth * stated, shown) / exposures[1], 0, 1)

"""Procedural brackets: scenes of noise and shapes, taken by a simple camera, with their truth."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.degradation import add_noise
from hdrfuse.data.movers import SUPERSAMPLING, Mover, composite, random_mover
from hdrfuse.data.scenery import backdrop
from hdrfuse.data.texture import Field
from hdrfuse.errors import UsageError
from hdrfuse.imaging.color import GAMMA, srgb_encode
from hdrfuse.imaging.radiometry import NoiseModel

Motion = Literal["static", "moving", "handheld", "handheld-moving"]
Encoding = Literal["gamma", "srgb", "linear", "contrast"]
Homography = NDArray[np.float64]

PHOTON_NOISE, READ_NOISE = 2e-5, 1e-7
"""Variance in linear exposure, per exposure and alone, of a good camera at about ISO 200."""


@dataclass(frozen=True, kw_only=True)
class ProceduralBracket:
    """A bracket with everything that is true of it."""

    frames: tuple[NDArray[Any], ...]
    """(H, W, 3) uint8 or uint16, display-encoded, darkest first."""
    evs: tuple[float, ...]
    reference: int
    """Index of the reference frame: the middle one, of two middle ones the darker."""
    truth: NDArray[np.float32]
    """(H, W, 3) the scene as the reference met it, in [0, 1]; 1.0 = white of the shortest frame."""
    moving: NDArray[np.bool_]
    """(H, W) in the reference's view, what any mover covers in any frame."""
    homographies: tuple[Homography, ...]
    """(3, 3) each, from the reference's pixel coordinates to the frame's; pixel centres are whole numbers."""


@dataclass(frozen=True, kw_only=True)
class ProceduralScene:
    """A backdrop with its movers; radiance 1.0 = white of the shortest frame."""

    backdrop: Field
    """(H, W, 3) at SUPERSAMPLING, larger than the frame on every side."""
    margin_px: int
    """By how many pixels of the frame it is larger, for cameras that move."""
    movers: tuple[Mover, ...]

    def backdrop_to_frame(self) -> Homography:
        """Return the matrix (3, 3) from the backdrop's pixels to the reference frame's, areas onto areas."""
        shift = 0.5 / SUPERSAMPLING - self.margin_px - 0.5
        return np.array([[1 / SUPERSAMPLING, 0, shift], [0, 1 / SUPERSAMPLING, shift], [0, 0, 1]])

    def seen(
        self, size: tuple[int, int], homography: Homography, time: float
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what a camera sees at a time in frames -> radiance (H, W, 3) and where movers are (H, W)."""
        seen = cv2.warpPerspective(
            self.backdrop,
            homography @ self.backdrop_to_frame(),
            size,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        view = seen.astype(np.float32, copy=False)
        covered = np.zeros(view.shape[:2], np.bool_)
        for mover in self.movers:
            covered |= composite(view, mover.sprite, homography @ mover.pose(time))
        return np.maximum(view, 0), covered


def contrast_curve(exposure: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode like a camera's JPEG: steeper than sRGB from black up to a short shoulder at white."""
    return 1 - (1 - np.clip(srgb_encode(exposure), 0, 1) ** 1.5) ** 1.2


ENCODINGS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "gamma": lambda exposure: exposure ** np.float32(1 / GAMMA),
    "srgb": srgb_encode,
    "linear": lambda exposure: exposure,
    "contrast": contrast_curve,
}
"""From linear exposure in [0, 1] to display values in [0, 1], float32."""


def procedural_bracket(
    seed: int,
    *,
    motion: Motion,
    size: tuple[int, int] = (1024, 768),
    evs: tuple[float, ...] = (-2.0, 0.0, 2.0),
    bits: Literal[8, 16] = 16,
    encoding: Encoding = "gamma",
    photon_noise: float = PHOTON_NOISE,
    read_noise: float = READ_NOISE,
) -> ProceduralBracket:
    """Make a bracket of a random scene, ``size`` (width, height); the same arguments give the same bytes.

    The seed alone decides the scene and its paths, so the four kinds of motion show the same things.
    ``photon_noise`` (times the exposure) and ``read_noise`` are variances in linear exposure, 1.0 = white;
    the defaults are those of a good camera at about ISO 200. About 3 to 12 % of the reference clips.
    Takes about 2 s at the default size, and 300 bytes of memory a pixel at any.

    Raises UsageError for EVs that do not rise, sizes below 16 pixels and unknown choices.
    """
    check_arguments(motion, size, evs, bits, encoding)
    scene_rng, motion_rng, noise_rng = np.random.default_rng(seed).spawn(3)
    reference = (len(evs) - 1) // 2
    scene = random_scene(scene_rng, size, white=2.0 ** (evs[0] - evs[reference]))
    times = [float(i - reference) if motion.endswith("moving") else 0.0 for i in range(len(evs))]
    cameras = [np.eye(3) if i == reference else handheld_homography(motion_rng, size) for i in range(len(evs))]
    if not motion.startswith("handheld"):
        cameras = [np.eye(3)] * len(evs)
    return photograph(
        noise_rng,
        scene,
        size=size,
        evs=evs,
        times=times,
        cameras=cameras,
        reference=reference,
        bits=bits,
        encoding=encoding,
        photon_noise=photon_noise,
        read_noise=read_noise,
    )


def check_arguments(motion: str, size: tuple[int, int], evs: tuple[float, ...], bits: int, encoding: str) -> None:
    """Raise UsageError for anything that procedural_bracket cannot make."""
    if motion not in get_args(Motion):
        raise UsageError(f"motion {motion!r} is none of {', '.join(get_args(Motion))}")
    if encoding not in ENCODINGS:
        raise UsageError(f"encoding {encoding!r} is none of {', '.join(ENCODINGS)}")
    if bits not in (8, 16):
        raise UsageError(f"{bits} bits a channel; a bracket has 8 or 16")
    if min(size) < 16:
        raise UsageError(f"a scene of {size[0]}x{size[1]} pixels; at least 16x16 are needed")
    if len(evs) < 2 or not all(-np.inf < a < b < np.inf for a, b in pairwise(evs)):
        raise UsageError(f"EVs {evs} are not two or more rising numbers")


def random_scene(rng: np.random.Generator, size: tuple[int, int], *, white: float) -> ProceduralScene:
    """Make a scene whose radiance ``white``, the reference frame's, is passed by 3 to 12 % of the view."""
    scale = max(size) / 1024
    margin_px = int(np.ceil(64 * max(scale, 0.25)))
    width, height = (SUPERSAMPLING * (extent + 2 * margin_px) for extent in size)
    radiance = backdrop(rng, width, height)
    expose(rng, radiance, white)
    # The lens: nothing is sharper than a pixel, so that every frame can be sampled without aliasing.
    cv2.GaussianBlur(radiance, (0, 0), 0.5 * SUPERSAMPLING, dst=radiance)
    inner = slice(SUPERSAMPLING * margin_px, -SUPERSAMPLING * margin_px, SUPERSAMPLING)
    bright = peak(radiance[inner, inner]) > white
    count = int(rng.integers(1, 5))
    movers = tuple(random_mover(rng, bright, white=white, scale=scale) for _ in range(count))
    return ProceduralScene(backdrop=radiance, margin_px=margin_px, movers=movers)


def expose(rng: np.random.Generator, radiance: Field, white: float) -> None:
    """Scale radiance (H, W, 3) in place: 3 to 11 % end above ``white``, 0.1 to 1.5 % above 1.0."""
    peaks = peak(radiance[::4, ::4])
    radiance *= white / np.quantile(peaks, 1 - rng.uniform(0.03, 0.11))
    peaks = peak(radiance[::4, ::4])
    top = float(np.quantile(peaks, 1 - rng.uniform(0.001, 0.015)))
    if white < 1 and top > white:
        # Highlights are spread along a power, so that the shortest frame holds nearly all of them.
        power = min(3.0, float(np.log(1 / white) / np.log(top / white)))
        glare = np.maximum(peak(radiance) / np.float32(white), 1)
        radiance *= (glare ** np.float32(power - 1))[..., None]


def peak(radiance: Field) -> Field:
    """Return the largest channel (H, W) of a radiance (H, W, 3)."""
    return np.maximum(np.maximum(radiance[..., 0], radiance[..., 1]), radiance[..., 2])


def handheld_homography(rng: np.random.Generator, size: tuple[int, int]) -> Homography:
    """Move a camera as a hand does: up to 25 px at 1024, 0.7 degrees, 0.5 % and a little perspective."""
    width, height = size
    scale = max(size) / 1024
    turn, zoom = np.deg2rad(rng.uniform(-0.7, 0.7)), 1 + rng.uniform(-0.005, 0.005)
    direction, reach = rng.uniform(0, 2 * np.pi), scale * rng.uniform(5, 25)
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    tilt = rng.uniform(-1, 1, 2) * 3e-6 / scale
    centred = np.array([[cos, -sin, reach * np.cos(direction)], [sin, cos, reach * np.sin(direction)], [*tilt, 1]])
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    homography: Homography = middle @ centred @ np.linalg.inv(middle)
    return homography / homography[2, 2]


def photograph(
    rng: np.random.Generator,
    scene: ProceduralScene,
    *,
    size: tuple[int, int],
    evs: tuple[float, ...],
    times: list[float],
    cameras: list[Homography],
    reference: int,
    bits: Literal[8, 16],
    encoding: Encoding,
    photon_noise: float,
    read_noise: float,
    take: Callable[[NDArray[np.float32]], NDArray[np.uint8]] | None = None,
    lens_px: float = 0.0,
) -> ProceduralBracket:
    """Take every frame of the scene at its time and from its camera -> the bracket with its truth.

    `take` makes the file's pixels of a linear exposure (H, W, 3), 1.0 = white, in place of noise and encoding;
    `lens_px` is the standard deviation of what the optics blur, the truth too.
    """
    frames: list[NDArray[Any]] = []
    views = {}
    moving = np.zeros(size[::-1], np.bool_)
    for ev, time, camera in zip(evs, times, cameras, strict=True):
        key = (time, camera.tobytes())
        if key not in views:
            views = {key: blurred(scene.seen(size, camera, time)[0], lens_px)}
        light = views[key] * np.float32(2 ** (ev - evs[0]))
        if take is not None:
            frames.append(take(light))
            continue
        exposure = sense(rng, light, photon_noise, read_noise)
        levels = 2**bits - 1
        encoded = np.rint(ENCODINGS[encoding](exposure) * levels)
        frames.append(encoded.astype(np.uint8 if bits == 8 else np.uint16))
    truth = np.clip(blurred(scene.seen(size, np.eye(3), times[reference])[0], lens_px), 0, 1)
    if len(set(times)) > 1:
        blank = np.zeros_like(truth)
        for mover in scene.movers:
            for time in times:
                moving |= composite(blank, mover.sprite, mover.pose(time))
    return ProceduralBracket(
        frames=tuple(frames),
        evs=evs,
        reference=reference,
        truth=truth,
        moving=moving,
        homographies=tuple(cameras),
    )


def blurred(view: NDArray[np.float32], lens_px: float) -> NDArray[np.float32]:
    """Blur a view (H, W, 3) as a lens and an optical low-pass filter do."""
    if lens_px == 0.0:
        return view
    return np.asarray(cv2.GaussianBlur(view, (0, 0), lens_px), np.float32)


def sense(
    rng: np.random.Generator, exposure: NDArray[np.float32], photon_noise: float, read_noise: float
) -> NDArray[np.float32]:
    """Add a sensor's noise to a linear exposure (H, W, 3) and clip it at its white -> [0, 1]."""
    normal = rng.standard_normal(exposure.shape, dtype=np.float32)
    return add_noise(exposure, normal, NoiseModel(shot=photon_noise, read=read_noise))

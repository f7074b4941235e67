"""A bracket: frames of one scene, decoded, in the order of their exposures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.exposure import ESTIMATE, GIVEN, Exposure, GivenExposures, Uncertainty, infer_exposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import BracketError
from hdrfuse.formats import (
    RAW_SUFFIXES,
    REC709,
    Capture,
    Chromaticities,
    DecodedImage,
    ImageHeader,
    Pixels,
    read_image,
    read_white_balance,
)
from hdrfuse.formats.scene_referred import clipping_white
from hdrfuse.imaging.calibration.contradiction import StatedFrame, reconcile_exposures
from hdrfuse.imaging.calibration.estimate import estimate_exposures, estimates_in_words
from hdrfuse.imaging.calibration.response import response_curve
from hdrfuse.imaging.damage import check_repeats
from hdrfuse.imaging.headers import HEADERS, check_alike, named_reference, read_headers
from hdrfuse.imaging.orientations import common_orientation, orient_alike
from hdrfuse.imaging.scale import below, scale_of
from hdrfuse.text import counted
from hdrfuse.threads import in_threads


@dataclass(frozen=True, kw_only=True)
class BracketSettings:
    """What frames are looked at for before they are calibrated; chosen by hand where no source is named."""

    mostly: float = 0.5
    """A frame of which more than this share is clipped or black is no reference."""
    dark: float = 0.04
    """Encoded value, as a share of white, from which a pixel counts as well exposed,"""
    bright: float = 0.96
    """and up to which it does."""
    samples_per_side: int = 256
    """Statistics of a whole frame are taken on a grid of about this many pixels a side; performance only."""
    histogram_side: int = 128
    """Histograms need no more of them than about this many a side; performance only."""


BRACKET = BracketSettings()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One exposure of a bracket."""

    name: str
    pixels: Pixels
    """(H, W, 3), display-encoded integers or linear floats, upright, RGB."""
    white: float
    """Pixel value at which the frame clips; inf for scene-referred floats, whose 1.0 is their bracket's unit."""
    linear: bool
    ev: float
    ev_source: str
    ev_uncertainty: Uncertainty | None = None
    """None for what is stated."""
    capture: Capture
    covered: NDArray[np.bool_] | None = None
    """(H, W) where the frame holds data, None = everywhere; its pixels are 0 elsewhere."""
    shared: NDArray[np.bool_] | None = None
    """(H, W) where all frames of its bracket hold data; None = everywhere."""
    exif: bytes | None = None
    path: Path | None = None
    """The file it was read from; None for an array."""

    @property
    def stated(self) -> Exposure:
        """Its exposure, with where that is known from."""
        return Exposure(ev=self.ev, source=self.ev_source, uncertainty=self.ev_uncertainty)

    def encoded_samples(self) -> NDArray[np.float32]:
        """(h, w, 3) pixels on a coarse grid as a share of white; scene-referred floats up to 1.0.

        Where a frame of the bracket does not cover everything, (n, 1, 3): those that all cover.
        """
        height, width = self.pixels.shape[:2]
        step_y, step_x = max(1, height // BRACKET.samples_per_side), max(1, width // BRACKET.samples_per_side)
        grid = (slice(step_y // 2, None, step_y), slice(step_x // 2, None, step_x))
        samples = self.pixels[grid].astype(np.float32)
        for mask in (self.shared, self.covered):
            if mask is not None and mask[grid].any():
                samples = samples[mask[grid]][:, None]
                break
        return samples / np.float32(self.white) if np.isfinite(self.white) else np.minimum(samples, np.float32(1.0))


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """Frames of one scene, darkest first."""

    name: str
    frames: tuple[Frame, ...]
    reference: int
    """Index of the frame whose motion the result shows."""
    chromaticities: Chromaticities
    unit: float = 1.0
    """Value of the files that the frames call 1.0, if they are scene-referred; else 1.0, which is white."""
    warnings: tuple[str, ...] = ()

    @property
    def relative_evs(self) -> tuple[float, ...]:
        """EVs relative to the reference's."""
        return tuple(frame.ev - self.frames[self.reference].ev for frame in self.frames)

    @property
    def ev_intervals(self) -> tuple[tuple[float, float] | None, ...]:
        """Where estimated EVs relative to the reference's lie in nine brackets of ten; None for stated ones."""
        return tuple(frame.stated.interval_ev(self.frames[self.reference].stated) for frame in self.frames)


def read_bracket(
    scene: Scene,
    *,
    exposures: GivenExposures | None = None,
    exposures_by: str = GIVEN,
    reference: str | int = "auto",
    response: str | Path = "auto",
) -> Bracket:
    """Read a scene's frames; headers are checked against each other before any pixel is decoded.

    `exposures_by` names the text file that `exposures` were read from, if the user did not give them; `response` is
    the curve under which they are estimated, if they are. Raises ImageError for a damaged file, BracketError where
    sizes or channels differ, ExposureError where exposures cannot be known or the pictures contradict the user's,
    UsageError for a reference that is not there.
    """
    headers, inferred, warnings = read_headers(
        scene, exposures=exposures, exposures_by=exposures_by, reference=reference
    )
    orientation = common_orientation(headers)
    raw = [path for path in scene.files if path.suffix.lower() in RAW_SUFFIXES]
    white_balance = read_white_balance(raw[0]) if raw else None

    def decode(path: Path) -> DecodedImage:
        return read_image(path, white_balance=white_balance if path in raw else None)

    images = list(in_threads(decode, scene.files, count=HEADERS.decoders))
    if isinstance(exposures, str):
        inferred = _estimated(images, response)
    if orientation is not None:
        images, turned = orient_alike(images, [exposure.ev for exposure in inferred], orientation)
        check_alike([image.header for image in images])
        warnings = [*warnings, *turned]
    warnings = [*warnings, *check_repeats(images, [exposure.ev for exposure in inferred])]
    frames = [
        replace(_frame(image, exposure), path=path)
        for path, image, exposure in zip(scene.files, images, inferred, strict=True)
    ]
    return make_bracket(
        frames,
        name=scene.name,
        reference=reference,
        chromaticities=headers[0].chromaticities,
        warnings=[*scene.warnings, *warnings],
    )


def bracket_of_arrays(
    arrays: Sequence[Pixels], exposures: GivenExposures, *, reference: str | int = "auto",
    response: str | Path = "auto", binding: bool = False,
) -> Bracket:  # fmt: skip
    """Build a bracket from (H, W, 3) arrays: uint8 and uint16 are display-encoded, floats are linear.

    Exposures that are `binding`, as a protocol's are, are kept even where the pixels contradict them. Raises
    BracketError for arrays that form no bracket, ExposureError for exposures that are none or are contradicted.
    """
    if len(arrays) < 2:
        raise BracketError(f"{counted(len(arrays), 'array')} given; a bracket needs at least 2")
    if not isinstance(exposures, str) and len(exposures) != len(arrays):
        raise BracketError(f"{counted(len(exposures), 'EV')} for {counted(len(arrays), 'array')}")
    headers = []
    for index, array in enumerate(arrays):
        if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
            raise BracketError(f"frame {index}: shape {array.shape} where (height, width, 3) was expected")
        if array.dtype not in (np.uint8, np.uint16) and not np.issubdtype(array.dtype, np.floating):
            raise BracketError(f"frame {index}: dtype {array.dtype}; uint8, uint16 or float was expected")
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise BracketError(f"frame {index}: holds NaN or infinity")
        headers.append(
            ImageHeader(
                path=Path(f"frame {index}"), width=array.shape[1], height=array.shape[0], channels=3,
                dtype=str(array.dtype), linear=bool(np.issubdtype(array.dtype, np.floating)),
            )
        )  # fmt: skip
    check_alike(headers)
    inferred, _ = infer_exposures(headers, given=exposures)
    images = []
    for header, array in zip(headers, arrays, strict=True):
        pixels = np.maximum(array, 0).astype(np.float32) if header.linear else np.ascontiguousarray(array)
        white = clipping_white(pixels) if header.linear else float(np.iinfo(array.dtype).max)
        images.append(DecodedImage(header=header, pixels=pixels, white=white))
    if isinstance(exposures, str):
        inferred = _estimated(images, response)
    frames = [_frame(image, exposure) for image, exposure in zip(images, inferred, strict=True)]
    return make_bracket(frames, reference=reference, binding=binding)


def make_bracket(
    frames: Sequence[Frame],
    *,
    name: str = "scene",
    reference: str | int = "auto",
    chromaticities: Chromaticities = REC709,
    warnings: Sequence[str] = (),
    binding: bool = False,
) -> Bracket:
    """Order frames by exposure, as far as the pixels do not contradict it, and choose the reference.

    Linear floats are put on one scale in place. Exposures that are `binding` are kept whatever the pixels say. Raises
    ExposureError where the pixels contradict exposures that the user gave, and where none can be estimated.
    """
    frames, unit = _scale_alike(frames)
    masks = [frame.covered for frame in frames if frame.covered is not None]
    if masks:
        frames = [replace(frame, shared=np.logical_and.reduce(masks)) for frame in frames]
    exposures, noted = reconcile_exposures([_picture(frame) for frame in frames], binding=binding)
    reconciled = [
        replace(frame, ev=exposure.ev, ev_source=exposure.source, ev_uncertainty=exposure.uncertainty)
        for frame, exposure in zip(frames, exposures, strict=True)
    ]
    ordered = sorted(reconciled, key=lambda frame: (frame.ev, frame.name))
    bracket = Bracket(
        name=name,
        frames=tuple(ordered),
        reference=_choose_reference(ordered, reference),
        chromaticities=chromaticities,
        unit=unit,
        warnings=(*warnings, *noted),
    )
    return _relative_to_reference(bracket) if frames[0].ev_source == ESTIMATE else bracket


def _estimated(images: Sequence[DecodedImage], response: str | Path) -> list[Exposure]:
    """Exposures by the pictures, in the order of the files. Raises ExposureError where they tell none."""
    unknown = Exposure(ev=0.0, source=ESTIMATE)
    coarse = [_coarse(_frame(image, unknown)) for image in images]
    order = sorted(range(len(coarse)), key=lambda index: (float(coarse[index].pixels.mean()), coarse[index].name))
    rising, _ = _scale_alike([replace(coarse[index], ev=float(place)) for place, index in enumerate(order)])
    estimates = estimate_exposures(
        [frame.name for frame in rising], [_picture(frame).samples for frame in rising],
        linear=rising[0].linear, curve=None if rising[0].linear else response_curve(response),
    )  # fmt: skip
    by_index = dict(zip(order, estimates, strict=True))
    return [by_index[index] for index in range(len(images))]


def _coarse(frame: Frame) -> Frame:
    """A copy of a frame on a coarse grid."""
    grid = tuple(slice(None, None, max(1, side // BRACKET.samples_per_side)) for side in frame.pixels.shape[:2])
    covered = None if frame.covered is None else frame.covered[grid]
    return replace(frame, pixels=frame.pixels[grid].copy(), covered=covered)


def _relative_to_reference(bracket: Bracket) -> Bracket:
    """Call the reference of an estimated bracket 0 EV, with a warning of what is known of the others."""
    zero = bracket.frames[bracket.reference]
    frames = tuple(replace(frame, ev=frame.ev - zero.ev) for frame in bracket.frames)
    warning = estimates_in_words(
        [frame.name for frame in frames], [frame.stated for frame in frames], bracket.reference
    )
    return replace(bracket, frames=frames, warnings=(*bracket.warnings, warning))


def _scale_alike(frames: Sequence[Frame]) -> tuple[Sequence[Frame], float]:
    """Give linear floats one unit, in place, and return what their 1.0 is worth in the result.

    Where a frame ends below the others' white or far above the scene, its plateau is no data but in the darkest one.
    """
    if not all(np.issubdtype(frame.pixels.dtype, np.floating) for frame in frames):
        return frames, 1.0
    frames = sorted(frames, key=lambda frame: frame.ev)
    scale = scale_of([frame.pixels for frame in frames], [frame.white for frame in frames])
    scaled = []
    for index, frame in enumerate(frames):
        if not scale.clips_at(frame.white):
            measured = below(frame.pixels, frame.white) if index > 0 else None
            masks = [mask for mask in (frame.covered, measured) if mask is not None]
            np.multiply(frame.pixels, np.float32(1.0 / scale.unit), out=frame.pixels)
            covered = np.logical_and.reduce(masks) if masks else None
            scaled.append(replace(frame, white=float("inf"), covered=covered))
        else:
            scaled.append(frame)
    return scaled, 1.0 if scale.white else scale.unit


def _frame(image: DecodedImage, exposure: Exposure) -> Frame:
    if image.covered is not None:
        image.pixels[~image.covered] = 0  # whatever colour a transparent pixel has
    return Frame(
        name=image.header.path.name,
        pixels=image.pixels,
        white=image.white,
        linear=image.header.linear,
        ev=exposure.ev,
        ev_source=exposure.source,
        ev_uncertainty=exposure.uncertainty,
        capture=image.header.capture,
        covered=image.covered,
        exif=image.exif,
    )


def _picture(frame: Frame) -> StatedFrame:
    samples = frame.encoded_samples()
    step = max(1, min(samples.shape[:2]) // BRACKET.histogram_side)
    return StatedFrame(
        name=frame.name,
        exposure=frame.stated,
        samples=samples[::step, ::step],
        linear=frame.linear,
    )


def _choose_reference(ordered: Sequence[Frame], wanted: str | int) -> int:
    if wanted != "auto":
        return named_reference([frame.name for frame in ordered], wanted)
    count = len(ordered)
    middles = [count // 2] if count % 2 else [count // 2 - 1, count // 2]
    quality = [_well_exposed(frame) for frame in ordered]
    best = max(middles, key=lambda index: quality[index])
    if quality[best] < 1.0 - BRACKET.mostly:
        neighbours = [index for index in (best - 1, best, best + 1) if 0 <= index < count]
        best = max(neighbours, key=lambda index: quality[index])
    return best


def _well_exposed(frame: Frame) -> float:
    samples = frame.encoded_samples()
    peak = samples.max(axis=2)
    usable = (peak > BRACKET.dark) & (peak < BRACKET.bright) if np.isfinite(frame.white) else peak > 0.0
    return float(np.mean(usable))

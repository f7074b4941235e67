"""A bracket: frames of one scene, decoded, in the order of their exposures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from hdrfuse.brackets.exposure import ESTIMATE, GIVEN, Exposure, GivenExposures, infer_exposures
from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import BracketError
from hdrfuse.formats import (
    RAW_SUFFIXES,
    REC709,
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
from hdrfuse.imaging.calibration.white_level import least_channel_whites, white_levels
from hdrfuse.imaging.compatibility import COMPATIBILITY, check_alike
from hdrfuse.imaging.damage import check_repeats
from hdrfuse.imaging.frame import FRAME, Frame
from hdrfuse.imaging.headers import read_headers
from hdrfuse.imaging.orientations import orient_alike
from hdrfuse.imaging.reference import choose_reference
from hdrfuse.imaging.scale import below, scale_of
from hdrfuse.text import counted
from hdrfuse.threads import in_threads

HISTOGRAM_SIDE = 128
"""Histograms need no more of the samples than about this many a side; performance only."""


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

    @cached_property
    def white_levels(self) -> tuple[float, ...]:
        """Encoded value, a share of the highest, at which each frame is white; 1.0 for linear frames."""
        if self.frames[0].linear:
            return (1.0,) * len(self.frames)
        return white_levels([frame.encoded_samples() for frame in self.frames])

    @cached_property
    def least_channel_whites(self) -> tuple[float, ...]:
        """Encoded value, a share of the highest, at which any channel of a frame is white; 1.0 for linear frames."""
        if self.frames[0].linear:
            return (1.0,) * len(self.frames)
        return least_channel_whites([frame.encoded_samples() for frame in self.frames])

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
    known = read_headers(scene, exposures=exposures, exposures_by=exposures_by, reference=reference)
    raw = [path for path in scene.files if path.suffix.lower() in RAW_SUFFIXES]
    white_balance = read_white_balance(raw[0]) if raw else None

    def decode(path: Path) -> DecodedImage:
        return read_image(path, white_balance=white_balance if path in raw else None)

    images = list(in_threads(decode, scene.files, count=COMPATIBILITY.decoders))
    inferred = _estimated(images, response) if isinstance(exposures, str) else known.exposures
    evs = [exposure.ev for exposure in inferred]
    warnings = [*known.warnings]
    if known.orientation is not None:
        images, turned = orient_alike(images, evs, known.orientation)
        check_alike([image.header for image in images])
        warnings += turned
    warnings += check_repeats(images, evs)
    frames = [
        replace(_frame(image, exposure), path=path)
        for path, image, exposure in zip(scene.files, images, inferred, strict=True)
    ]
    return make_bracket(
        frames,
        name=scene.name,
        reference=reference,
        chromaticities=known.headers[0].chromaticities,
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
    headers = [_array_header(index, array) for index, array in enumerate(arrays)]
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


def _array_header(index: int, array: Pixels) -> ImageHeader:
    """What a file of an array would say. Raises BracketError for what is no picture."""
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise BracketError(f"frame {index}: shape {array.shape} where (height, width, 3) was expected")
    floats = bool(np.issubdtype(array.dtype, np.floating))
    if array.dtype not in (np.uint8, np.uint16) and not floats:
        raise BracketError(f"frame {index}: dtype {array.dtype}; uint8, uint16 or float was expected")
    if floats and not np.isfinite(array).all():
        raise BracketError(f"frame {index}: holds NaN or infinity")
    height, width, _ = array.shape
    return ImageHeader(
        path=Path(f"frame {index}"), width=width, height=height, channels=3, dtype=str(array.dtype), linear=floats
    )


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
        reference=choose_reference(ordered, reference),
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
    grid = tuple(slice(None, None, max(1, side // FRAME.samples_per_side)) for side in frame.pixels.shape[:2])
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
    step = max(1, min(samples.shape[:2]) // HISTOGRAM_SIDE)
    return StatedFrame(
        name=frame.name,
        exposure=frame.stated,
        samples=samples[::step, ::step],
        linear=frame.linear,
    )

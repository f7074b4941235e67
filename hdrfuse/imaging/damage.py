"""Damage that no checksum shows: places where a file repeats one sector, though other frames show the scene there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import ImageError
from hdrfuse.formats import DecodedImage
from hdrfuse.imaging.color import srgb_decode
from hdrfuse.setting_limits import Settings


@dataclass(frozen=True, kw_only=True)
class DamageSettings(Settings):
    """When frames contradict what repeats in one of them; chosen by hand where no source is named."""

    samples: int = 4096
    """Pixels of a place that are compared; performance only."""
    encoded_black: float = 0.02
    """Exposure up to which an encoded frame may be black: tone curves crush shadows, and noise is clipped,

    Derived: code 39 of sRGB's 255.
    """
    linear_black: float = 0.002
    """and up to which a linear one may. Derived: nine stops below white."""
    apart: float = 3.0
    """Factor by which exposures must differ to contradict each other: cameras' curves are within a stop of sRGB's."""
    white: float = 0.9
    """Exposure from which a frame may be white. Derived: code 243 of sRGB's 255."""
    mostly: float = 0.5
    """Share of a place that must be contradicted.

    Measured on twelve brackets of real cameras: so far apart are up to 0.46 of the pixels of two neighbouring sound
    frames, and 0.84 of frames further apart. So only what repeats is compared.
    """
    plain_colours: int = 8
    """Colours of a plain place: more are a texture, which no scene repeats to the byte."""
    large: float = 0.25
    """Share of a picture that no border of one frame takes."""


DAMAGE = DamageSettings()


def check_repeats(images: Sequence[DecodedImage], evs: Sequence[float]) -> list[str]:
    """Compare what repeats in each frame with what the others show there -> warnings of what is likely damaged.

    Raises ImageError where it is certain: whole rows that are no border, or much of the picture.
    """
    warnings = []
    for index, image in enumerate(images):
        if image.repeats is None:
            continue
        place = image.repeats.place if image.covered is None else image.repeats.place & image.covered
        contradicting = _contradicting_frame(images, evs, index, np.flatnonzero(place))
        if contradicting is None:
            continue
        rows = np.flatnonzero(place.any(axis=1))
        damage = (
            f"one sector over and over between rows {rows[0]} and {rows[-1]} of {len(place)}, where "
            f"{contradicting.header.path.name} shows the scene"
        )
        if image.repeats.ragged or place.mean() > DAMAGE.large:
            raise ImageError(f"{image.header.path}: damaged: it holds {damage}")
        warnings.append(f"{image.header.path.name}: may be damaged: it holds {damage}")
    return warnings


def _contradicting_frame(
    images: Sequence[DecodedImage], evs: Sequence[float], index: int, place: NDArray[np.intp]
) -> DecodedImage | None:
    """Return the frame that contradicts another's pixels most, None if none contradicts most of them."""
    if not place.size:
        return None
    samples = place[:: max(1, place.size // DAMAGE.samples)]
    unit = _unit(images, evs)
    exposures = [_exposure(image, image.pixels.reshape(-1, 3)[samples], unit) for image in images]
    black = DAMAGE.linear_black if images[index].header.linear else DAMAGE.encoded_black
    # As bright as nothing else is white, however far below the highest code: other frames show another light there.
    brightest = [_exposure(image, image.pixels.max(axis=(0, 1)), unit) for image in images]
    whites = [np.clip(each, black, DAMAGE.white) for each in brightest]
    shown = exposures[index]
    textured = len(np.unique(shown, axis=0)) > DAMAGE.plain_colours
    contradicted = dict[int, float]()
    for other in range(len(images)):
        if other == index:
            continue
        expected = exposures[other] * np.float32(2.0 ** (evs[index] - evs[other]))
        darker = (expected > DAMAGE.apart * np.maximum(shown, black)) & (shown < whites[index])
        brighter = (
            (shown > DAMAGE.apart * np.maximum(expected, black))
            & (shown < whites[index])
            & (exposures[other] < whites[other])
        )
        contradicted[other] = float(np.mean((darker | brighter).any(axis=1)))
        repeats = images[other].repeats
        if textured and (repeats is None or repeats.place.reshape(-1)[samples].mean() < DAMAGE.mostly):
            contradicted[other] = 1.0
    most = max(contradicted, key=lambda other: contradicted[other])
    return images[most] if contradicted[most] > DAMAGE.mostly else None


def _unit(images: Sequence[DecodedImage], evs: Sequence[float]) -> float:
    """Return what counts as white in floats that have none: what the longest exposure nearly reaches."""
    longest = images[int(np.argmax(evs))].pixels
    return max(float(np.percentile(longest[:: max(1, len(longest) // 64)], 99)), 1e-6)


def _exposure(image: DecodedImage, pixels: NDArray[Any], unit: float) -> NDArray[np.float32]:
    """Exposures of some of its pixels (..., 3), nearly: as if an encoded picture were sRGB."""
    values = pixels.astype(np.float32)
    values /= np.float32(image.white if np.isfinite(image.white) else unit)
    return values if image.header.linear else np.asarray(srgb_decode(values), np.float32)

"""Consistency: whether two frames show the same thing at a place.

One question is asked: is their difference larger than their noise, the calibration's error and the registration's
error explain? It is asked of local means at two scales, which finds faint but wide differences, and of local
energy, which finds texture that changed while its mean did not. A camera's pictures are brought into one another's
colours first, and among them only what changes structure is a ghost: what differs smoothly is the camera's doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.color_mapping import map_colors
from hdrfuse.imaging.merging.consistency_settings import CONSISTENCY
from hdrfuse.imaging.merging.reference_estimate import ReferenceEstimate, coloured_white
from hdrfuse.imaging.merging.scatter import measure_scatter
from hdrfuse.imaging.merging.structure import with_structure
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel, Plane, channel_max, channel_min, estimate_noise


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What frames may differ by without anything having moved."""

    relative: float
    """Share of the radiance: calibration error."""
    highlights: float
    """Share by which another frame may fall short of a clipped value: curves are least known near white."""
    rendered: bool
    """Whether the frames are a camera's pictures, whose channels depend on each other."""
    misregistration_px: float
    """Standard deviation of what registration leaves."""
    demosaiced: bool = False
    """Whether they are linear whole numbers, as RAW files are developed: one channel's detail shows in the others."""
    placed: bool = True
    """Whether it is known how the frame lies on the reference; else its differences are no measure of noise."""


def consistency_map(
    anchor: ReferenceEstimate, frame: CalibratedFrame, other: ReferenceEstimate, tolerance: Tolerance
) -> Plane:
    """(h, w) 1 where a frame, which alone says `other`, agrees with the anchor, 0 where it does not, or in between."""
    doubt: Plane | float = tolerance.relative
    if tolerance.rendered:
        other, doubt = in_colors_of(anchor, other, frame, tolerance)
    usable = _usable(anchor, other, frame)
    raw = other.radiance - anchor.radiance
    noise = anchor.variance + other.variance
    if tolerance.placed:
        noise = _scattered(noise, raw, anchor, usable, CONSISTENCY.spacing_px[0])
    anchor, other = (side.limited_beside_white(noise, interpolated=tolerance.demosaiced) for side in (anchor, other))
    difference, slack, detail = _compare(raw, noise, anchor, other, tolerance, doubt)
    if frame.saturation_contaminated is not None:
        difference[frame.saturation_contaminated] = 0.0
    for valid in (frame.valid, anchor.valid):
        if valid is not None:
            difference *= valid[..., None]
    score = np.zeros(difference.shape[:2], np.float32)
    noise_correlation = max(anchor.noise_correlation, frame.noise_correlation)
    for sigma, spacing_px in zip(CONSISTENCY.scales_px, CONSISTENCY.spacing_px, strict=True):
        averaged_over = 4.0 * np.pi * sigma**2
        mean = _blurred(difference, sigma)
        left = noise * np.float32(noise_correlation / averaged_over)
        if tolerance.placed:
            left = _scattered(left, mean, anchor, usable, spacing_px)
        averaged_detail = np.float32(min(CONSISTENCY.detail_px / averaged_over, 1.0))
        left += slack if detail is None else slack + averaged_detail * detail
        mean *= mean
        mean /= _blurred(left, sigma)
        np.maximum(score, channel_max(mean), out=score)
    np.sqrt(score, out=score)
    slack += noise
    if detail is not None:
        slack += detail
    energy = channel_max(_blurred(difference**2 / slack, CONSISTENCY.scales_px[1]))
    np.maximum(score, np.sqrt(energy) * np.float32(CONSISTENCY.weak / CONSISTENCY.energetic), out=score)
    ghost = _hysteresis(score)
    if tolerance.rendered:
        ghost = with_structure(ghost, difference, noise, (anchor, other))
    grown = cv2.dilate(ghost.astype(np.uint8), disc(CONSISTENCY.grow_px))
    soft = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), 1.0)
    agrees = np.clip(1.0 - soft * np.float32(CONSISTENCY.firm), 0.0, 1.0)
    return agrees if anchor.valid is None else np.where(anchor.valid, agrees, np.float32(1))  # nothing contradicts


def with_measured_noise(frame: CalibratedFrame) -> CalibratedFrame:
    """The frame with the noise that its pixels show at this size: denoised JPEGs leave it correlated over pixels."""
    exposure = frame.exposure()
    white = 1.0 if frame.clips else float("inf")
    half_size = (max(exposure.shape[1] // 2, 1), max(exposure.shape[0] // 2, 1))
    half = cv2.resize(exposure, half_size, interpolation=cv2.INTER_AREA)
    seen = [estimate_noise(exposure, None, white), estimate_noise(np.asarray(half, np.float32), None, white)]
    level = float(np.mean(exposure))
    pixel, wide = (float(noise.variance(level)) for noise in (frame.noise, seen[1]))
    pixel = max(pixel, float(seen[0].variance(level)), wide)
    factor = pixel / float(frame.noise.variance(level))
    noise = NoiseModel(shot=frame.noise.shot * factor, read=frame.noise.read * factor)
    noise_correlation = float(np.clip(4.0 * wide / pixel, 1.0, 4.0))
    return replace(frame, noise=noise, noise_correlation=noise_correlation)


def _usable(anchor: ReferenceEstimate, other: ReferenceEstimate, frame: CalibratedFrame) -> NDArray[np.bool_]:
    """(h, w, 3) where both are measurements."""
    usable = np.isinf(anchor.limit) & np.isinf(other.limit)
    if frame.saturation_contaminated is not None:
        usable &= ~frame.saturation_contaminated[..., None]
    if frame.valid is not None:
        usable &= frame.valid[..., None]
    return usable


def _scattered(
    variance: Plane, difference: Plane, anchor: ReferenceEstimate, usable: NDArray[np.bool_], spacing_px: int
) -> Plane:
    """The variance (h, w, 3) of a difference's noise, but no less than is seen in it."""
    found = measure_scatter(difference, anchor.radiance, usable, spacing_px=spacing_px)
    if found is None:
        return variance
    height, width = variance.shape[:2]
    # Rows of all channels: numpy takes several times as long to repeat three numbers.
    shot, read = (
        np.tile(np.array([getattr(noise, name) for noise in found], np.float32), width) for name in ("shot", "read")
    )
    scattered = anchor.radiance.reshape(height, -1) * shot
    scattered += read
    return np.maximum(variance.reshape(height, -1), scattered, out=scattered).reshape(variance.shape)


def _compare(
    raw: Plane, noise: Plane, anchor: ReferenceEstimate, other: ReferenceEstimate, tolerance: Tolerance,
    doubt: Plane | float,
) -> tuple[Plane, Plane, Plane | None]:  # fmt: skip
    """Difference (h, w, 3) that counts of the `raw` one, and the variance that stillness may have besides noise.

    First that of means (h, w, 3), then that of detail (h, w, 1) or None, which averages out. `doubt` is the standard
    deviation, as a share of the radiance, of how the frames' tones relate.
    """
    # A clipped value is a lower bound: only falling short of it is a difference.
    difference = raw.copy()
    whites = [np.isfinite(side.limit) for side in (anchor, other)]
    mixed = CONSISTENCY.mixed, CONSISTENCY.mixed_in_frame
    sides = (anchor, other), (other, anchor)
    for white, (bound, measured), sign, left in zip(whites, sides, (1, -1), mixed, strict=True):
        where = np.flatnonzero(white)
        least = bound.limit.ravel()[where] * np.float32(1.0 - tolerance.highlights) - np.sqrt(noise.ravel()[where])
        difference.ravel()[where] = sign * np.minimum(measured.radiance.ravel()[where] - least, 0)
        if tolerance.rendered:
            _keep_hues(difference, bound, measured, sign, left)
    difference[whites[0] & whites[1]] = 0.0
    seen = [np.minimum(side.radiance, side.limit) for side in (anchor, other)]
    slack = np.maximum(*seen)
    slack *= np.asarray(doubt, np.float32)
    slack *= slack
    slack += _slope_energy(seen) * np.float32(tolerance.misregistration_px**2)
    detail = [_detail(side) for side in seen]
    slack += np.float32(CONSISTENCY.texture) * np.minimum(*detail)
    for side, white in zip((anchor, other), whites, strict=True):
        if white.any():
            share = _blurred(white.astype(np.float32), CONSISTENCY.scales_px[1])
            slack += np.float32(CONSISTENCY.cut_off) * share * (1.0 - share) * noise
        slack += side.unsure**2
        black = side.radiance <= 0.0
        if black.any():
            slack += _blurred(black.astype(np.float32), CONSISTENCY.scales_px[1]) * noise
    return difference, slack, _detail_of_others(detail, whites) if tolerance.demosaiced else None


def _detail_of_others(detail: Sequence[Plane], whites: Sequence[NDArray[np.bool_]]) -> Plane:
    """(h, w, 1) variance of the most detail (h, w, 3) that a channel of two frames has where some are white, else 0.

    Demosaicing goes by the detail of one channel in the others, until that is white: then they lose it, or keep its
    reverse, and their means stay.
    """
    found = np.zeros((*detail[0].shape[:2], 1), np.float32)
    where = np.flatnonzero(coloured_white(whites[0]) | coloured_white(whites[1]))
    most = np.maximum(*(side.reshape(-1, 3)[where] for side in detail))
    found.ravel()[where] = np.float32(CONSISTENCY.texture) * most.max(axis=1)
    return found


def _keep_hues(
    difference: Plane, bound: ReferenceEstimate, measured: ReferenceEstimate, sign: int, mixed: float
) -> None:
    """Take out of a difference (h, w, 3), in place, what a channel that clipped did to the colours beside it.

    A camera mixes its channels after they clip: of a lamp whose red is cut off too much is left of green and blue. So
    where the measured side is brighter than the white of the clipped one, it may have less of other channels, by a
    share `mixed` of how much brighter it is.
    """
    white = channel_min(bound.limit).ravel()
    where = np.flatnonzero(np.isfinite(white))
    if not len(where):
        return
    beyond_white = channel_max(measured.radiance.reshape(-1, 3)[where]) - white[where]
    allowed = np.float32(mixed) * np.maximum(beyond_white, 0)[:, None]
    there = np.float32(sign) * difference.reshape(-1, 3)[where]
    less = np.minimum(there + allowed, 0)
    difference.reshape(-1, 3)[where] = np.float32(sign) * np.where(there < 0, less, there)


def in_colors_of(
    anchor: ReferenceEstimate, other: ReferenceEstimate, frame: CalibratedFrame, tolerance: Tolerance
) -> tuple[ReferenceEstimate, Plane]:
    """What a frame says in the anchor's colours, and the doubt (h, w, 3), a share of the radiance, about them."""
    shoulder = np.float32(CONSISTENCY.shoulder_tolerance) * np.maximum(anchor.shoulder, other.shoulder)
    exposure = frame.exposure()
    mapping = map_colors(exposure, other, anchor)
    if mapping is None:
        return other, np.asarray(cv2.merge((np.float32(tolerance.relative) + shoulder,) * 3))
    radiance, doubt = mapping.at(exposure)
    # Where a channel of the anchor is white no colour was seen: there the mapping would be extrapolated.
    radiance.reshape(-1, 3)[np.flatnonzero(anchor.shoulder >= 1.0)] = 1.0
    radiance *= other.radiance
    np.maximum(doubt, np.float32(tolerance.relative), out=doubt)
    doubt += shoulder[..., None]
    return replace(other, radiance=radiance), doubt


def _detail(plane: Plane) -> Plane:
    """(h, w, 3) variance within a few pixels of what is finer than a pixel or two: an edge has little of it."""
    fine = plane - _blurred(plane, CONSISTENCY.scales_px[0])
    fine *= fine
    return _blurred(fine, CONSISTENCY.scales_px[1])


def _blurred(plane: Plane, sigma: float) -> Plane:
    """Gaussian mean (h, w, 3); a wide one is taken at half the size, where it loses nothing."""
    if sigma < 3.0:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
    height, width = plane.shape[:2]
    half = cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), sigma / 2.0)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _slope_energy(seen: Sequence[Plane]) -> Plane:
    """(h, w, 3) squared slope of the radiance, per pixel, the larger of both frames'; edges move by a subpixel."""
    energy = np.zeros(seen[0].shape, np.float32)
    for plane in seen:
        slope_x, slope_y = (
            np.asarray(cv2.Sobel(plane, -1, *order, scale=0.125), np.float32) for order in ((1, 0), (0, 1))
        )
        slope_x *= slope_x
        slope_y *= slope_y
        slope_x += slope_y
        np.maximum(energy, slope_x, out=energy)
    return np.asarray(cv2.dilate(energy, np.ones((3, 3), np.uint8)), np.float32)


def _hysteresis(score: Plane) -> NDArray[np.bool_]:
    """Connected areas of weak differences that hold a strong one."""
    weak = (score > CONSISTENCY.weak).astype(np.uint8)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strongest = np.zeros(count, np.float32)
    np.maximum.at(strongest, np.asarray(labels, np.intp).ravel(), score.ravel())
    keep = (strongest > CONSISTENCY.strong) & (statistics[:, cv2.CC_STAT_AREA] >= CONSISTENCY.smallest_px)
    keep[0] = False
    return keep[labels]


def disc(radius: int) -> NDArray[np.uint8]:
    """Round structuring element, 2 radius + 1 pixels wide."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)

"""Consistency: whether two frames show the same thing at a place.

One question is asked: is their difference larger than their noise, the calibration's error and the registration's
error explain? It is asked of local means at two scales, which finds faint but wide differences, and of local
energy, which finds texture that changed while its mean did not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.crosstalk import fit_crosstalk
from hdrfuse.imaging.merging.highlights import CLIPPING, ramp
from hdrfuse.imaging.merging.scatter import measure_scatter
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel, Plane, channel_max, channel_min, estimate_noise


@dataclass(frozen=True, kw_only=True)
class ConsistencySettings:
    """What may differ between two frames of a place that stood still.

    Beside white, values that noise or compression pulled down are bounds: they had made ghosts along every highlight of
    the longer frames. Below a curve's toe an error is the same for neighbours: ten dark frames above a raised black
    were taken for moved, and none of them are since.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    procedural scenes, by `hdrfuse bench --what settings --setting consistency --seeds 1 --size 192x128 --noise 0.15`:
    scenes so small that lengths in pixels count double. Shoulder and toe are of cameras' curves, which they lack.
    """

    shoulder: tuple[float, float] = (0.5, 0.95)
    """Exposure over which a camera's picture stops to follow its own curve: one channel drags the others to white."""
    shoulder_tolerance: float = 0.07
    """Standard deviation, as a share of the radiance, that this adds to a camera picture's near whites."""
    scales_px: tuple[float, float] = (1.0, 3.5)
    """Standard deviations of the windows over which differences are averaged. Half / twice: +0.81 / +0.68."""
    spacing_px: tuple[int, int] = (12, 16)
    """Distance, for each of them, of points whose means have next to no noise in common, soft by up to 3 pixels.

    Half / twice: 0 / 0.
    """
    clipped_by: float = 4.0
    """Standard deviations by which noise may have moved a value over the limit of clipping. Half / twice: 0 / +0.05."""
    beside_px: int = 4
    """Pixels from a clipped one within which others may be clipped too: half a block of a JPEG. Half / twice: 0 / 0."""
    cut_off: float = 0.64
    """Times p (1 - p): squared error, in the noise's variance, of a mean whose noise white cuts off in a share p.

    Derived: where white cuts off half of a normal distribution, its mean moves by 0.40 of its standard deviation.
    """
    weak: float = 3.0
    """Differences, in standard deviations, as far as which a ghost reaches. Half / twice: 0 / +0.01."""
    strong: float = 5.0
    """Difference, in standard deviations, that a ghost holds somewhere. Half / twice: +0.01 / +0.17."""
    texture: float = 0.3
    """Share of its own variance by which still texture differs: sharpening, compression, aliasing.

    Half / twice: -0.35 / +0.58.
    """
    toe: float = 0.5
    """Standard deviation of light that a frame holds nothing of, as a share of what is missing to its curve's toe."""
    energetic: float = 1.8
    """Local energy, as a root and in standard deviations of the difference, that counts as a weak difference."""
    grow_px: int = 4
    """Ghosts grow by this much: the soft edge of a moving thing differs by less than noise.

    Half / twice: +1.16 / -0.78. At 384x256, which counts, two scenes a motion lose 0.07 dB by 3 and 0.10 by 2.
    """
    smallest_px: int = 9
    """Fewer connected pixels than this are noise. Half / twice: 0 / 0."""


CONSISTENCY = ConsistencySettings()


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What frames may differ by without anything having moved."""

    relative: float
    """Share of the radiance: calibration error."""
    highlights: float
    """Share by which another frame may fall short of a clipped value: curves are least known near white."""
    crosstalk: bool
    """Whether the frames are a camera's pictures, whose channels depend on each other."""
    misregistration_px: float
    """Standard deviation of what registration leaves."""
    placed: bool = True
    """Whether it is known how the frame lies on the reference; else its differences are no measure of noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferenceEstimate:
    """The picture that frames are compared with: the reference, continued by darker frames where it clips."""

    radiance: Plane
    variance: Plane
    unsure: Plane
    """(h, w, 3) standard deviation of what the curve leaves open near black, which is the same for neighbours."""
    limit: Plane
    """(h, w, 3) radiance at which the anchor clips there; inf where it does not."""
    shoulder: Plane
    """(h, w) 0 where every channel is far from white, 1 where one is near it."""
    noise_correlation: float
    """How much more of the noise than white noise's share is left in a mean over neighbours."""
    was_clipped: NDArray[np.bool_]
    """(h, w) where the reference itself clips in any channel."""
    valid: NDArray[np.bool_] | None = None
    """(h, w) where there is anything to compare with; None = everywhere."""

    @classmethod
    def of(cls, frame: CalibratedFrame) -> "ReferenceEstimate":
        """What a frame alone says."""
        exposure = frame.exposure()
        clipped = exposure >= CLIPPING.end if frame.clips else np.zeros(exposure.shape, np.bool_)
        return cls(
            radiance=exposure / np.float32(frame.gain),
            variance=frame.noise.variance(exposure) / np.float32(frame.gain**2),
            unsure=np.maximum(np.float32(CONSISTENCY.toe * frame.toe) - np.float32(CONSISTENCY.toe) * exposure, 0)
            / np.float32(frame.gain),
            limit=_limit(clipped, CLIPPING.end / frame.gain),
            shoulder=ramp(channel_max(exposure), *CONSISTENCY.shoulder),
            noise_correlation=frame.noise_correlation,
            was_clipped=channel_max(clipped.view(np.uint8)).view(np.bool_),
            valid=frame.valid,
        )

    def extended(self, frame: CalibratedFrame, other: "ReferenceEstimate", consistency: Plane) -> "ReferenceEstimate":
        """Let a darker frame speak where this clips and the frame does not contradict it, and where this is empty.

        `other` is what the frame alone says.
        """
        take = np.isfinite(channel_min(self.limit)) & (consistency > 0.5)
        return self._taking(frame, other, take if self.valid is None else take | ~self.valid)

    def completed(self, frame: CalibratedFrame, other: "ReferenceEstimate") -> "ReferenceEstimate":
        """Let a frame, which alone says `other`, speak where this has no data."""
        return self if self.valid is None else self._taking(frame, other, ~self.valid)

    def _taking(
        self, frame: CalibratedFrame, other: "ReferenceEstimate", wanted: NDArray[np.bool_]
    ) -> "ReferenceEstimate":
        """The estimate with a frame's in its place where that is wanted (h, w) and the frame has data."""
        take = wanted
        if frame.valid is not None:
            take = take & frame.valid
        if frame.saturation_contaminated is not None:
            take = take & ~frame.saturation_contaminated
        where = np.flatnonzero(take)

        def taken(own: Plane, others: Plane) -> Plane:
            plane = own.copy()
            plane.reshape(take.size, -1)[where] = others.reshape(take.size, -1)[where]
            return plane

        return ReferenceEstimate(
            radiance=taken(self.radiance, other.radiance),
            variance=taken(self.variance, other.variance),
            unsure=taken(self.unsure, other.unsure),
            limit=taken(self.limit, other.limit),
            shoulder=taken(self.shoulder, other.shoulder),
            noise_correlation=max(self.noise_correlation, other.noise_correlation),
            was_clipped=self.was_clipped,
            valid=None if self.valid is None else self.valid | take,
        )

    def limited_beside_white(self, noise: Plane) -> "ReferenceEstimate":
        """What noise, of variance (h, w, 3), or compression may have pulled down from a white beside it is a bound."""
        finite = np.isfinite(self.limit)
        if not finite.any():
            return self
        whites = np.zeros_like(self.limit)
        np.copyto(whites, self.limit, where=finite)
        nearest = cv2.dilate(whites, np.ones((2 * CONSISTENCY.beside_px + 1,) * 2, np.uint8))
        near = np.flatnonzero(nearest)
        white, radiance = nearest.ravel()[near], self.radiance.ravel()[near]
        least = np.maximum(
            white - np.float32(CONSISTENCY.clipped_by) * np.sqrt(noise.ravel()[near]),
            np.float32(CLIPPING.start / CLIPPING.end) * white,
        )
        pulled = radiance >= least
        limit = self.limit.copy()
        limit.ravel()[near[pulled]] = np.minimum(radiance, white)[pulled]
        return replace(self, limit=limit)


def consistency_map(
    anchor: ReferenceEstimate, frame: CalibratedFrame, other: ReferenceEstimate, tolerance: Tolerance
) -> Plane:
    """(h, w) 1 where a frame, which alone says `other`, agrees with the anchor, 0 where it does not, or in between."""
    if tolerance.crosstalk:
        other = _without_crosstalk(anchor, other, frame)
    usable = _usable(anchor, other, frame)
    raw = other.radiance - anchor.radiance
    noise = anchor.variance + other.variance
    if tolerance.placed:
        noise = _scattered(noise, raw, anchor, usable, CONSISTENCY.spacing_px[0])
    anchor, other = (side.limited_beside_white(noise) for side in (anchor, other))
    difference, slack = _compare(raw, noise, anchor, other, tolerance)
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
        mean *= mean
        mean /= _blurred(left + slack, sigma)
        np.maximum(score, channel_max(mean), out=score)
    np.sqrt(score, out=score)
    difference *= difference
    difference /= noise + slack
    energy = channel_max(_blurred(difference, CONSISTENCY.scales_px[1]))
    np.maximum(score, np.sqrt(energy) * np.float32(CONSISTENCY.weak / CONSISTENCY.energetic), out=score)
    ghost = _hysteresis(score)
    grown = cv2.dilate(ghost.astype(np.uint8), disc(CONSISTENCY.grow_px))
    soft = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), 1.0)
    agrees = np.clip(1.0 - soft * np.float32(1.3), 0.0, 1.0)
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


def _limit(clipped: NDArray[np.bool_], white: float) -> Plane:
    """(h, w, 3) radiance of white where that is all that is known, inf elsewhere."""
    limit = np.full(clipped.shape, np.inf, np.float32)
    np.copyto(limit, np.float32(white), where=clipped)
    return limit


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
    raw: Plane, noise: Plane, anchor: ReferenceEstimate, other: ReferenceEstimate, tolerance: Tolerance
) -> tuple[Plane, Plane]:
    """Difference (h, w, 3) that counts of the `raw` one, and the variance that stillness may have besides noise."""
    # A clipped value is a lower bound: only falling short of it is a difference.
    difference = raw.copy()
    whites = [np.isfinite(side.limit) for side in (anchor, other)]
    for white, (bound, measured), sign in zip(whites, ((anchor, other), (other, anchor)), (1, -1), strict=True):
        where = np.flatnonzero(white)
        least = bound.limit.ravel()[where] * np.float32(1.0 - tolerance.highlights) - np.sqrt(noise.ravel()[where])
        difference.ravel()[where] = sign * np.minimum(measured.radiance.ravel()[where] - least, 0)
    difference[whites[0] & whites[1]] = 0.0
    seen = [np.minimum(side.radiance, side.limit) for side in (anchor, other)]
    relative = np.full(anchor.shoulder.shape, tolerance.relative, np.float32)
    if tolerance.crosstalk:
        relative += np.float32(CONSISTENCY.shoulder_tolerance) * np.maximum(anchor.shoulder, other.shoulder)
    slack = np.maximum(*seen)
    slack *= relative[..., None]
    slack *= slack
    slack += _slope_energy(seen) * np.float32(tolerance.misregistration_px**2)
    slack += np.float32(CONSISTENCY.texture) * np.minimum(*(_local_variance(side) for side in seen))
    for side, white in zip((anchor, other), whites, strict=True):
        if white.any():
            share = _blurred(white.astype(np.float32), CONSISTENCY.scales_px[1])
            slack += np.float32(CONSISTENCY.cut_off) * share * (1.0 - share) * noise
        slack += side.unsure**2
        black = side.radiance <= 0.0
        if black.any():
            slack += _blurred(black.astype(np.float32), CONSISTENCY.scales_px[1]) * noise
    return difference, slack


def _without_crosstalk(
    anchor: ReferenceEstimate, other: ReferenceEstimate, frame: CalibratedFrame
) -> ReferenceEstimate:
    """The frame with its channels' dependence on each other taken out, as far as the anchor shows it."""
    exposure = frame.exposure()
    both = np.asarray(np.isinf(channel_min(anchor.limit)) & np.isinf(channel_min(other.limit)))
    both &= channel_min(anchor.radiance**2 - 100 * anchor.variance) > 0
    both &= channel_min(other.radiance**2 - 100 * other.variance) > 0
    for valid in (frame.valid, anchor.valid):
        if valid is not None:
            both &= valid
    ratio = cv2.blur(other.radiance, (3, 3)) / np.maximum(cv2.blur(anchor.radiance, (3, 3)), np.float32(1e-9))
    fitted = fit_crosstalk(exposure, np.asarray(ratio, np.float32), both)
    if fitted is None:
        return other
    gain = fitted.gain(exposure)
    gain.reshape(-1, 3)[np.flatnonzero(anchor.shoulder >= 1.0)] = 1.0
    gain *= other.radiance
    return replace(other, radiance=gain)


def _local_variance(plane: Plane) -> Plane:
    """(h, w, 3) variance within a few pixels."""
    mean = _blurred(plane, CONSISTENCY.scales_px[1])
    return np.maximum(_blurred(plane**2, CONSISTENCY.scales_px[1]) - mean**2, 0)


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

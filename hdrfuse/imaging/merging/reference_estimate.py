"""ReferenceEstimate: the picture that frames are compared with."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.consistency_settings import CONSISTENCY
from hdrfuse.imaging.merging.highlights import CLIPPING, ramp
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_min, in_any_channel


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
        end = min(CLIPPING.end, frame.coloured_white)
        clipped = exposure >= end if frame.clips else np.zeros(exposure.shape, np.bool_)
        return cls(
            radiance=exposure / np.float32(frame.gain),
            variance=frame.noise.variance(exposure) / np.float32(frame.gain**2),
            unsure=np.maximum(np.float32(CONSISTENCY.toe * frame.toe) - np.float32(CONSISTENCY.toe) * exposure, 0)
            / np.float32(frame.gain),
            limit=_limit(clipped, end / frame.gain),
            shoulder=ramp(channel_max(exposure), *CONSISTENCY.shoulder),
            noise_correlation=frame.noise_correlation,
            was_clipped=in_any_channel(clipped),
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

    def limited_beside_white(self, noise: Plane, *, interpolated: bool = False) -> "ReferenceEstimate":
        """What noise, of variance (h, w, 3), or compression may have pulled down from a white beside it is a bound.

        In frames that are `interpolated` out of a mosaic so is everything next to a white that has a colour: too little
        of it is in that.
        """
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
        if interpolated:
            reached = np.ones((2 * CONSISTENCY.interpolated_px + 1,) * 2, np.uint8)
            coloured = whites * coloured_white(finite)[..., None]
            pulled |= cv2.dilate(coloured, reached).ravel()[near] > 0
        limit = self.limit.copy()
        limit.ravel()[near[pulled]] = np.minimum(radiance, white)[pulled]
        return replace(self, limit=limit)


def coloured_white(white: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) where some channels are white (h, w, 3) and others are not."""
    return in_any_channel(white) & ~(white[..., 0] & white[..., 1] & white[..., 2])


def _limit(clipped: NDArray[np.bool_], white: float) -> Plane:
    """(h, w, 3) radiance of white where that is all that is known, inf elsewhere."""
    limit = np.full(clipped.shape, np.inf, np.float32)
    np.copyto(limit, np.float32(white), where=clipped)
    return limit

"""Ghosts: where a frame shows other things than the picture, and what stands in for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.imaging.merging.consistency import Tolerance, consistency_map, disc, with_measured_noise
from hdrfuse.imaging.merging.consistency_settings import CONSISTENCY
from hdrfuse.imaging.merging.highlight_error import reconstruction_error
from hdrfuse.imaging.merging.highlights import CLIPPING, push_pull, ramp, reconstruct_highlights
from hdrfuse.imaging.merging.reference_estimate import ReferenceEstimate
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_min
from hdrfuse.setting_limits import Range, Settings


@dataclass(frozen=True, kw_only=True)
class GhostSettings(Settings):
    """When the reference clips what moves.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of procedural
    moving scenes of 384x256 of the seeds 7, 8 and 9: of forty only these and that of 33 are entangled. `hdrfuse bench
    --what settings --setting ghosts --seeds 10 --size 384x256` measures them among others. Eight procedural scenes of
    the first two seeds and eight collages as a camera model writes them are not changed by any.
    """

    pale: Range = (0.5, 0.8)
    """Exposure of the darkest channel over which a clipped pixel counts as white rather than as a bright colour.

    Half / twice: +0.01 / -3.21, as without all of this.
    """
    fine_px: int = 5
    """Radius of the patches that are fine. Half / twice: -3.22 / -0.01."""
    fine_share: float = 0.06
    """A moving region is entangled if this share of it is clipped in finer patches,

    Half / twice: 0 / 0.
    """
    mostly_fine: float = 0.7
    """and if so much of what is clipped of it is, Half: 0. Above 1 nothing is entangled: -3.21."""
    wide_share: float = 0.04
    """and if it is this share of the frame. Half / twice: 0 / -0.13."""


GHOSTS = GhostSettings()


@dataclass(frozen=True, kw_only=True, eq=False)
class Ghosts:
    """Which frames agree with the reference where."""

    consistency: tuple[Plane, ...]
    """(h, w) a frame, 1 = agrees with what the picture shows, 0 = shows something else."""
    occluded_highlight_mask: Plane
    """(h, w) 1 = clipped in the reference while every darker frame shows something else there."""
    highlight_estimate: Plane
    """(h, w, 3) radiance that is reconstructed from the highlights around the mask; meaningful in the mask."""
    highlight_error: Plane | None = None
    """(h, w) standard deviation of its natural logarithm, as far as those around tell; None = they do not."""

    @property
    def fraction(self) -> float:
        """Share of the frame where at least one frame disagrees."""
        least = np.min(self.consistency, axis=0)
        return float(np.mean(least < 0.5))

    @property
    def rejected(self) -> tuple[float, ...]:
        """Share of each frame that disagrees."""
        return tuple(float(np.mean(consistency < 0.5)) for consistency in self.consistency)


def find_ghosts(frames: Sequence[CalibratedFrame], reference: int, tolerance: Sequence[Tolerance]) -> Ghosts:
    """Compare every frame with the reference, and darker frames with each other where the reference clips.

    `frames` are linear, registered, of one size (h, w, 3), darkest first; `tolerance` has one entry a frame.
    """
    frames = [with_measured_noise(frame) for frame in frames]
    own = anchor = ReferenceEstimate.of(frames[reference])
    consistency = [np.ones(frame.pixels.shape[:2], np.float32) for frame in frames]
    for index in range(reference - 1, -1, -1):
        other = ReferenceEstimate.of(frames[index])
        consistency[index] = consistency_map(anchor, frames[index], other, tolerance[index])
        anchor = anchor.extended(frames[index], other, consistency[index])
    for index in range(reference + 1, len(frames)):
        other = ReferenceEstimate.of(frames[index])
        consistency[index] = consistency_map(anchor, frames[index], other, tolerance[index])
        anchor = anchor.completed(frames[index], other)
    occluded = _occluded(frames, reference, consistency[:reference])
    fill, off = anchor.radiance, None
    if occluded.any():
        white = CLIPPING.end / frames[reference].gain
        seen = np.minimum(own.radiance, np.float32(white))
        measured = anchor.was_clipped & (channel_min(anchor.limit) > np.float32(white))  # by a darker frame
        known = 1.0 - occluded
        fill = reconstruct_highlights(anchor.radiance, seen, known=known, clipped=measured, white=white)
        off = reconstruction_error(anchor.radiance, seen, known=known, clipped=measured, white=white)
    if reference > 0 and (region := _entangled(frames[reference], consistency[:reference])) is not None:
        for index in range(reference):
            consistency[index] *= 1.0 - region
        occluded = np.maximum(occluded, region * whiteness(frames[reference]))
        fill += region[..., None] * (_behind(frames, reference) - fill)
    return Ghosts(
        consistency=tuple(consistency), occluded_highlight_mask=occluded, highlight_estimate=fill, highlight_error=off
    )


def _occluded(frames: Sequence[CalibratedFrame], reference: int, darker: Sequence[Plane]) -> Plane:
    """(h, w) 1 where the reference clips and no darker frame that could tell what is there agrees with it."""
    clipped = ramp(channel_max(frames[reference].exposure()), CLIPPING.start, CLIPPING.end)
    if not frames[reference].clips or not darker:
        return np.zeros_like(clipped)
    best = np.zeros_like(clipped)
    for index, consistency in enumerate(darker):
        valid = frames[index].valid
        np.maximum(best, consistency if valid is None else consistency * valid, out=best)
    return (clipped * (1.0 - best)).astype(np.float32)


def whiteness(frame: CalibratedFrame) -> Plane:
    """(h, w) 1 where a frame is clipped to white; a channel far from white tells what is there, hue included."""
    exposure = frame.exposure()
    return ramp(channel_max(exposure), CLIPPING.start, CLIPPING.end) * ramp(channel_min(exposure), *GHOSTS.pale)


def _entangled(frame: CalibratedFrame, darker: Sequence[Plane]) -> Plane | None:
    """Soft region (h, w) where clipped and unclipped pixels of the reference mix finely while things move.

    Leaves before the sky: if pixels came from whichever frame agrees there, half a leaf would be here and half
    there. All leaves are the reference's instead, and the sky between them is continued. None if there is none.
    """
    if not frame.clips:
        return None
    exposure = frame.exposure()
    clipped = ((channel_max(exposure) >= CLIPPING.end) & (channel_min(exposure) > GHOSTS.pale[0])).astype(np.uint8)
    fine = cv2.subtract(clipped, cv2.morphologyEx(clipped, cv2.MORPH_OPEN, disc(GHOSTS.fine_px)))
    moving = (np.min(darker, axis=0) < 0.5).astype(np.uint8)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(moving, connectivity=8)
    area = statistics[:, cv2.CC_STAT_AREA]
    pixels = np.asarray(labels, np.intp).ravel()
    fine_area, clipped_area = (
        np.bincount(pixels, weights=plane.ravel().astype(float), minlength=count) for plane in (fine, clipped)
    )
    entangled = (
        (fine_area > GHOSTS.fine_share * area)
        & (fine_area > GHOSTS.mostly_fine * clipped_area)
        & (area > GHOSTS.wide_share * pixels.size)
    )
    entangled[0] = False
    if not entangled.any():
        return None
    mask = entangled[pixels].reshape(labels.shape).astype(np.uint8)
    grown = cv2.dilate(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(2 * GHOSTS.fine_px)), disc(CONSISTENCY.grow_px))
    return np.asarray(cv2.GaussianBlur(grown.astype(np.float32), (0, 0), CONSISTENCY.scales_px[0]), np.float32)


def _behind(frames: Sequence[CalibratedFrame], reference: int) -> Plane:
    """Radiance (h, w, 3) of the highlights, smoothly continued from wherever a darker frame sees them."""
    limit = np.float32(CLIPPING.end / frames[reference].gain)
    seen = np.zeros(frames[0].pixels.shape, np.float32)
    known = np.zeros(seen.shape[:2], np.bool_)
    for index in range(reference - 1, -1, -1):
        other = ReferenceEstimate.of(frames[index])
        usable = (channel_min(other.radiance) >= limit) & ~known
        if index > 0:
            usable &= np.isinf(channel_min(other.limit))
        seen[usable] = other.radiance[usable]
        known |= usable
    weight = known.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(push_pull(seen, weight, seen), (0, 0), 2 * CONSISTENCY.scales_px[1]), np.float32)

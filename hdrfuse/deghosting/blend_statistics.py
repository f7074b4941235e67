"""Blend statistics: merge, network and reference at every pixel, each with its variance."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.deghosting.blend_settings import BlendSettings
from hdrfuse.imaging.color import MU, mu_law
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING, unclipped
from hdrfuse.imaging.merging.strips import enlarge_rows, strips
from hdrfuse.imaging.merging.weights import finest_detail, frame_weights
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_mean


@dataclass(frozen=True, kw_only=True)
class NetworkError:
    """What is known of the network's picture before it is compared."""

    white: float
    """Radiance at which it ends, where the reference's white is 1."""
    rms: float
    """Root mean square error after the mu-law, where its white is 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlendStatistics:
    """Pictures (h, w, 3) and variances (h, w) after the mu-law, averaged over averaged_px x averaged_px pixels."""

    merged: Plane
    learned: Plane
    """The network's."""
    shown: Plane
    """The reference's, up to its white; it may have been anything from `least_shown` to `most_shown`."""
    least_shown: Plane
    most_shown: Plane
    noise: Plane
    """Of the merge."""
    reference_noise: Plane
    averaged_px: int
    toe: Plane
    """What the reference's curve leaves open near black, in the reference alone."""
    unexplained: Plane
    """What the merge may be off besides noise: calibration, the toe's part that is not the reference's, resampling."""
    reference_share: Plane
    """(h, w) weight of the reference in the merge."""
    measured: Plane
    """(h, w, 3) 1 where the reference has data that are not clipped."""
    white: Plane
    """(h, w, 3) 1 where it clips."""
    clipped: Plane
    """(h, w) 1 where it does in any channel."""
    occluded: Plane
    """(h, w) 1 where it clips and no darker frame shows what is there."""
    fill_error: Plane | float
    """(h, w) error of highlights that are continued from their surroundings; meaningful where `occluded` > 0."""
    network_rms: float
    """The network's error on scenes unlike those that it was validated on."""
    resampled: bool

    @property
    def difference(self) -> Plane:
        """(h, w, 3) merge - network."""
        return self.merged - self.learned


def blend_statistics(
    merged: Plane, learned: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, *,
    error: NetworkError, tolerance: float, averaged_px: int, settings: BlendSettings,
) -> BlendStatistics:  # fmt: skip
    """Bring radiances (h, w, 3) of the merge and the network to what they are compared by; see `blend_weight_map`."""
    own = frames[reference]
    unit = np.float32(1.0 / error.white)
    seen = np.minimum(own.exposure(), np.float32(CLIPPING.end))
    spread = np.maximum(np.float32(own.toe) - seen, 0)
    least_shown, most_shown = mu_law(np.maximum(seen - spread, 0) * unit), mu_law((seen + spread) * unit)
    slope = mu_law_slope(merged * unit) * unit
    variance, reference_share = merge_variance(merged, frames, reference, ghosts)
    toe = channel_mean((most_shown - least_shown) ** 2) / np.float32(4)
    compressed = mu_law(merged * unit)
    unexplained = channel_max((np.float32(tolerance) * merged * slope) ** 2) + (1.0 - reference_share) ** 2 * toe
    if detail_loss := max(frame.detail_loss for frame in frames):
        unexplained += np.float32(detail_loss) * channel_max(finest_detail(compressed))
    measured = unclipped(own, seen, apart=True)
    white = 1.0 - measured
    return BlendStatistics(
        merged=compressed,
        learned=mu_law(learned * unit),
        shown=mu_law(seen * unit),
        least_shown=least_shown,
        most_shown=most_shown,
        noise=channel_mean(variance * slope**2),
        reference_noise=channel_mean(own.noise.variance(seen) * slope**2),
        averaged_px=averaged_px,
        toe=toe,
        unexplained=unexplained,
        reference_share=reference_share,
        measured=measured if own.valid is None else measured * own.valid[..., None],
        white=white,
        clipped=channel_max(white),
        occluded=enlarge_rows(ghosts.occluded_highlight_mask, (merged.shape[0], merged.shape[1])),
        fill_error=fill_error(ghosts, (merged.shape[0], merged.shape[1]), settings),
        network_rms=settings.unseen_factor * error.rms,
        resampled=detail_loss > 0.0,
    )


def fill_error(ghosts: Ghosts, shape: tuple[int, int], settings: BlendSettings) -> Plane | float:
    """Error (h, w) of highlights that are continued from their surroundings, as far as those tell of it."""
    if ghosts.highlight_error is None:
        return settings.fill_error
    seen = enlarge_rows(ghosts.highlight_error, shape) * np.float32(1.0 / np.log1p(MU))  # slope of the mu-law there
    usual = np.float32(settings.fill_error)
    return np.clip(seen, np.float32(settings.least_fill_error) * usual, usual)


def merge_variance(
    merged: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts
) -> tuple[Plane, Plane]:
    """Noise's variance (h, w, 3) in the merged radiance, and the reference's weight (h, w) in it.

    What resampling lost of the finest detail is left out: it adds to the reference's share, and so to the noise,
    along edges, where the network errs more than its mean error says. With it, hand-held procedural scenes lose
    0.24 dB; without it, everything else of the weights costs nothing (two scenes a motion, 384x256, noise 0.15).
    """
    variance, share = np.empty_like(merged), np.empty(merged.shape[:2], np.float32)
    for strip in strips(len(merged)):
        rows, radiance = strip.rows, merged[strip.rows]
        exposures = [frame.exposure(rows) for frame in frames]
        weights = frame_weights(
            frames, reference, ghosts, exposures, rows=rows, radiance=radiance, lost_detail=False
        )  # fmt: skip
        total = np.sum(weights, axis=0)
        noise = np.zeros_like(radiance)
        for frame, weight in zip(frames, weights, strict=True):
            gain = np.float32(frame.gain)
            noise += (weight / total) ** 2 * frame.noise.variance(radiance * gain) / gain**2
        variance[rows] = noise
        share[rows] = channel_mean(weights[reference] / total)
    return variance, share


def mu_law_slope(radiance: Plane) -> Plane:
    """Its derivative."""
    return np.asarray(np.float32(MU / np.log1p(MU)) / (1.0 + np.float32(MU) * radiance), np.float32)


def blurred(plane: Plane, sigma_px: float) -> Plane:
    """Gaussian mean, same shape."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), np.float32)

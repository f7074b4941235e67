"""Blending: how much of the picture comes from the network, and how much from the merged frames.

Both say something of every pixel. The merge has the lower noise wherever several frames agree, but may hold a ghost
that nobody noticed, leans on the reference alone where something moved, and guesses where that is clipped. The
network's error is about the same everywhere. So each counts by the inverse of its variance, the merge loses where
the two differ by more than both errors explain, and the network where the reference contradicts it more than the
merge.
"""

from collections.abc import Sequence

import numpy as np

from hdrfuse.deghosting.blend_settings import BLEND, BlendSettings
from hdrfuse.deghosting.blend_statistics import BlendStatistics, NetworkError, blend_statistics, blurred
from hdrfuse.imaging.color import mu_law
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING, hue_kept, ramp
from hdrfuse.imaging.merging.strips import Strip, each_strip, enlarge_rows
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_min

TINY = np.float32(1e-12)
"""Keeps quotients of variances defined: below any that float32 light leaves after the mu-law."""


def blend_weight_map(
    merged: Plane, learned: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, *,
    error: NetworkError, tolerance: float, averaged_px: int = 1, settings: BlendSettings = BLEND,
) -> Plane:  # fmt: skip
    """(h, w) share of the picture that the network gives, 0 to 1.

    `merged` and `learned` are radiances (h, w, 3), `frames` what they came from, all registered, of one size and
    averaged over averaged_px x averaged_px pixels; `tolerance` is the calibration's error as a share of the radiance.
    """
    c = blend_statistics(
        merged, learned, frames, reference, ghosts,
        error=error, tolerance=tolerance, averaged_px=averaged_px, settings=settings,
    )  # fmt: skip
    darker = frames[:reference]
    kept = hue_kept(merged, frames[reference], c.occluded)
    measured = c.clipped * measured_highlight_map(darker, ghosts, c.clipped, settings)
    impossible = impossible_darkness_map(c, settings) * (1.0 - kept)
    ghost = np.maximum(mean_outlier_weight(c, settings), texture_outlier_weight(c, settings))
    ghost = ghost * (1.0 - own_frame_allowance(c, settings))
    ghost = ghost * (1.0 - measured)
    ghost = np.maximum(ghost, impossible)
    weight = least_noise_weight(c, settings) * (1.0 - kept * measured)  # a hundredth of its white shows in a pure hue
    weight = weight + ghost * (1.0 - weight)
    weight = weight + c.occluded * (occluded_highlight_weight(c, darker, settings) - weight)
    missing = c.clipped * missing_light_map(c, impossible, settings)
    weight = weight * ((1.0 - contradicted_map(c, settings)) * (1.0 - missing))
    weight = weight * within_network_white_map(merged, frames[reference], error)
    return np.asarray(np.clip(weight, 0.0, 1.0), np.float32)


def least_noise_weight(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) share of the network that leaves the least variance.

    Both hold some of the reference's noise, and of what its curve leaves open near black.
    """
    pixel = np.float32(c.averaged_px**2)  # what averaging took from the noise is still in the picture
    noise, seen_noise = pixel * c.noise, pixel * c.reference_noise
    kept = settings.noise_passed_on
    learned = np.float32(kept**2) * seen_noise + c.toe + np.float32(c.network_rms**2)
    common = np.float32(kept) * c.reference_share * seen_noise + c.reference_share * c.toe
    noise = noise + c.reference_share**2 * c.toe
    share = (noise - common) / np.maximum(noise + learned - 2.0 * common, TINY)
    return np.clip(share, 0.0, 1.0)


def mean_outlier_weight(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where merge and network differ in a local mean by more than noise, which averages out, and errors."""
    error = np.float32((settings.network_bias_factor * usual_error(c, settings)) ** 2)
    return mean_outlier(c.difference, c.noise, c.unexplained + error, settings)


def texture_outlier_weight(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where they differ in mean square by more, but for the finest detail."""
    error = np.float32((settings.network_texture_factor * usual_error(c, settings)) ** 2)
    smooth = blurred(c.difference, settings.texture_px)
    noise = c.noise + c.reference_noise
    variance = noise * np.float32(1.0 / (4.0 * np.pi * settings.texture_px**2)) + (c.unexplained + error)
    square = channel_max(blurred(smooth**2, settings.window_px)) / blurred(variance, settings.window_px)
    return improbable(square, settings)


def own_frame_allowance(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where the merge is the reference alone, unclipped: that holds no ghost."""
    return np.asarray(c.reference_share**settings.reference_power * (1.0 - c.clipped), np.float32)


def measured_highlight_map(
    darker: Sequence[CalibratedFrame], ghosts: Ghosts, like: Plane, settings: BlendSettings = BLEND
) -> Plane:
    """(h, w) 1 where some darker frame, consistent with the others, shows more light than the reference's white.

    A ghost there would be darker.
    """
    measured = np.zeros_like(like)
    shape = (like.shape[0], like.shape[1])
    for frame, consistency in zip(darker, ghosts.consistency, strict=False):
        light = channel_max(frame.exposure()) * np.float32(1.0 / frame.gain)
        np.maximum(
            measured, enlarge_rows(consistency, shape) * ramp(light, *settings.measured_highlight), out=measured
        )  # fmt: skip
    return measured


def impossible_darkness_map(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where the merge is darker than what the reference clips."""
    return ramp(channel_max(c.white * (c.shown - c.merged)), *settings.darker)


def occluded_highlight_weight(
    c: BlendStatistics, darker: Sequence[CalibratedFrame], settings: BlendSettings = BLEND
) -> Plane:
    """(h, w) how much of a highlight is the network's where both it and the fill have to guess it."""
    guess = c.fill_error**2 / (c.fill_error**2 + (settings.guess_factor * c.network_rms) ** 2)
    coloured = np.clip(1.5 - c.white.sum(axis=2) / 2.0, 0.0, 1.0)  # 1: two channels are measured, 1/2: one is
    trusted = 1.0 - np.float32(settings.measured_channel_discount) * coloured
    rim = 1.0 - coverage_map(darker, c.occluded)
    trusted += rim * (np.float32(settings.rim_share) * np.maximum(1.0 - 2.0 * coloured, 0.0) - trusted)
    return np.asarray(guess * trusted, np.float32)


def contradicted_map(c: BlendStatistics, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where the reference's measurements contradict the network, and more than they do the merge."""
    beyond, off = (
        c.measured * (plane - np.clip(plane, c.least_shown, c.most_shown)) for plane in (c.learned, c.merged)
    )
    error = np.full_like(c.noise, (settings.network_bias_factor * usual_error(c, settings)) ** 2)
    mine, theirs = (channel_max(blurred(plane**2, settings.window_px)) for plane in (beyond, off))
    part = mine / np.maximum(mine + theirs, TINY)
    return mean_outlier(beyond, c.reference_noise, error, settings) * part


def missing_light_map(c: BlendStatistics, impossible: Plane, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 1 where the network shows less light than is known to be there, though the reference clips.

    Known by the reference's white, or by the merge, which darker frames measured unless it is `impossible` (h, w)
    or a guess, which contradicts nothing.
    """
    above = blurred(channel_max(c.learned - c.shown), settings.window_px)
    below = channel_max(c.difference)
    too_dark = (1.0 - ramp(above, *settings.brighter)) * (1.0 - impossible)
    too_dark += c.occluded * (ramp(-above, *settings.below_white) - too_dark)
    not_below = 1.0 - ramp(np.maximum(blurred(below, settings.window_px), below), *settings.darker)
    not_below += c.occluded * (1.0 - not_below)
    return np.asarray(1.0 - (1.0 - too_dark) * not_below, np.float32)


def within_network_white_map(merged: Plane, own: CalibratedFrame, error: NetworkError) -> Plane:
    """(h, w) 0 where the network guesses: the reference has no data, or no white beyond which it would tell light."""
    known = np.ones(merged.shape[:2], np.bool_) if own.valid is None else own.valid
    if not own.clips:
        known = known & (channel_max(merged) * np.float32(1.0 / error.white) < CLIPPING.start)
    return np.asarray(known, np.float32)


def coverage_map(darker: Sequence[CalibratedFrame], like: Plane) -> Plane:
    """(h, w) 1 where some darker frame shows anything at all."""
    reached = np.zeros_like(like)
    for frame in darker:
        np.maximum(reached, np.float32(1.0) if frame.valid is None else frame.valid, out=reached)
    return reached


def usual_error(c: BlendStatistics, settings: BlendSettings = BLEND) -> float:
    """What the network differs by from the frames as a rule, which resampling changes too."""
    return c.network_rms * (settings.resampled_factor if c.resampled else 1.0)


def mean_outlier(difference: Plane, noise: Plane, other: Plane, settings: BlendSettings = BLEND) -> Plane:
    """(h, w) 0 where a mean difference (h, w, 3) is explained by noise, whose variance averages out, and by `other`."""
    left = blurred(noise, settings.window_px) * np.float32(1.0 / (4.0 * np.pi * settings.window_px**2)) + other
    return improbable(channel_max(blurred(difference, settings.window_px) ** 2) / left, settings)


def improbable(square: Plane, settings: BlendSettings = BLEND) -> Plane:
    """0 for squared differences, in variances, that chance explains, up to 1."""
    doubt = 1.0 - np.exp(-np.maximum(square - settings.chi2_knee, 0.0) / settings.chi2_scale)
    return np.asarray(doubt, np.float32)


def visible_change(
    merged: Plane, learned: Plane, share: Plane, *, white: float, settings: BlendSettings = BLEND
) -> Plane:
    """(h, w) root mean square of what the network's share changes in the merge (h, w, 3), after the mu-law."""
    unit = np.float32(1.0 / white)
    change = share[..., None] * (mu_law(learned * unit) - mu_law(merged * unit))
    return np.sqrt(channel_max(blurred(change**2, settings.window_px)))


def blend(merged: Plane, learned: Plane, share: Plane, *, white: float) -> None:
    """Put the network's share into the merged radiance (H, W, 3), in place; `share` may be smaller than the frame.

    What both see at the network's white and above stays the merge's: the network does not reach further.
    """
    height, width = merged.shape[:2]

    def blend_strip(strip: Strip) -> None:
        rows = strip.rows
        least = channel_min(np.minimum(merged[rows], learned[rows])) * np.float32(1.0 / white)
        taken = enlarge_rows(share, (height, width), rows) * (1.0 - ramp(least, CLIPPING.start, CLIPPING.end))
        merged[rows] += taken[..., None] * (learned[rows] - merged[rows])

    for _ in each_strip(blend_strip, height):
        pass

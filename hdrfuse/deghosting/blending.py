"""Blending: how much of the picture comes from the network, and how much from the merged frames.

Both say something of every pixel. The merge has the lower noise wherever several frames agree, but may hold a ghost
that nobody noticed, leans on the reference alone where something moved, and guesses where that is clipped. The
network's error is about the same everywhere. So each counts by the inverse of its variance, the merge loses where
the two differ by more than both errors explain, and the network where the reference contradicts it more than the
merge.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIP_FROM, CLIP_TO, ramp, unclipped
from hdrfuse.imaging.merging.strips import STRIP_ROWS, WORKERS, enlarge_rows
from hdrfuse.imaging.merging.weights import finest_detail
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max, channel_min

MU = 5000.0
"""Errors are compared after the mu-law, on which the network was trained (LF-Diff, eq. 1)."""

WINDOW_PX = 1.5
"""Standard deviation of the window over which differences are averaged."""

CHI2_KNEE, CHI2_SCALE = 1.0, 4.0
"""Squared differences in standard deviations: no doubt up to CHI2_KNEE, of which CHI2_SCALE more leaves a third."""

NETWORK_BIAS_FACTOR = 1.6
"""Errors of the network that are nothing special, in its standard deviations: they are not normally distributed."""

NETWORK_TEXTURE_FACTOR = 1.3
"""The same of errors of either sign, which a mean does not show: texture that moved a little, hair, leaves."""

UNEVEN_PX = 1.0
"""Standard deviation of the window that takes the finest detail out of them, in which resampled frames differ."""

RESAMPLED = 1.55
"""How much larger both may be where frames were resampled, which changes them too."""

NOISE_KEPT = 0.8
"""How much of the reference's noise the network passes on: what the merge has of it too does not average out."""

UNSEEN = 2.0
"""How much larger the network's error may be on scenes unlike those that it was validated on."""

GUESSED = 2.5
"""How much larger the network's error is where no frame shows reliably what is there."""

FILL_ERROR = 0.02
"""Error of a highlight that is continued from its surroundings, after the mu-law."""

BRIGHTER = (0.01, 0.06)
"""What the network must show above the reference's white, after the mu-law, to outdo a darker frame's measurement."""

BELOW_WHITE = (0.05, 0.1)
"""How far below the reference's white the network contradicts that something is clipped there."""

COLOURED = 0.9
"""How much less the network counts where the reference measures two channels of three: the fill goes by them."""

UNREACHED = 0.25
"""How much it counts in white light at the rim of hand-held frames, where no darker one reaches; nothing in colours."""

SHINING = (0.9, 1.0)
"""Share of the reference's white from which a darker frame measures the light itself."""

DARKER = (0.02, 0.06)
"""How far it may stay below a darker frame's measurement, and the merge below what the reference clips."""

OWN_POWER = 16
"""How soon a merge counts as the reference alone: power of the reference's share in it."""


@dataclass(frozen=True, kw_only=True)
class NetworkError:
    """What is known of the network's picture before it is compared."""

    white: float
    """Radiance at which it ends, where the reference's white is 1."""
    rms: float
    """Root mean square error after the mu-law, where its white is 1."""


def blend_weight_map(
    merged: Plane, learned: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, *,
    error: NetworkError, tolerance: float, averaged_px: int = 1,
) -> Plane:  # fmt: skip
    """(h, w) share of the picture that the network gives, 0 to 1.

    `merged` and `learned` are radiances (h, w, 3), `frames` what they came from, all registered, of one size and
    averaged over averaged_px x averaged_px pixels; `tolerance` is the calibration's error as a share of the radiance.
    """
    unit, rms = np.float32(1.0 / error.white), UNSEEN * error.rms
    own = frames[reference]
    seen = np.minimum(own.exposure(), np.float32(CLIP_TO))
    spread = np.maximum(np.float32(own.toe) - seen, 0)
    compressed, proposed, least_shown, most_shown = (
        _mu_law(plane * unit) for plane in (merged, learned, np.maximum(seen - spread, 0), seen + spread)
    )
    slope = _mu_law_slope(merged * unit) * unit
    variance, own_share = _variance_of_merge(merged, frames, reference, ghosts)
    noise = (variance * slope**2).mean(axis=2)
    seen_noise = (own.noise.variance(seen) * slope**2).mean(axis=2)
    toe = ((most_shown - least_shown) ** 2).mean(axis=2) / 4
    slack = ((np.float32(tolerance) * merged * slope) ** 2).max(axis=2)
    measured = unclipped(own, seen, apart=True)
    white = 1.0 - measured
    clipped = channel_max(white)
    unknown = _fitted(ghosts.occluded_highlight_mask, merged)

    pixel = np.float32(averaged_px**2)  # what averaging took from the noise is still in the picture
    share = _least_noise(pixel * noise, pixel * seen_noise, toe, own_share, rms)
    other = slack + (1.0 - own_share) ** 2 * toe
    usual = rms
    if detail_loss := max(frame.detail_loss for frame in frames):
        other += np.float32(detail_loss) * channel_max(finest_detail(compressed))
        usual *= RESAMPLED
    difference = compressed - proposed
    differs = mean_outlier_weight(difference, noise, other + np.float32((NETWORK_BIAS_FACTOR * usual) ** 2))
    np.maximum(
        differs,
        texture_outlier_weight(
            difference, noise + seen_noise, other + np.float32((NETWORK_TEXTURE_FACTOR * usual) ** 2)
        ),
        out=differs,
    )
    differs *= 1.0 - own_share**OWN_POWER * (1.0 - clipped)  # the reference alone holds no ghost
    differs *= 1.0 - clipped * measured_highlight_map(frames[:reference], ghosts, clipped)  # a ghost would be darker
    shown = _mu_law(seen * unit)
    impossible = ramp((white * (shown - compressed)).max(axis=2), *DARKER)  # darker than what clips
    np.maximum(differs, impossible, out=differs)
    share += differs * (1.0 - share)
    share += unknown * (_guessed(frames[:reference], white, unknown, rms) - share)
    if own.valid is not None:
        measured *= own.valid[..., None]  # no data contradict nothing
    beyond, off = (measured * (plane - np.clip(plane, least_shown, most_shown)) for plane in (proposed, compressed))
    contradicted = mean_outlier_weight(
        beyond, seen_noise, np.full_like(noise, (NETWORK_BIAS_FACTOR * usual) ** 2)
    ) * _part(beyond, off)
    lacking = missing_light_map((proposed - shown).max(axis=2), difference.max(axis=2), impossible, unknown)
    share *= (1.0 - contradicted) * (1.0 - clipped * lacking)
    if own.valid is not None or not own.clips:  # the network does not see that there is light above its white
        told = np.False_ if own.valid is None or not own.clips else own.valid
        share *= told | (channel_max(merged) * unit < CLIP_FROM)
    return np.asarray(np.clip(share, 0.0, 1.0), np.float32)


def visible_change(merged: Plane, learned: Plane, share: Plane, *, white: float) -> Plane:
    """(h, w) root mean square of what the network's share changes in the merge (h, w, 3), after the mu-law."""
    unit = np.float32(1.0 / white)
    change = share[..., None] * (_mu_law(learned * unit) - _mu_law(merged * unit))
    return np.sqrt(channel_max(_blurred(change**2)))


def blend(merged: Plane, learned: Plane, share: Plane, *, white: float) -> None:
    """Put the network's share into the merged radiance (H, W, 3), in place; `share` may be smaller than the frame.

    What both see at the network's white and above stays the merge's: the network does not reach further.
    """
    height, width = merged.shape[:2]

    def strip(top: int) -> None:
        rows = slice(top, min(top + STRIP_ROWS, height))
        least = channel_min(np.minimum(merged[rows], learned[rows])) * np.float32(1.0 / white)
        taken = enlarge_rows(share, (height, width), rows) * (1.0 - ramp(least, CLIP_FROM, CLIP_TO))
        merged[rows] += taken[..., None] * (learned[rows] - merged[rows])

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for _ in pool.map(strip, range(0, height, STRIP_ROWS)):
            pass


def _least_noise(noise: Plane, seen_noise: Plane, toe: Plane, own_share: Plane, rms: float) -> Plane:
    """Share of the network (h, w) that leaves the least variance.

    Both hold some of the reference's noise, and of what its curve leaves open near black.
    """
    learned = np.float32(NOISE_KEPT**2) * seen_noise + toe + np.float32(rms**2)
    common = np.float32(NOISE_KEPT) * own_share * seen_noise + own_share * toe
    noise = noise + own_share**2 * toe
    share = (noise - common) / np.maximum(noise + learned - 2.0 * common, np.float32(1e-12))
    return np.clip(share, 0.0, 1.0)


def _variance_of_merge(
    merged: Plane, frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts
) -> tuple[Plane, Plane]:
    """Noise's variance (h, w, 3) in a mean that weighs frames as the merge does, and the reference's weight (h, w)."""
    total, spread = np.zeros_like(merged), np.zeros_like(merged)
    own = np.zeros_like(merged)
    apart = all(frame.exact for frame in frames)
    for index, frame in enumerate(frames):
        gain = np.float32(frame.gain)
        variance = frame.variance(merged * gain) / gain**2
        agreement = _fitted(ghosts.consistency[index], merged)[..., None] * unclipped(frame, frame.exposure(), apart)
        if frame.valid is not None:
            agreement *= frame.valid[..., None]
        if index == reference:
            agreement = np.maximum(agreement, np.float32(1e-4))
        weight = agreement / variance
        total += weight
        spread += weight**2 * frame.noise.variance(merged * gain) / gain**2
        if index == reference:
            own = weight
    return spread / total**2, (own / total).mean(axis=2)


def mean_outlier_weight(difference: Plane, noise: Plane, other: Plane) -> Plane:
    """(h, w) 0 where a mean difference (h, w, 3) is explained by noise, whose variance averages out, and by `other`."""
    spread = _blurred(noise) * np.float32(1.0 / (4.0 * np.pi * WINDOW_PX**2)) + other
    return _improbable(channel_max(_blurred(difference) ** 2) / spread)


def texture_outlier_weight(difference: Plane, noise: Plane, other: Plane) -> Plane:
    """(h, w) 0 where noise and `other` explain the mean square of a difference (h, w, 3) but for its finest detail."""
    smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), UNEVEN_PX), np.float32)
    variance = noise * np.float32(1.0 / (4.0 * np.pi * UNEVEN_PX**2)) + other
    return _improbable(channel_max(_blurred(smooth**2)) / _blurred(variance))


def _guessed(darker: Sequence[CalibratedFrame], white: Plane, unknown: Plane, rms: float) -> Plane:
    """(h, w) how much of a highlight is the network's where both it and the fill have to guess it.

    `white` (h, w, 3) is 1 where a channel of the reference clips.
    """
    guess = FILL_ERROR**2 / (FILL_ERROR**2 + (GUESSED * rms) ** 2)
    coloured = np.clip(1.5 - white.sum(axis=2) / 2.0, 0.0, 1.0)  # 1: two channels are measured, 1/2: one is
    trusted = 1.0 - np.float32(COLOURED) * coloured
    rim = 1.0 - coverage_map(darker, unknown)
    trusted += rim * (np.float32(UNREACHED) * np.maximum(1.0 - 2.0 * coloured, 0.0) - trusted)
    return np.asarray(np.float32(guess) * trusted, np.float32)


def missing_light_map(above: Plane, below: Plane, impossible: Plane, unknown: Plane) -> Plane:
    """(h, w) 1 where the network shows less light than is known to be there, though the reference clips.

    `above`: how far the network exceeds what the reference shows; `below`: how far it stays below the merge, which
    darker frames measured unless it is `impossible` or `unknown`.
    """
    above = _blurred(above)
    too_dark = (1.0 - ramp(above, *BRIGHTER)) * (1.0 - impossible)
    too_dark += unknown * (ramp(-above, *BELOW_WHITE) - too_dark)
    not_below = 1.0 - ramp(np.maximum(_blurred(below), below), *DARKER)
    not_below += unknown * (1.0 - not_below)  # what the merge guesses there contradicts nothing
    return np.asarray(1.0 - (1.0 - too_dark) * not_below, np.float32)


def _part(one: Plane, other: Plane) -> Plane:
    """(h, w) what one difference (h, w, 3) has of the squares of both."""
    mine, theirs = (channel_max(_blurred(difference**2)) for difference in (one, other))
    return mine / np.maximum(mine + theirs, np.float32(1e-12))


def _improbable(square: Plane) -> Plane:
    """0 for squared differences, in variances, that chance explains, up to 1."""
    return np.asarray(1.0 - np.exp(-np.maximum(square - CHI2_KNEE, 0.0) / CHI2_SCALE), np.float32)


def measured_highlight_map(darker: Sequence[CalibratedFrame], ghosts: Ghosts, like: Plane) -> Plane:
    """(h, w) 1 where some darker frame, in agreement with the others, shows more light than the reference's white."""
    shining = np.zeros_like(like)
    for frame, consistency in zip(darker, ghosts.consistency, strict=False):
        light = channel_max(frame.exposure()) * np.float32(1.0 / frame.gain)
        np.maximum(shining, _fitted(consistency, like) * ramp(light, *SHINING), out=shining)
    return shining


def coverage_map(darker: Sequence[CalibratedFrame], like: Plane) -> Plane:
    """(h, w) 1 where some darker frame shows anything at all."""
    reached = np.zeros_like(like)
    for frame in darker:
        np.maximum(reached, np.float32(1.0) if frame.valid is None else frame.valid, out=reached)
    return reached


def _fitted(plane: Plane, like: Plane) -> Plane:
    return enlarge_rows(plane, (like.shape[0], like.shape[1]), slice(0, like.shape[0]))


def _blurred(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), WINDOW_PX), np.float32)


def _mu_law(radiance: Plane) -> Plane:
    return np.asarray(np.log1p(np.float32(MU) * radiance) / np.float32(np.log1p(MU)), np.float32)


def _mu_law_slope(radiance: Plane) -> Plane:
    return np.asarray(np.float32(MU / np.log1p(MU)) / (1.0 + np.float32(MU) * radiance), np.float32)

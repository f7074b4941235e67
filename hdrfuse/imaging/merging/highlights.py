"""Where a frame nears white, and what may stand behind it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_max
from hdrfuse.setting_limits import Range, Settings


@dataclass(frozen=True, kw_only=True)
class ClippingSettings(Settings):
    """Where a frame stops to measure, as exposures; 1 = its white.

    Measured in the classical merge's PSNR-mu, mean of eight procedural scenes, two a kind of motion, by `hdrfuse bench
    --what settings --setting clipping --seeds 2 --size 384x256`; after "camera", of eight collages as a camera model
    writes them (`--images DIR --movers DIR --camera`).
    """

    start: float = 0.80
    """From here on a pixel loses weight: averaging, compression and the shoulder already bend what is nearly white.

    Half: -0.08, camera +0.32. Twice is beyond `end`: -25.7, camera -14.4.
    """
    end: float = 0.96
    """From here on it has none: code 250 of 255 under gamma 2.2, the least that JPEG leaves of a clipped value.

    Half / twice: -27.1 / -18.7, camera -13.3 / -3.5.
    """


CLIPPING = ClippingSettings()


@dataclass(frozen=True, kw_only=True)
class HighlightSettings(Settings):
    """How hidden highlights are continued from the ones around.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    procedural scenes, by `hdrfuse bench --what settings --setting highlights --seeds 1 --size 384x256 --noise 0.15`:
    two of them hide highlights, a sample too small to move a value by.
    """

    known: float = 0.99
    """Share of known light from which a pixel is fitted: the soft edge of something that moved would be learned too.

    Half: +0.10. Above 1 nothing is fitted: -3.1.
    """
    step_px: int = 8
    """Fits are this far apart, in pixels. Half / twice: +0.06 / +0.08."""
    ridge: float = 1e-2
    """Variance of a natural logarithm below which a channel explains nothing: smooth skies need a firm one.

    Half / twice: -0.05 / +0.05.
    """
    enough: float = 0.1
    """Share of a fit's pixels that must be known. Half / twice: 0 / -0.02."""
    reach: float = 2.5
    """Standard deviations of a channel in a fit that it holds for. Half / twice: 0 / 0."""
    faintest: float = 1e-4
    """Least radiance in a fit, as a share of the reference's white: keeps logarithms defined. Half / twice: 0 / 0."""
    brightest: float = 64.0
    """Most radiance in a fit: six stops above the reference's white, beyond a bracket of three. Half / twice: 0 / 0."""
    keeps_hue: Range = (0.75, 0.85)
    """Radiance of the brightest channel from which what darker frames measure is not raised to the reference's whites
    any more, under a guessed curve: whose shoulder tells light less well, and whose hues are cut off.

    Twelve still brackets of a camera model, validation split, classical: 38.14 dB with whites held as they are, 38.53
    with (1.0, 1.3); of a lit street at night 32.8 and 36.6. That left a bright line in a sky, at white,
    this does not.
    """
    fill_weight: float = 0.3
    """Weight of a fill's own brightness beside that of the channels that are measured. Half / twice: +0.03 / -0.04."""


HIGHLIGHTS = HighlightSettings()


def ramp(plane: Plane, low: float, high: float) -> Plane:
    """0 up to `low`, 1 from `high`, straight in between."""
    return np.asarray(np.clip((plane - low) / (high - low), 0.0, 1.0), np.float32)


def unclipped(frame: CalibratedFrame, exposure: Plane, apart: bool, *, start: float | None = None) -> Plane:
    """1 where nothing (h, W, 1), or where each channel (h, W, 3), of a frame's exposure (h, W, 3) is clipped.

    From `start` on, `CLIPPING.start` if not given, it is less; of a frame whose shoulder lies lower, as much lower.
    """
    if not frame.clips:
        return np.ones((*exposure.shape[:2], 3 if apart else 1), np.float32)
    top = min(CLIPPING.end, frame.shoulder)
    start = CLIPPING.start if start is None else start
    return np.float32(1.0) - ramp(
        exposure if apart else channel_max(exposure)[..., None], top * start / CLIPPING.end, top
    )


def hue_kept(radiance: Plane, reference: CalibratedFrame, guessed: Plane) -> Plane:
    """(h, w) 1 where the reference's whites say nothing against a merged radiance (h, w, 3), 1.0 = its white.

    Under a guessed curve a channel may be white because another one clipped before the camera mixed its colours, so
    that hues stay as darker frames measure them, unless the radiance is `guessed` (h, w).
    """
    if not reference.guessed:
        return np.zeros(radiance.shape[:2], np.float32)
    return ramp(channel_max(radiance), *HIGHLIGHTS.keeps_hue) * (np.float32(1.0) - guessed)


def reconstruct_highlights(
    radiance: Plane, seen: Plane, *, known: Plane, clipped: NDArray[np.bool_], white: float
) -> Plane:
    """Fill the unknown with what the known highlights around it are where the reference shows the same of them.

    `seen` is the reference's radiance (h, w, 3), which ends near its `white`, `radiance` (h, w, 3) the true one where
    `known` (h, w) is 1. Where it is `clipped` (h, w), a linear regression of the logarithms of all three channels,
    local as in a guided filter (He et al. 2010), leads from one to the other; its moments are carried on into the
    unknown, coarse to fine (push-pull of Gortler et al. 1996). What no highlight there shows is not extrapolated to.
    """
    weight = np.where(known < HIGHLIGHTS.known, np.float32(0), known * clipped).astype(np.float32)
    if not weight.any():
        return seen
    features, targets = (_log_channels(plane, white) for plane in (seen, radiance))
    fit = _local_fit(features, targets, weight)
    usual = [np.clip(plane, *limits) for plane, limits in zip(features, fit.limits, strict=True)]
    log_fill = [
        offset + sum(slope * plane for slope, plane in zip(slopes, usual, strict=True))
        for offset, slopes in zip(fit.offsets, fit.slopes, strict=True)
    ]
    return np.float32(white) * np.exp(np.minimum(np.stack(log_fill, axis=2), np.log(np.float32(HIGHLIGHTS.brightest))))


def _log_channels(radiance: Plane, white: float) -> list[Plane]:
    return [
        np.asarray(np.log(np.maximum(radiance[..., c] / np.float32(white), HIGHLIGHTS.faintest)), np.float32)
        for c in range(3)
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _LocalFit:
    """Local linear regressions of three channels on three, every entry a plane (h, w)."""

    slopes: list[list[Plane]]
    """By target, then by feature."""
    offsets: list[Plane]
    """By target."""
    limits: list[tuple[Plane, Plane]]
    """By feature: the least and the most that it was fitted on, nearly."""


def _local_fit(features: list[Plane], targets: list[Plane], weight: Plane) -> _LocalFit:
    height, width = weight.shape
    size = (max(width // HIGHLIGHTS.step_px, 1), max(height // HIGHLIGHTS.step_px, 1))

    def averaged(plane: Plane) -> Plane:
        return np.asarray(cv2.resize(plane * weight, size, interpolation=cv2.INTER_AREA), np.float32)

    def enlarged(plane: NDArray[np.floating]) -> Plane:
        return np.asarray(
            cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR), np.float32
        )

    planes = [*features, *targets, *(a * b for a in features for b in (*features, *targets))]
    coarse = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    enough = coarse >= min(HIGHLIGHTS.enough, float(coarse.max()))
    coarse *= enough
    sums = (
        np.stack([averaged(plane) * enough for plane in planes[at : at + 3]], axis=2) for at in range(0, len(planes), 3)
    )
    means = np.concatenate([push_pull(three, coarse, three) for three in sums], axis=2).astype(np.float64)
    of_features, of_targets = means[..., :3], means[..., 3:6]
    products = means[..., 6:].reshape(*coarse.shape[:2], 3, 6)  # feature by feature, then by target
    covariance = products - of_features[..., :, None] * means[..., None, :6]
    firm = covariance[..., :3] + HIGHLIGHTS.ridge * np.eye(3)
    slopes = np.linalg.solve(firm, covariance[..., 3:])  # (h', w', feature, target)
    offsets = of_targets - (of_features[..., None, :] @ slopes)[..., 0, :]
    reach = HIGHLIGHTS.reach * np.sqrt(np.einsum("...ii->...i", firm))
    return _LocalFit(
        slopes=[[enlarged(slopes[..., feature, target]) for feature in range(3)] for target in range(3)],
        offsets=[enlarged(offsets[..., target]) for target in range(3)],
        limits=[
            (enlarged((of_features - reach)[..., feature]), enlarged((of_features + reach)[..., feature]))
            for feature in range(3)
        ],
    )


def push_pull(weighted: Plane, weight: Plane, fallback: Plane) -> Plane:
    """Values (h, w, 3) known where `weight` (h, w) > 0, carried on smoothly elsewhere; `weighted` = value * weight."""
    height, width = weight.shape
    if min(height, width) <= 2:
        total = float(weight.sum())
        mean = weighted.sum(axis=(0, 1)) / total if total > 0 else fallback.mean(axis=(0, 1))
        return np.broadcast_to(mean.astype(np.float32), fallback.shape).copy()
    size = (max(width // 2, 1), max(height // 2, 1))
    coarse_weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    coarse_sum = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    # A coarse pixel that holds any known pixel is known: that keeps the fill close to its border.
    scale = np.where(coarse_weight > 0, 1.0 / np.maximum(coarse_weight, 1e-6), 0.0).astype(np.float32)
    coarse = push_pull(
        coarse_sum * scale[..., None], (coarse_weight > 0).astype(np.float32),
        np.asarray(cv2.resize(fallback, size, interpolation=cv2.INTER_AREA), np.float32),
    )  # fmt: skip
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(weight[..., None] > 0, weighted / np.maximum(weight, 1e-6)[..., None], up)

"""Weights: how much each frame counts at each pixel, the one formula that merge, blend and ghost map go by."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdrfuse.imaging.merging.coverage import stand_ins
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING, unclipped
from hdrfuse.imaging.merging.strips import enlarge_rows
from hdrfuse.imaging.radiometry import IMMERKAER, CalibratedFrame, Plane
from hdrfuse.setting_limits import Settings

NEIGHBOUR_ROWS = 2
"""Rows above and below a pixel that its finest detail is measured from: derived, two 3 x 3 filters in turn."""


@dataclass(frozen=True, kw_only=True)
class WeightSettings(Settings):
    """What counts where no frame is a good measurement; shares of a good pixel's weight.

    Half and twice of each change nothing in the classical merge's PSNR-mu, to 0.001 dB: in the mean of eight procedural
    scenes, two a kind of motion, by `hdrfuse bench --what settings --setting weights --seeds 2 --size 384x256`, and of
    eight collages as a camera model writes them (`--images DIR --movers DIR --camera`).
    """

    last_resort: float = 1e-7
    """Of a pixel where every frame is clipped: keeps it defined; derived, below any other weight that is left."""
    brighter_resort: float = 1e-9
    """How much less that is in each brighter frame, whose white tells less however uncertain a darker one's is.

    Down to the reference, which has the least: where it has data, a white beyond it says nothing more.
    """
    least_resort: float = 1e-30
    """Where those steps end: derived, float32 ends at 1e-38 and variances divide by up to 1e-8."""
    saturation_contaminated: float = 1e-6
    """Of one that resampling made from clipped pixels too: better than none, so above `last_resort`.

    Hand-held procedural scenes gained 4 dB when such pixels were let speak before the reference's white.
    """
    reference_consistency: float = 1e-4
    """The reference's consistency at least: where nobody agrees, it speaks, and nothing of it where others do."""
    guessed_start: float = 0.4
    """Where a frame of a guessed curve begins to lose weight on its way to white, in the place of `CLIPPING.start`.

    Frames disagree most near white, so that one takes over from the other over a stop. Twelve made brackets of cameras
    in which nothing moves, classical: 0.8 38.10 dB, seams of 0.0569 stop; 0.6 38.12, 0.0546; 0.4 38.13, 0.0539; 0.2
    38.15, 0.0532, with more noise in middle tones.
    """


WEIGHTS = WeightSettings()


def frame_weights(
    frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, exposures: Sequence[Plane], *,
    rows: slice = slice(None), radiance: Plane | None = None, lost_detail: bool = True,
    settings: WeightSettings = WEIGHTS,
) -> list[Plane]:  # fmt: skip
    """Weight (h, W, 3) of each frame in some rows: inverse variance x consistency x not clipped.

    `exposures` are the frames' own (h, W, 3) in these rows; variances are those at the merged `radiance` (h, W, 3),
    or at a first mean of the exposures where nothing is merged yet. They are shot and read noise, what the curve
    leaves open near black, and, unless `lost_detail` is off, what resampling lost of the finest detail.
    """
    trusts = _trusts(frames, reference, exposures, rows, settings)
    least = _least_consistencies(frames, reference, rows, settings)
    shape = (frames[reference].pixels.shape[0], frames[reference].pixels.shape[1])
    for index, frame in enumerate(frames):
        consistency = enlarge_rows(ghosts.consistency[index], shape, rows)
        if (valid := frame.validity(rows)) is not None:
            consistency = consistency * valid
        if index in least:
            consistency = np.maximum(consistency, least[index])
        whole = trusts[index].shape[2] == 1
        trusts[index] = (
            in_channels(trusts[index] * consistency[..., None]) if whole else trusts[index] * in_channels(consistency)
        )
    if radiance is None:
        radiance = _first_mean(frames, exposures, trusts)
    resampled = lost_detail and any(frame.detail_loss > 0.0 for frame in frames)
    detail = finest_detail(radiance) if resampled else None
    return [trust / _variance(frame, radiance, detail) for frame, trust in zip(frames, trusts, strict=True)]


def weighted_mean(planes: Sequence[Plane], weights: Sequence[Plane]) -> Plane:
    """(h, W, 3) mean under weights (h, W, 1 or 3)."""
    total, mean = weights[0].copy(), planes[0] * weights[0]
    for plane, weight in zip(planes[1:], weights[1:], strict=True):
        total += weight
        mean += plane * weight
    return np.divide(mean, total, out=mean)


def in_channels(plane: Plane) -> Plane:
    """A plane (h, W) or (h, W, 1) in three channels: numpy takes twice as long to repeat each number in turn."""
    return np.asarray(cv2.merge((plane,) * 3))


def finest_detail(radiance: Plane) -> Plane:
    """(h, W, 3) variance of what lies above half the sampling rate, from second differences (Immerkaer 1996)."""
    return np.asarray(cv2.blur(cv2.filter2D(radiance, -1, IMMERKAER) ** 2, (3, 3)), np.float32)


def _variance(frame: CalibratedFrame, radiance: Plane, detail: Plane | None) -> Plane:
    """Variance (h, W, 3) of what a frame says of the radiance."""
    variance = frame.variance(radiance * np.float32(frame.gain))
    variance *= np.float32(frame.gain**-2)
    if detail is not None and frame.detail_loss > 0.0:
        variance += np.float32(frame.detail_loss) * detail
    return variance


def _first_mean(frames: Sequence[CalibratedFrame], exposures: Sequence[Plane], trusts: Sequence[Plane]) -> Plane:
    """Radiance (h, W, 3) from shot noise alone, whose inverse variance goes by the gain."""
    radiances = [
        exposure if frame.gain == 1.0 else exposure * np.float32(1.0 / frame.gain)
        for frame, exposure in zip(frames, exposures, strict=True)
    ]
    weights = [trust * np.float32(frame.gain) for frame, trust in zip(frames, trusts, strict=True)]
    return weighted_mean(radiances, weights)


def _trusts(
    frames: Sequence[CalibratedFrame], reference: int, exposures: Sequence[Plane], rows: slice, settings: WeightSettings
) -> list[Plane]:
    """(h, W, 1 or 3) a frame: 1 where a pixel is a measurement, nearly 0 where it is clipped.

    Hues stay whole, a pixel counts or does not, unless the curve is known exactly: then each channel is a
    measurement of its own, and a red lamp does not cost the green and blue beside it.
    """
    apart = all(frame.exact for frame in frames)
    starts = [settings.guessed_start if frame.guessed else CLIPPING.start for frame in frames]
    trusts = [
        unclipped(frame, exposure, apart, start=start)
        for frame, exposure, start in zip(frames, exposures, starts, strict=True)
    ]
    beside_white = trusts[reference].copy()
    for frame, trust in zip(frames, trusts, strict=True):
        if (contaminated := frame.is_saturation_contaminated(rows)) is not None:
            trust[contaminated] *= np.float32(settings.saturation_contaminated)
        if frame.gain > frames[reference].gain:
            # What is white in the reference is white in a longer exposure, or something moved.
            np.multiply(trust, beside_white, out=trust)
    resorts = _resorts(frames, reference, rows, settings)
    return [trust + np.asarray(resort, np.float32) for trust, resort in zip(trusts, resorts, strict=True)]


def _resorts(
    frames: Sequence[CalibratedFrame], reference: int, rows: slice, settings: WeightSettings
) -> list[Plane | float]:
    """Weight, a number or (h, W, 1), of each frame's white where no frame measures.

    The darkest that agrees has the say, a brighter one than the reference only where that has no data.
    """
    own = frames[reference].gain
    valid = frames[reference].validity(rows)
    beyond = 0.0 if valid is None else np.float32(1.0) - valid[..., None].astype(np.float32)
    ranks = [sum(darker.gain < frame.gain for darker in frames) for frame in frames]
    steps = ranks[reference] if valid is None else max(ranks)
    spread = (settings.least_resort / settings.last_resort) ** (1.0 / max(steps, 1))
    step = max(settings.brighter_resort, spread)
    return [
        settings.last_resort * step**rank * (1.0 if frame.gain <= own else beyond)
        for frame, rank in zip(frames, ranks, strict=True)
    ]


def _least_consistencies(
    frames: Sequence[CalibratedFrame], reference: int, rows: slice, settings: WeightSettings
) -> dict[int, Plane]:
    """How much frames count at least, () or (h, W): where nobody agrees, the reference speaks.

    Where it has no data, the first of its stand-ins that has speaks, and where none has, its black stands.
    """
    speaks = np.float32(settings.reference_consistency)
    if (valid := frames[reference].validity(rows)) is None:
        return {reference: np.asarray(speaks)}
    silent, least = ~valid, dict[int, Plane]()
    for index in stand_ins(frames, reference):
        other = frames[index].validity(rows)
        usable = silent if other is None else silent & other
        least[index] = np.asarray(speaks * usable)
        silent = silent & ~usable
    return {**least, reference: np.asarray(speaks * (valid | silent))}

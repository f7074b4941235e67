"""Radiance merging: one noise-optimal picture from frames that agree."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from hdrfuse.imaging.merging.coverage import stand_ins
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import BRIGHTEST, CLIP_FROM, CLIP_TO, ramp
from hdrfuse.imaging.radiometry import IMMERKAER, CalibratedFrame, Plane, channel_max, linearise

STRIP_ROWS = 64
"""Rows merged at a time: small enough for the processor's cache."""

LAST_RESORT = 1e-7
"""Weight, relative to a well exposed pixel's, that keeps a pixel defined where every frame is clipped."""

BRIGHTER_RESORT, LEAST_RESORT = 1e-9, 1e-30
"""How much less that is in each brighter frame, whose white tells less however uncertain a darker one's is.

Down to the reference, which has the least: where it has data, a white beyond it says nothing more.
"""

SATURATION_CONTAMINATED_WEIGHT = 1e-6
"""Weight, relative to a good pixel's, of one that resampling made from clipped ones too: better than none."""

FILL_WEIGHT = 0.3
"""Weight of a fill's own brightness beside that of the channels that are measured."""

NEIGHBOUR_ROWS = 2
"""Rows above and below a pixel that its finest detail is measured from."""

WORKERS = 2


def merge(
    frames: Sequence[CalibratedFrame],
    reference: int,
    ghosts: Ghosts,
    *,
    progress: Callable[[float], None] | None = None,
) -> Plane:
    """Weighted mean of the frames' radiances -> (H, W, 3), 1.0 = the reference's white, no negatives.

    Each frame's weight is the inverse of its variance at the merged radiance (shot and read noise), times its
    consistency, times nothing where it is clipped. Where the reference is clipped and no darker frame agrees,
    the radiance is continued from the highlights around.
    """
    height, width = frames[reference].pixels.shape[:2]
    merged = np.empty((height, width, 3), np.float32)
    tops = range(0, height, STRIP_ROWS)
    around = NEIGHBOUR_ROWS if any(frame.detail_loss > 0.0 for frame in frames) else 0

    def strip(top: int) -> None:
        bottom = min(top + STRIP_ROWS, height)
        rows = slice(max(top - around, 0), min(bottom + around, height))
        merged[top:bottom] = _merge_rows(frames, reference, ghosts, rows)[top - rows.start : bottom - rows.start]

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for done, _ in enumerate(pool.map(strip, tops), start=1):
            if progress is not None:
                progress(done / len(tops))
    return merged


def _merge_rows(frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, rows: slice) -> Plane:
    shape = frames[reference].pixels.shape[:2]
    exposures = [frame.exposure(rows) for frame in frames]
    seen = exposures[reference].copy()
    trusts = _trusts(frames, reference, exposures, rows)
    least = _least_agreements(frames, reference, rows)
    for index, (frame, trust) in enumerate(zip(frames, trusts, strict=True)):
        agreement = enlarge_rows(ghosts.consistency[index], shape, rows)
        if (valid := frame.validity(rows)) is not None:
            agreement = agreement * valid
        if index in least:
            agreement = np.maximum(agreement, least[index])
        np.multiply(trust, agreement[..., None], out=trust)
        if frame.gain != 1.0:
            exposures[index] *= np.float32(1.0 / frame.gain)
    radiances = exposures
    first = _weighted_mean(radiances, [trust * np.float32(f.gain) for f, trust in zip(frames, trusts, strict=True)])
    weights = []
    detail: Plane | None = None
    for frame, trust in zip(frames, trusts, strict=True):
        variance = frame.variance(first * np.float32(frame.gain))
        variance *= np.float32(frame.gain**-2)
        if frame.detail_loss > 0.0:
            detail = finest_detail(first) if detail is None else detail
            variance += np.float32(frame.detail_loss) * detail
        weights.append(np.divide(trust, variance, out=variance))
    merged = _weighted_mean(radiances, weights)
    unknown = enlarge_rows(ghosts.occluded_highlight_mask, shape, rows)[..., None]
    if unknown.any():
        fill = enlarge_rows(ghosts.highlight_estimate, shape, rows)
        merged += unknown * (_restored(merged, fill, seen) - merged)
    return np.maximum(merged, 0.0, out=merged)


def _least_agreements(frames: Sequence[CalibratedFrame], reference: int, rows: slice) -> dict[int, Plane]:
    """How much frames count at least, () or (h, W): where nobody agrees, the reference speaks.

    Where it has no data, the first of its stand-ins that has speaks, and where none has, its black stands.
    """
    speaks = np.float32(1e-4)
    if (valid := frames[reference].validity(rows)) is None:
        return {reference: np.asarray(speaks)}
    silent, least = ~valid, dict[int, Plane]()
    for index in stand_ins(frames, reference):
        other = frames[index].validity(rows)
        usable = silent if other is None else silent & other
        least[index] = np.asarray(speaks * usable)
        silent = silent & ~usable
    return {**least, reference: np.asarray(speaks * (valid | silent))}


def _trusts(frames: Sequence[CalibratedFrame], reference: int, exposures: Sequence[Plane], rows: slice) -> list[Plane]:
    """(h, W, 1 or 3) a frame: 1 where a pixel is a measurement, nearly 0 where it is clipped.

    Hues stay whole, a pixel counts or does not, unless the curve is known exactly: then each channel is a
    measurement of its own, and a red lamp does not cost the green and blue beside it.
    """
    apart = all(frame.exact for frame in frames)
    trusts = [unclipped(frame, exposure, apart) for frame, exposure in zip(frames, exposures, strict=True)]
    beside_white = trusts[reference].copy()
    for frame, trust in zip(frames, trusts, strict=True):
        if (contaminated := frame.is_saturation_contaminated(rows)) is not None:
            trust[contaminated] *= np.float32(SATURATION_CONTAMINATED_WEIGHT)
        if frame.gain > frames[reference].gain:
            np.multiply(
                trust, beside_white, out=trust
            )  # what is white there is white in a longer exposure, or something moved
    resorts = _resorts(frames, reference, rows)
    return [trust + np.asarray(resort, np.float32) for trust, resort in zip(trusts, resorts, strict=True)]


def _resorts(frames: Sequence[CalibratedFrame], reference: int, rows: slice) -> list[Plane | float]:
    """Weight, a number or (h, W, 1), of each frame's white where no frame measures.

    The darkest that agrees has the say, a brighter one than the reference only where that has no data.
    """
    own = frames[reference].gain
    valid = frames[reference].validity(rows)
    beyond = 0.0 if valid is None else np.float32(1.0) - valid[..., None].astype(np.float32)
    ranks = [sum(darker.gain < frame.gain for darker in frames) for frame in frames]
    steps = ranks[reference] if valid is None else max(ranks)
    step = max(BRIGHTER_RESORT, (LEAST_RESORT / LAST_RESORT) ** (1.0 / max(steps, 1)))
    return [
        LAST_RESORT * step**rank * (1.0 if frame.gain <= own else beyond)
        for frame, rank in zip(frames, ranks, strict=True)
    ]


def hold_white(radiance: Plane, reference: CalibratedFrame) -> None:
    """Raise radiance (H, W, 3), where the reference clips, to what that shows: 1.0 at its white, in place.

    What clips is at least as bright, whatever other frames, a fill or a network make of it; each channel by itself.
    Eight bits may have been compressed, which leaves white below itself; deeper files clip at their white alone.
    """
    if not reference.clips:
        return
    lossy = reference.pixels.dtype == np.uint8

    def least(exposure: Plane) -> Plane:
        clipped = np.float32(1.0) - unclipped(reference, exposure, apart=True)
        return clipped if lossy else clipped * exposure

    of_codes = None if reference.lookup is None else least(reference.lookup.T[None])[0].T

    def strip(top: int) -> None:
        part = slice(top, min(top + STRIP_ROWS, len(radiance)))
        seen = linearise(reference.pixels[part], of_codes, reference.white)
        held = least(seen) if of_codes is None else seen
        if (valid := reference.validity(part)) is not None:
            held *= valid[..., None]
        np.maximum(radiance[part], held, out=radiance[part])

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for _ in pool.map(strip, range(0, len(radiance), STRIP_ROWS)):
            pass


def unclipped(frame: CalibratedFrame, exposure: Plane, apart: bool) -> Plane:
    """1 where nothing (h, W, 1), or where each channel (h, W, 3), of a frame's exposure (h, W, 3) is clipped."""
    if not frame.clips:
        return np.ones((*exposure.shape[:2], 3 if apart else 1), np.float32)
    top = min(CLIP_TO, frame.shoulder)
    return np.float32(1.0) - ramp(
        exposure if apart else channel_max(exposure)[..., None], top * CLIP_FROM / CLIP_TO, top
    )


def _restored(merged: Plane, fill: Plane, exposure: Plane) -> Plane:
    """Merged radiance (h, W, 3) with what the reference clips taken from the fill.

    Channels that are not clipped stay, and the fill is scaled by what they say of it, never below what is known.
    """
    clipped = ramp(exposure, CLIP_FROM, CLIP_TO)
    known = 1.0 - clipped
    certain = np.float32(FILL_WEIGHT) * fill.mean(axis=2) + np.float32(1e-12)
    scale = ((known * merged).sum(axis=2) + certain) / ((known * fill).sum(axis=2) + certain)
    restored = np.clip(fill * scale[..., None], merged, merged * np.float32(BRIGHTEST))
    return merged + clipped * (restored - merged)


def finest_detail(radiance: Plane) -> Plane:
    """(h, W, 3) variance of what lies above half the sampling rate, from second differences (Immerkaer 1996)."""
    return np.asarray(cv2.blur(cv2.filter2D(radiance, -1, IMMERKAER) ** 2, (3, 3)), np.float32)


def _weighted_mean(radiances: Sequence[Plane], weights: Sequence[Plane]) -> Plane:
    """(h, W, 3) mean under weights (h, W, 1 or 3)."""
    total, mean = weights[0].copy(), radiances[0] * weights[0]
    for radiance, weight in zip(radiances[1:], weights[1:], strict=True):
        total += weight
        mean += radiance * weight
    return np.divide(mean, total, out=mean)


def enlarge_rows(plane: Plane, shape: tuple[int, int], rows: slice) -> Plane:
    """Rows of a plane (h, w[, 3]) enlarged bilinearly to (H, W[, 3]); pixel areas, not indices, correspond."""
    height, width = shape
    if plane.shape[:2] == shape:
        return plane[rows]
    scale = plane.shape[0] / height
    first = max(int(np.floor((rows.start + 0.5) * scale - 0.5)), 0)
    last = min(int(np.ceil((rows.stop - 0.5) * scale - 0.5)), plane.shape[0] - 1)
    part = plane[first : last + 1]
    # Columns by cv2.resize, which keeps areas in place; rows by hand, as a strip's edges are not the picture's.
    wide = cv2.resize(part, (width, len(part)), interpolation=cv2.INTER_LINEAR)
    at = np.clip((np.arange(rows.start, rows.stop) + 0.5) * scale - 0.5, 0, plane.shape[0] - 1) - first
    low = np.minimum(at.astype(np.intp), len(part) - 1)
    high = np.minimum(low + 1, len(part) - 1)
    share = (at - low).astype(np.float32).reshape((-1,) + (1,) * (plane.ndim - 1))
    return wide[low] * (1 - share) + wide[high] * share

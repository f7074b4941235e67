"""Radiance merging: frames that agree, averaged with weights of inverse variance."""

from collections.abc import Callable, Sequence

import numpy as np

from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.merging.highlights import CLIPPING, HIGHLIGHTS, hue_kept, ramp, unclipped
from hdrfuse.imaging.merging.strips import Strip, each_strip, enlarge_rows
from hdrfuse.imaging.merging.weights import NEIGHBOUR_ROWS, frame_weights, weighted_mean
from hdrfuse.imaging.radiometry import CalibratedFrame, Plane, channel_mean, linearise


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
    around = NEIGHBOUR_ROWS if any(frame.detail_loss > 0.0 for frame in frames) else 0

    def merge_strip(strip: Strip) -> None:
        merged[strip.rows] = strip.trimmed(_merge_rows(frames, reference, ghosts, strip.with_neighbours))

    for done in each_strip(merge_strip, height, around=around):
        if progress is not None:
            progress(done)
    return merged


def _merge_rows(frames: Sequence[CalibratedFrame], reference: int, ghosts: Ghosts, rows: slice) -> Plane:
    exposures = [frame.exposure(rows) for frame in frames]
    seen = exposures[reference]
    weights = frame_weights(frames, reference, ghosts, exposures, rows=rows)
    radiances = [
        exposure if frame.gain == 1.0 else exposure * np.float32(1.0 / frame.gain)
        for frame, exposure in zip(frames, exposures, strict=True)
    ]
    merged = weighted_mean(radiances, weights)
    shape = (frames[reference].pixels.shape[0], frames[reference].pixels.shape[1])
    occluded = enlarge_rows(ghosts.occluded_highlight_mask, shape, rows)[..., None]
    if occluded.any():
        fill = enlarge_rows(ghosts.highlight_estimate, shape, rows)
        merged += occluded * (_restored(merged, fill, seen) - merged)
    return np.maximum(merged, 0.0, out=merged)


def hold_white(radiance: Plane, reference: CalibratedFrame, ghosts: Ghosts) -> None:
    """Raise radiance (H, W, 3), where the reference clips, to what that shows: 1.0 at its white, in place.

    What clips is at least as bright, whatever other frames, a fill or a network make of it; each channel by itself.
    Eight bits may have been compressed, which leaves white below itself; deeper files clip at their white alone, and
    under a guessed curve what nears white says no more than it shows. There a channel may be white because another one
    clipped before the camera mixed its colours: what darker frames measure to be as bright keeps its hue.
    """
    if not reference.clips:
        return
    lossy = reference.pixels.dtype == np.uint8 and not reference.guessed

    def least(exposure: Plane) -> Plane:
        clipped = np.float32(1.0) - unclipped(reference, exposure, apart=True)
        return clipped if lossy else clipped * exposure

    of_codes = None if reference.lookup is None else least(reference.lookup.T[None])[0].T
    first_code = 0 if of_codes is None else int(np.argmax((of_codes > 0).any(axis=0)))
    shape = (radiance.shape[0], radiance.shape[1])

    def hold_strip(strip: Strip) -> None:
        rows = strip.rows
        if first_code and reference.pixels[rows].max() < first_code:
            return  # nothing clips here, which is told sooner from the codes
        seen = linearise(reference.pixels[rows], of_codes, reference.white)
        held = least(seen) if of_codes is None else seen
        if (valid := reference.validity(rows)) is not None:
            held *= valid[..., None]
        if reference.guessed:
            guessed = enlarge_rows(ghosts.occluded_highlight_mask, shape, rows)
            held *= 1.0 - hue_kept(radiance[rows], reference, guessed)[..., None]
        np.maximum(radiance[rows], held, out=radiance[rows])

    for _ in each_strip(hold_strip, len(radiance)):
        pass


def _restored(merged: Plane, fill: Plane, exposure: Plane) -> Plane:
    """Merged radiance (h, W, 3) with what the reference clips taken from the fill.

    Channels that are not clipped stay, and the fill is scaled by what they say of it, never below what is known.
    """
    clipped = ramp(exposure, CLIPPING.start, CLIPPING.end)
    known = 1.0 - clipped
    certain = np.float32(HIGHLIGHTS.fill_weight) * channel_mean(fill) + np.float32(1e-12)
    scale = ((known * merged).sum(axis=2) + certain) / ((known * fill).sum(axis=2) + certain)
    restored = np.clip(fill * scale[..., None], merged, merged * np.float32(HIGHLIGHTS.brightest))
    return merged + clipped * (restored - merged)

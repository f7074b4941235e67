"""Registration: the camera's motion between the frames of a bracket, whatever else moves in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.registration.guesses import feature_models, peaks_by_turn, phase_peaks
from hdrfuse.imaging.registration.homography import Matrix, frame_grid, project, rescale
from hdrfuse.imaging.registration.matching import Pair, plausible
from hdrfuse.imaging.registration.matching_settings import MATCHING
from hdrfuse.imaging.registration.view import SMALLEST_SIDE, MatchingView, working_scale
from hdrfuse.setting_limits import NotNegative, Settings


@dataclass(frozen=True, kw_only=True)
class RegistrationSettings(Settings):
    """When a motion is believed, and worth to be undone.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion, of procedural scenes, by `hdrfuse bench --what settings --setting registration --seeds 1
    --size 192x128 --noise 0.15`. Frames so small are enlarged twofold and have 96 blocks.
    """

    direct_stops: float = 4.5
    """Frames further apart than this share too little range; they are chained through frames in between.

    Half / twice: 0 / 0.
    """
    least_agreement: NotNegative = 0.3
    """Share of the blocks seen in both frames that must move with the camera. Half / twice: 0 / 0."""
    least_blocks: int = 12
    """Fewer blocks than this are no evidence. Half / twice: 0 / -9.47."""
    identity_px: NotNegative = 0.1
    """Motion below this (root mean square over the frame) is not worth resampling a frame for. Half / twice: 0 / 0."""
    least_px: NotNegative = 0.04
    """Motion below this many working pixels cannot be told from noise. Half / twice: 0 / 0."""


REGISTRATION = RegistrationSettings()


@dataclass(frozen=True, kw_only=True)
class Registration:
    """How one frame lies on the reference."""

    matrix: NDArray[np.float64]
    """(3, 3) maps a reference pixel (x, y, 1) to the frame's: cv2.warpPerspective's WARP_INVERSE_MAP."""
    model: str
    """"identity", "translation", "similarity", "affine" or "homography"."""
    inliers: int
    """Blocks of the frame that move with the camera."""
    residual_px: float
    """Median residual of the inliers."""
    shift_px: float
    """Mean displacement over the frame."""
    warning: str | None = None
    """One line: why the frame is left where it is."""

    def enlarged(self, height: int, width: int, *, to: tuple[int, int]) -> "Registration":
        """Carry a motion found on frames of (height, width) over to the same frames at `to` pixels."""
        matrix = rescale(self.matrix, (height, width), to=to)
        factor = float(np.sqrt(to[0] * to[1] / (height * width)))
        shift_px = _mean_shift(matrix, *to)
        return replace(self, matrix=matrix, residual_px=self.residual_px * factor, shift_px=shift_px)


def register(
    exposures: Sequence[NDArray[np.float32]],
    evs: Sequence[float],
    reference: int,
    *,
    valid: Sequence[NDArray[np.bool_] | None] | None = None,
) -> list[Registration]:
    """Find the motion of every frame of a bracket relative to its reference.

    `exposures` are (H, W) linear luminances relative to each frame's white (1.0 is clipped), `evs` their
    exposures in stops; `valid` (H, W) says where each frame has data, None = everywhere. Frames up to 4.5 stops
    from the reference are compared with it directly, others by way of registered frames in between. A frame whose
    motion cannot be told stays where it is, with a warning. The same input gives the same bytes.
    """
    views = [MatchingView(*each) for each in zip(exposures, valid or [None] * len(exposures), strict=True)]
    height, width = exposures[reference].shape
    placed = {reference: _still()}
    refused: dict[int, Registration] = {}
    for i in sorted(range(len(views)), key=lambda k: (abs(evs[k] - evs[reference]), k)):
        if i == reference:
            continue
        near = sorted(placed, key=lambda k: (abs(evs[k] - evs[i]), k))
        direct = abs(evs[i] - evs[reference]) <= REGISTRATION.direct_stops
        anchors = list(dict.fromkeys(([reference] if direct else []) + near))[:2]
        for anchor in anchors:
            fit = _register_pair(views[anchor], views[i], evs[anchor], evs[i])
            if fit.warning is None:
                placed[i] = _compose(placed[anchor], fit, height, width)
                refused.pop(i, None)
                break
            refused.setdefault(i, fit)
    return [placed[i] if i in placed else refused[i] for i in range(len(views))]


def _register_pair(reference: MatchingView, frame: MatchingView, reference_ev: float, ev: float) -> Registration:
    height, width = reference.fine.stops.shape
    if min(height, width) < SMALLEST_SIDE:
        return _still(f"frames of {frame.shape[1]} x {frame.shape[0]} pixels are too small to register")
    coarse = Pair(reference.coarse, frame.coarse, reference_ev, ev)
    if coarse.textured.sum() < REGISTRATION.least_blocks:
        return _still("too little texture is exposed well in both frames to register them")
    matrix, share = coarse.best_of([np.eye(3), *phase_peaks(coarse)])
    if share < MATCHING.clear_majority:
        matrix, share = coarse.best_of([matrix, *feature_models(reference, frame), *peaks_by_turn(coarse)])
    fine = Pair(reference.fine, frame.fine, reference_ev, ev)
    start = rescale(matrix, reference.coarse.stops.shape, to=(height, width))
    identity_px = max(REGISTRATION.least_px, REGISTRATION.identity_px * working_scale(*frame.shape))
    motion, count = fine.refine(start, steps=8, identity_px=identity_px)
    if motion is None or motion.agrees.sum() < REGISTRATION.least_blocks:
        return _still("no motion of the camera matches the frames to each other")
    agreement = motion.agrees.sum() / count
    if agreement < REGISTRATION.least_agreement:
        return _still(f"only {agreement:.0%} of what both frames show moves together")
    if not plausible(motion.matrix, height, width):
        return _still("the motion found is no hand's: too far, or too large a turn or zoom")
    registration = Registration(
        matrix=motion.matrix,
        model=motion.model,
        inliers=int(motion.agrees.sum()),
        residual_px=float(np.median(motion.residuals_px[motion.agrees])),
        shift_px=0.0,
    )
    return registration.enlarged(height, width, to=frame.shape)


def _mean_shift(matrix: Matrix, height: int, width: int) -> float:
    grid = frame_grid(height, width)
    return float(np.hypot(*(project(matrix, grid) - grid).T).mean())


def _still(warning: str | None = None) -> Registration:
    return Registration(matrix=np.eye(3), model="identity", inliers=0, residual_px=0.0, shift_px=0.0, warning=warning)


def _compose(first: Registration, second: Registration, height: int, width: int) -> Registration:
    """Go from the reference to a frame by way of a frame in between."""
    order = ("identity", "translation", "similarity", "affine", "homography")
    matrix = second.matrix @ first.matrix
    matrix = matrix / matrix[2, 2]
    return Registration(
        matrix=matrix,
        model=max(first.model, second.model, key=order.index),
        inliers=second.inliers,
        residual_px=float(np.hypot(first.residual_px, second.residual_px)),
        shift_px=_mean_shift(matrix, height, width),
    )

"""Registration: the camera's motion between the frames of a bracket, whatever else moves in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.motion import (
    BLOCK,
    Matrix,
    Motion,
    Plane,
    block_correlations,
    block_means,
    fit_motion,
    frame_grid,
    measure_displacements,
    project,
    resample,
)

WORKING_PIXELS = 1_500_000
"""Frames above this are reduced before they are compared."""

FEATURE_PIXELS = 200_000
"""Size of the level at which the first guess of the motion is found."""

CELL = 48
"""Side of the cells that features are kept from alike, in pixels of that level."""

KEPT_PER_CELL = 20
"""Features kept from each cell."""

SMALLEST_SIDE = 3 * BLOCK
"""Below this a frame has too few blocks to tell the camera's motion from an object's."""

WHITE = 0.9
"""Exposures above this are about to clip and are not compared."""

BLACK = 0.002
"""Exposures below this are mostly noise and quantisation in an 8-bit file."""

DIRECT_STOPS = 4.5
"""Frames further apart than this share too little range; they are chained through frames in between."""

LARGEST_SHIFT = 0.25
"""Share of the frame's diagonal that a hand-held bracket may move."""

LEAST_AGREEMENT = 0.3
"""Share of the textured area that must move with the camera."""

CLEAR_MAJORITY = 0.75
"""Share of the textured blocks at which a motion found cheaply needs no rival."""

CONVERGED_PX = 0.02
"""A Gauss-Newton step that moves no block further than this is the last."""

IDENTITY_PX = 0.1
"""Motion below this (root mean square over the frame, working pixels) costs less than resampling a frame."""


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
        matrix = _enlarge(self.matrix, (height, width), to)
        factor = float(np.sqrt(to[0] * to[1] / (height * width)))
        return Registration(
            matrix=matrix,
            model=self.model,
            inliers=self.inliers,
            residual_px=self.residual_px * factor,
            shift_px=_mean_shift(matrix, *to),
            warning=self.warning,
        )


def working_scale(height: int, width: int) -> float:
    """Factor, at most 1, by which `register` reduces frames before it compares them."""
    return min(1.0, float(np.sqrt(WORKING_PIXELS / (height * width))))


def register(
    exposures: Sequence[NDArray[np.float32]], evs: Sequence[float], reference: int
) -> list[Registration]:
    """Find the motion of every frame of a bracket relative to its reference.

    `exposures` are (H, W) linear luminances relative to each frame's white (1.0 is clipped), `evs` their
    exposures in stops. Frames up to 4.5 stops from the reference are compared with it directly, others by way
    of registered frames in between. A frame whose motion cannot be told stays where it is, with a warning.
    The same input gives the same bytes.
    """
    views = [_View(exposure) for exposure in exposures]
    height, width = exposures[reference].shape
    placed = {reference: _still()}
    refused: dict[int, Registration] = {}
    for i in sorted(range(len(views)), key=lambda k: (abs(evs[k] - evs[reference]), k)):
        if i == reference:
            continue
        near = sorted(placed, key=lambda k: (abs(evs[k] - evs[i]), k))
        direct = abs(evs[i] - evs[reference]) <= DIRECT_STOPS
        anchors = list(dict.fromkeys(([reference] if direct else []) + near))[:2]
        for anchor in anchors:
            fit = _register_pair(views[anchor], views[i], evs[anchor], evs[i])
            if fit.warning is None:
                placed[i] = _compose(placed[anchor], fit, height, width)
                refused.pop(i, None)
                break
            refused.setdefault(i, fit)
    return [placed[i] if i in placed else refused[i] for i in range(len(views))]


class _View:
    """A frame reduced to working size: log exposure in stops, and where it is worth comparing."""

    def __init__(self, exposure: NDArray[np.float32]) -> None:
        self.shape = exposure.shape
        scale = working_scale(*exposure.shape)
        size = (max(1, round(exposure.shape[1] * scale)), max(1, round(exposure.shape[0] * scale)))
        self.fine = _Level(exposure, size)

    @cached_property
    def coarse(self) -> "_Level":
        height, width = self.fine.stops.shape
        scale = min(0.5, float(np.sqrt(FEATURE_PIXELS / (height * width))))
        if min(height, width) * scale < SMALLEST_SIDE:
            return self.fine
        return _Level(self.fine.exposure, (round(width * scale), round(height * scale)), self.fine.clipped)

    @cached_property
    def features(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """SIFT (Lowe 2004) keypoints (N, 2) of the coarse level and their square-rooted descriptors (N, 128).

        The strongest of every cell of the frame are kept, so that a plain background has its share of them.
        """
        sift = cv2.SIFT.create(contrastThreshold=0.015)
        picture = np.clip(_equalised(_band_pass(self.coarse.stops)) * 40 + 128, 0, 255).astype(np.uint8)
        keypoints = sorted(sift.detect(picture, (self.coarse.clipped == 0).astype(np.uint8)), key=_strength)
        cells: dict[tuple[int, int], list[cv2.KeyPoint]] = {}
        for keypoint in keypoints:
            cells.setdefault((int(keypoint.pt[0]) // CELL, int(keypoint.pt[1]) // CELL), []).append(keypoint)
        kept = [keypoint for cell in sorted(cells) for keypoint in cells[cell][:KEPT_PER_CELL]]
        if not kept:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        described, descriptors = sift.compute(picture, kept)
        rooted = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
        return np.array([k.pt for k in described], np.float32), rooted.astype(np.float32)


def _strength(keypoint: cv2.KeyPoint) -> tuple[float, ...]:
    return (-keypoint.response, *keypoint.pt, keypoint.size, keypoint.angle)


def _equalised(band: Plane) -> Plane:
    """Divide a band-passed plane by its local deviation: faint texture counts like strong, noise does not."""
    deviation: Plane = cv2.sqrt(cv2.GaussianBlur(band * band, (0, 0), 12)) + np.float32(0.03)
    return band / deviation


class _Level:
    def __init__(
        self, exposure: NDArray[np.float32], size: tuple[int, int], clipped: NDArray[np.uint8] | None = None
    ) -> None:
        if clipped is None:
            clipped = (exposure > WHITE).astype(np.uint8) * 255
        if size != exposure.shape[::-1]:
            exposure = np.asarray(cv2.resize(exposure, size, interpolation=cv2.INTER_AREA), np.float32)
            clipped = np.asarray(cv2.resize(clipped, size, interpolation=cv2.INTER_AREA), np.uint8)
        self.exposure = exposure
        self.clipped = clipped
        self.stops: Plane = cv2.log(np.clip(exposure, BLACK, 1.0)) * np.float32(1 / np.log(2))


def _band_pass(stops: Plane) -> Plane:
    """Keep of a log exposure what neither a smooth error of the response nor pixel noise reaches."""
    return cv2.GaussianBlur(stops, (0, 0), 0.8) - cv2.GaussianBlur(stops, (0, 0), 6)


def _render(level: _Level, ev: float, other_ev: float) -> tuple[Plane, Plane]:
    """Band-passed log radiance over the range that both exposures hold, and the mask of where that is."""
    darker, brighter = min(ev, other_ev), max(ev, other_ev)
    low, high = math.log2(BLACK) - darker + ev, math.log2(WHITE) - brighter + ev
    inside = ((level.stops > low) & (level.stops < high) & (level.clipped == 0)).astype(np.uint8)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    return _band_pass(np.clip(level.stops, low, high)), inside.astype(np.float32)


def _register_pair(reference: _View, frame: _View, reference_ev: float, ev: float) -> Registration:
    height, width = reference.fine.stops.shape
    if min(height, width) < SMALLEST_SIDE:
        return _still("the frame is too small to register")
    coarse = _Pair(reference.coarse, frame.coarse, reference_ev, ev)
    if coarse.textured.sum() < 8:
        return _still("too little texture is exposed well in both frames to register them")
    matrix, share = coarse.best_of([np.eye(3), *_phase_peaks(coarse)])
    if share < CLEAR_MAJORITY:
        matrix, share = coarse.best_of([matrix, *_feature_models(reference, frame)])
    fine = _Pair(reference.fine, frame.fine, reference_ev, ev)
    start = _enlarge(matrix, reference.coarse.stops.shape, (height, width))
    motion, count = fine.refine(start, steps=3)
    if motion is None:
        return _still("no part of the frame could be matched")
    reason = fine.doubt(motion, count)
    if reason is not None:
        return _still(reason)
    found = Registration(
        matrix=motion.matrix,
        model=motion.model,
        inliers=int(motion.agrees.sum()),
        residual_px=float(np.median(motion.residuals_px[motion.agrees])),
        shift_px=0.0,
    )
    return found.enlarged(height, width, to=frame.shape)


class _Pair:
    """One level of two frames, rendered over the range that both expose well."""

    def __init__(self, reference: _Level, frame: _Level, reference_ev: float, ev: float) -> None:
        self.reference, self.reference_mask = _render(reference, reference_ev, ev)
        self.frame, self.frame_mask = _render(frame, ev, reference_ev)
        self.shape = self.reference.shape
        energy = block_means(self.reference**2 * self.reference_mask)
        valid = block_means(self.reference_mask)
        self.textured = (valid > 0.3) & (energy > 1e-4 * np.maximum(valid, 1e-6))
        rows, columns = self.shape[0] // BLOCK, self.shape[1] // BLOCK
        border = np.ones((rows, columns))
        border[1:-1, 1:-1] = 0
        self.weights = 1 + border.ravel()  # hand shake moves the borders, objects mostly the middle

    def moved(self, matrix: Matrix) -> tuple[Plane, Plane]:
        """See the frame through a matrix, with the mask of where both frames hold data."""
        mask = resample(self.frame_mask, matrix, cv2.INTER_LINEAR)
        return resample(self.frame, matrix), self.reference_mask * (mask > 0.99)

    def refine(
        self, matrix: Matrix, *, steps: int, identity_px: float = IDENTITY_PX
    ) -> tuple[Motion | None, int]:
        """Go Gauss-Newton steps from a matrix; the motion found and the number of blocks measured."""
        motion, count = None, 0
        for _ in range(steps):
            found = measure_displacements(self.reference, *self.moved(matrix), matrix)
            count = len(found.points)
            if count < 8:
                return None, count
            motion = fit_motion(found, matrix, identity_px=identity_px)
            if motion.agrees.sum() < 4:
                return None, count
            change = project(motion.matrix, found.points) - project(matrix, found.points)
            matrix = motion.matrix
            if np.abs(change).max() < CONVERGED_PX:
                break
        return motion, count

    def correlations(self, matrix: Matrix) -> NDArray[np.float64]:
        """Correlation of every block under a matrix; 0 where there is no texture or no data."""
        moved, mask = self.moved(matrix)
        correlation, valid = block_correlations(self.reference, moved, mask)
        return np.where(self.textured & (valid > 0.2), correlation, 0.0)

    def best_of(self, matrices: list[Matrix]) -> tuple[Matrix, float]:
        """Choose the motion that most of the textured area shares; refined, with the share that agrees.

        Every block counts alike, however strong its texture, so that a striking object does not outvote a
        plain background; the three best guesses are refined before the last vote.
        """
        matrices = [m for m in matrices if _plausible(m, *self.shape)]
        votes = self._votes(matrices)
        refined, shares = [np.eye(3)], [0.0]
        for k in np.argsort(-votes, kind="stable")[:3]:
            motion, _count = self.refine(matrices[k], steps=8, identity_px=0.0)
            refined.append(matrices[k] if motion is None else motion.matrix)
            shares.append(0.0 if motion is None else float(motion.agrees.sum() / self.textured.sum()))
        winner = int(np.argmax(self._votes(refined)))
        return refined[winner], shares[winner]

    def _votes(self, matrices: list[Matrix]) -> NDArray[np.float64]:
        table = np.stack([self.correlations(matrix) for matrix in matrices])
        best = table.max(axis=0)
        chosen = (best > 0.25) & (table > best - 0.05)
        return (chosen * self.weights).sum(axis=1)

    def doubt(self, motion: Motion, count: int) -> str | None:
        """Why a motion is not to be trusted, or None."""
        if not _plausible(motion.matrix, *self.shape):
            return "the motion found is no hand's: too far, too large a zoom or turn"
        agreement = min(1.0, motion.agrees.sum() / max(self.textured.sum(), 1))
        if motion.agrees.sum() < 8 or agreement < LEAST_AGREEMENT:
            return f"only {agreement:.0%} of the frame's texture moves together"
        return None


def _feature_models(reference: _View, frame: _View) -> list[Matrix]:
    """Homographies at the coarse level that matched features agree on, the most popular first.

    After each model its matches are set aside, so that the camera's motion is found behind a moving object's.
    """
    (points, descriptors), (others, other_descriptors) = reference.features, frame.features
    if len(points) < 8 or len(others) < 8:
        return []
    similarity = descriptors @ other_descriptors.T
    forward, backward = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.arange(len(points))
    best = similarity[rows, forward].copy()
    similarity[rows, forward] = -1
    distinct = 1 - best < 0.7 * (1 - similarity.max(axis=1))  # squared distances: a ratio of 0.84
    kept = distinct & (backward[forward] == rows)
    source, target = points[kept], others[forward[kept]]
    models: list[Matrix] = []
    parameters = cv2.UsacParams()
    parameters.confidence = 0.999
    parameters.isParallel = False
    parameters.maxIterations = 2000
    parameters.randomGeneratorState = 1
    parameters.sampler = cv2.SAMPLING_UNIFORM
    parameters.score = cv2.SCORE_METHOD_MAGSAC
    parameters.loMethod = cv2.LOCAL_OPTIM_SIGMA
    parameters.threshold = 1.5
    for _ in range(4):
        if len(source) < 10:
            break
        matrix, inliers = cv2.findHomography(source, target, parameters)
        if matrix is None or inliers is None or inliers.sum() < 8:
            break
        models.append(matrix)
        outside = np.hypot(*(project(matrix, source.astype(np.float64)) - target).T) > 4
        source, target = source[outside], target[outside]
    return models


def _phase_peaks(pair: _Pair, count: int = 3) -> list[Matrix]:
    """Take translations at the strongest peaks of the phase correlation (Kuglin & Hines 1975)."""
    height, width = pair.shape
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectra = [
        np.fft.rfft2(_equalised(plane) * mask * window)
        for plane, mask in ((pair.reference, pair.reference_mask), (pair.frame, pair.frame_mask))
    ]
    cross = np.conj(spectra[0]) * spectra[1]
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=(height, width)).astype(np.float32)
    surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 1.0), np.float32)
    matrices: list[Matrix] = []
    for _ in range(count):
        y, x = divmod(int(surface.argmax()), width)
        shift = (x - width if x > width // 2 else x, y - height if y > height // 2 else y)
        matrices.append(np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], np.float64))
        cv2.circle(surface, (x, y), 4, 0.0, -1)
    return matrices


def _plausible(matrix: Matrix, height: int, width: int) -> bool:
    """Whether a hand could have moved a camera so between two frames."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depth = corners @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or depth.min() <= 0.5 * depth.max() or depth.min() <= 0:
        return False
    moved = project(matrix, corners)
    sides = np.hypot(*(np.roll(moved, -1, axis=0) - moved).T) / np.array([width, height, width, height])
    farthest = np.hypot(*(moved - corners).T).max()
    near = farthest < LARGEST_SHIFT * np.hypot(height, width)
    return bool(near and sides.min() > 0.85 and sides.max() < 1.18)


def _enlarge(matrix: Matrix, shape: tuple[int, ...], to: tuple[int, ...]) -> Matrix:
    """Carry a matrix between pixel centres over to frames of another (height, width)."""
    if tuple(shape) == tuple(to):
        return matrix
    sy, sx = to[0] / shape[0], to[1] / shape[1]
    up = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    whole = up @ matrix @ np.linalg.inv(up)
    return np.eye(3) if (matrix == np.eye(3)).all() else whole / whole[2, 2]


def _mean_shift(matrix: Matrix, height: int, width: int) -> float:
    grid = frame_grid(height, width)
    return float(np.hypot(*(project(matrix, grid) - grid).T).mean())


def _still(warning: str | None = None) -> Registration:
    return Registration(
        matrix=np.eye(3), model="identity", inliers=0, residual_px=0.0, shift_px=0.0, warning=warning
    )


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

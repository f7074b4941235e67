"""Matching two frames of a bracket: what they share, guesses of the camera's motion, the vote among them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.coverage import carried_outwards
from hdrfuse.imaging.registration.motion import (
    BLOCK,
    MODELS,
    MOTION,
    Matrix,
    Motion,
    Plane,
    block_correlations,
    block_means,
    fit_motion,
    measure_displacements,
    project,
    resample,
)


@dataclass(frozen=True, kw_only=True)
class MatchingSettings:
    """How frames are compared to find the camera's motion.

    What names no source was not measured yet: `hdrfuse bench --what settings --setting matching` measures it.
    """

    working_pixels: int = 1_500_000
    """Frames above this are reduced before they are compared; performance only."""
    feature_pixels: int = 200_000
    """Size of the level at which the first guess of the motion is found; performance only."""
    coarse_blocks: int = 24
    """A level of fewer blocks is too small to guess by, and the fine one is taken: of twelve and fifteen, as half of
    300x200 and 350x233 has, the demo's bright frame lacks some in its clipped sky and was not registered."""
    cell_px: int = 48
    """Side of the cells that features are kept from alike, in pixels of that level."""
    kept_per_cell: int = 20
    """Features kept from each cell."""
    white: float = 0.9
    """Exposures above this are about to clip and are not compared."""
    black: float = 0.002
    """Exposures below this are mostly noise and quantisation in an 8-bit file."""
    largest_shift: float = 0.25
    """Share of the frame's diagonal that a hand-held bracket may move."""
    clear_majority: float = 0.75
    """Share of the textured blocks at which a motion found cheaply needs no rival."""
    turns_deg: tuple[float, ...] = (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)
    """Turns of the camera that are tried where neither a shift nor features tell its motion."""
    narrow: float = 0.1
    """Blocks that spread (standard deviation) over less than this share of a side tell no more than a shift."""
    converged_px: float = 0.05
    """A Gauss-Newton step that moves no block further than this is the last."""


MATCHING = MatchingSettings()


SMALLEST_SIDE = 3 * BLOCK
"""Below this a frame has too few blocks to tell the camera's motion from an object's."""


def working_scale(height: int, width: int) -> float:
    """Return the factor, at most 1, by which frames are reduced before they are compared."""
    return min(1.0, float(np.sqrt(MATCHING.working_pixels / (height * width))))


class Level:
    """Linear exposure at one size, its logarithm in stops and where it clips."""

    def __init__(
        self, exposure: NDArray[np.float32], size: tuple[int, int], clipped: NDArray[np.uint8] | None = None
    ) -> None:
        if clipped is None:
            clipped = (exposure > MATCHING.white).astype(np.uint8) * 255
        if size != exposure.shape[::-1]:
            exposure = np.asarray(cv2.resize(exposure, size, interpolation=cv2.INTER_AREA), np.float32)
            clipped = np.asarray(cv2.resize(clipped, size, interpolation=cv2.INTER_AREA), np.uint8)
        self.exposure = exposure
        self.clipped = clipped
        self.stops: Plane = cv2.log(np.clip(exposure, MATCHING.black, 1.0)) * np.float32(1 / np.log(2))


class MatchingView:
    """A frame reduced to working size: log exposure in stops, and where it is worth comparing."""

    def __init__(self, exposure: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> None:
        self.shape = exposure.shape
        height, width = exposure.shape
        scale = working_scale(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        clipped = None
        if valid is not None:  # where there is no data nothing is compared, and its rim is no edge
            exposure = carried_outwards(exposure, valid)
            clipped = (~valid | (exposure > MATCHING.white)).astype(np.uint8) * 255
        self.fine = Level(exposure, size, clipped)

    @cached_property
    def coarse(self) -> "Level":
        """The level at which motion is guessed, at most half the fine one."""
        height, width = self.fine.stops.shape
        scale = min(0.5, float(np.sqrt(MATCHING.feature_pixels / (height * width))))
        size = (round(width * scale), round(height * scale))
        blocks = (size[0] // BLOCK) * (size[1] // BLOCK)
        if min(size) < SMALLEST_SIDE or blocks < MATCHING.coarse_blocks:
            return self.fine
        return Level(self.fine.exposure, size, self.fine.clipped)

    @cached_property
    def features(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points (N, 2) of the coarse level with SIFT descriptors (N, 128; Lowe 2004), square-rooted.

        The strongest of every cell of the frame are kept, so that a plain background has its share of them.
        """
        sift = cv2.SIFT.create()
        picture = np.clip(equalise_contrast(band_pass(self.coarse.stops)) * 40 + 128, 0, 255).astype(np.uint8)
        keypoints, descriptors = sift.detectAndCompute(picture, (self.coarse.clipped == 0).astype(np.uint8))
        if len(keypoints) == 0:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        points = np.array([k.pt for k in keypoints], np.float32)
        strengths = np.array([k.response for k in keypoints])
        cells = (points // MATCHING.cell_px).astype(int) @ [1, 4096]
        order = np.lexsort((points[:, 0], points[:, 1], -strengths, cells))
        _cells, first, rank = np.unique(cells[order], return_index=True, return_inverse=True)
        kept = order[np.arange(len(order)) - first[rank] < MATCHING.kept_per_cell]
        rooted = np.sqrt(descriptors[kept] / np.maximum(descriptors[kept].sum(axis=1, keepdims=True), 1e-9))
        return points[kept], rooted.astype(np.float32)


def render(level: Level, ev: float, other_ev: float) -> tuple[Plane, Plane]:
    """Band-pass log radiance over the range that both exposures hold; with the mask of where that is."""
    ev, other_ev = float(ev), float(other_ev)  # numpy's numbers would make float64 of the planes
    darker, brighter = min(ev, other_ev), max(ev, other_ev)
    low, high = math.log2(MATCHING.black) - darker + ev, math.log2(MATCHING.white) - brighter + ev
    inside = ((level.stops > low) & (level.stops < high) & (level.clipped == 0)).astype(np.uint8)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    return band_pass(np.clip(level.stops, low, high)), inside.astype(np.float32)


def band_pass(stops: Plane) -> Plane:
    """Keep of a log exposure what neither a smooth error of the response nor pixel noise reaches."""
    return cv2.GaussianBlur(stops, (0, 0), 0.8) - cv2.GaussianBlur(stops, (0, 0), 6)


def equalise_contrast(band: Plane) -> Plane:
    """Divide a band-passed plane by its local deviation: faint texture counts like strong, noise does not."""
    deviation: Plane = cv2.sqrt(cv2.GaussianBlur(band * band, (0, 0), 12)) + np.float32(0.03)
    return band / deviation


class Pair:
    """One level of two frames, rendered over the range that both expose well."""

    def __init__(self, reference: Level, frame: Level, reference_ev: float, ev: float) -> None:
        self.reference, self.reference_mask = render(reference, reference_ev, ev)
        self.frame, self.frame_mask = render(frame, ev, reference_ev)
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
        self, matrix: Matrix, *, steps: int, models: Sequence[str] = MODELS, identity_px: float = 0.0
    ) -> tuple[Motion | None, int]:
        """Go Gauss-Newton steps from a matrix; the motion found and the number of blocks measured."""
        motion, count = None, 0
        for _ in range(steps):
            displacements = measure_displacements(self.reference, *self.moved(matrix), matrix)
            count = len(displacements.points)
            if count < 8:
                return None, count
            spread = displacements.points.std(axis=0) / np.array(self.shape[::-1])
            trusted = models if spread.min() > MATCHING.narrow else models[:1]
            motion = fit_motion(displacements, matrix, models=trusted, identity_px=identity_px)
            if motion.agrees.sum() < 4:
                return None, count
            change = project(motion.matrix, displacements.points) - project(matrix, displacements.points)
            matrix = motion.matrix
            if np.abs(change).max() < MATCHING.converged_px:
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
        matrices = [m for m in matrices if plausible(m, *self.shape)]
        votes = self._votes(matrices)
        refined, shares = [np.eye(3)], [0.0]
        for k in np.argsort(-votes, kind="stable")[:3]:
            motion, _count = self.refine(matrices[k], steps=8, models=("similarity", "homography"))
            refined.append(matrices[k] if motion is None else motion.matrix)
            shares.append(0.0 if motion is None else float(motion.agrees.sum() / self.textured.sum()))
            if shares[-1] > MATCHING.clear_majority:
                break
        winner = int(np.argmax(self._votes(refined)))
        return refined[winner], shares[winner]

    def _votes(self, matrices: list[Matrix]) -> NDArray[np.float64]:
        table = np.stack([self.correlations(matrix) for matrix in matrices])
        best = table.max(axis=0)
        chosen = (best > MOTION.alike) & (table > best - 0.05)
        return (chosen * self.weights).sum(axis=1)


def feature_models(reference: MatchingView, frame: MatchingView) -> list[Matrix]:
    """Find homographies at the coarse level that matched features agree on, the most popular first.

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


def peaks_by_turn(pair: Pair) -> list[Matrix]:
    """Take the strongest translation for each of a hand's MATCHING.turns_deg of the camera."""
    height, width = pair.shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    turns = [np.vstack([cv2.getRotationMatrix2D(middle, degrees, 1.0), [0, 0, 1]]) for degrees in MATCHING.turns_deg]
    return [peak for turn in turns for peak in phase_peaks(pair, turn=turn, count=1)]


def phase_peaks(pair: Pair, *, turn: Matrix | None = None, count: int = 3) -> list[Matrix]:
    """Take translations at the strongest peaks of the phase correlation (Kuglin & Hines 1975), after a turn."""
    height, width = pair.shape
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    turn = np.eye(3) if turn is None else turn
    frame, frame_mask = (
        plane if (turn == np.eye(3)).all() else resample(plane, turn, cv2.INTER_LINEAR)
        for plane in (pair.frame, pair.frame_mask)
    )
    spectra = [
        np.fft.rfft2(equalise_contrast(plane) * mask * window)
        for plane, mask in ((pair.reference, pair.reference_mask), (frame, frame_mask))
    ]
    cross = np.conj(spectra[0]) * spectra[1]
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=(height, width)).astype(np.float32)
    surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 1.0), np.float32)
    matrices: list[Matrix] = []
    for _ in range(count):
        y, x = divmod(int(surface.argmax()), width)
        shift = (x - width if x > width // 2 else x, y - height if y > height // 2 else y)
        matrices.append(turn @ np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], np.float64))
        cv2.circle(surface, (x, y), 4, 0.0, -1)
    return matrices


def plausible(matrix: Matrix, height: int, width: int) -> bool:
    """Tell whether a hand could have moved a camera so between two frames."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depth = corners @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or depth.min() <= 0.5 * depth.max() or depth.min() <= 0:
        return False
    moved = project(matrix, corners)
    sides = np.hypot(*(np.roll(moved, -1, axis=0) - moved).T) / np.array([width, height, width, height])
    farthest = np.hypot(*(moved - corners).T).max()
    near = farthest < MATCHING.largest_shift * np.hypot(height, width)
    return bool(near and sides.min() > 0.85 and sides.max() < 1.18)


def rescale(matrix: Matrix, shape: tuple[int, ...], *, to: tuple[int, ...]) -> Matrix:
    """Carry a matrix between pixel centres over to frames of another (height, width)."""
    if tuple(shape) == tuple(to):
        return matrix
    sy, sx = to[0] / shape[0], to[1] / shape[1]
    up = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    whole = up @ matrix @ np.linalg.inv(up)
    return np.eye(3) if (matrix == np.eye(3)).all() else whole / whole[2, 2]

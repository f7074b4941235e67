"""Matching two frames of a bracket: the range that both expose well, and the vote of its blocks among motions."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.registration.displacements import (
    BLOCK,
    Plane,
    block_correlations,
    block_means,
    measure_displacements,
    resample,
)
from hdrfuse.imaging.registration.homography import Matrix, project
from hdrfuse.imaging.registration.matching_settings import MATCHING
from hdrfuse.imaging.registration.motion import MODELS, Motion, fit_motion
from hdrfuse.imaging.registration.motion_settings import MOTION
from hdrfuse.imaging.registration.view import Level, render

ZOOM = (0.85, 1.18)
"""By how much a hand may change the length of a frame's side: chosen wide, 10 cm at 3 m change it by 0.03."""

LEAST_DEPTH = 0.5
"""Share of the farthest corner's depth that the nearest must have: chosen wide, a tilt by 10 degrees leaves 0.8."""


class Pair:
    """One level of two frames, rendered over the range that both expose well."""

    def __init__(self, reference: Level, frame: Level, reference_ev: float, ev: float) -> None:
        self.reference, self.reference_mask = render(reference, reference_ev, ev)
        self.frame, self.frame_mask = render(frame, ev, reference_ev)
        self.shape = self.reference.shape
        energy = block_means(self.reference**2 * self.reference_mask)
        valid = block_means(self.reference_mask)
        self.textured = (valid > MATCHING.least_shared) & (energy > MATCHING.least_energy * np.maximum(valid, 1e-6))
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
        return np.where(self.textured & (valid > MATCHING.least_seen), correlation, 0.0)

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
        chosen = (best > MOTION.alike) & (table > best - MATCHING.rival)
        return (chosen * self.weights).sum(axis=1)


def plausible(matrix: Matrix, height: int, width: int) -> bool:
    """Tell whether a hand could have moved a camera so between two frames."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depth = corners @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or depth.min() <= LEAST_DEPTH * depth.max() or depth.min() <= 0:
        return False
    moved = project(matrix, corners)
    sides = np.hypot(*(np.roll(moved, -1, axis=0) - moved).T) / np.array([width, height, width, height])
    farthest = np.hypot(*(moved - corners).T).max()
    near = farthest < MATCHING.largest_shift * np.hypot(height, width)
    return bool(near and sides.min() > ZOOM[0] and sides.max() < ZOOM[1])

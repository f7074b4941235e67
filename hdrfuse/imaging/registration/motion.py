"""Camera motion between two frames: the simplest model that explains the displacements of blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.registration.displacements import Displacements
from hdrfuse.imaging.registration.homography import Matrix, project
from hdrfuse.imaging.registration.motion_settings import MOTION

CHI2_MEDIAN = 1.386
"""Median of squared Mahalanobis distances in the plane: ln 4 (chi-squared, two degrees of freedom)."""


_UNIT = np.eye(8)
_PARAMETERS: dict[str, NDArray[np.float64]] = {
    "translation": _UNIT[:, [2, 5]],
    "similarity": np.stack([_UNIT[2], _UNIT[5], _UNIT[0] + _UNIT[4], _UNIT[3] - _UNIT[1]], axis=1),
    "affine": _UNIT[:, :6],
    "homography": _UNIT,
}
"""Each model's parameters as columns in the eight free entries of a homography, row by row."""


MODELS = tuple(_PARAMETERS)
"""From the simplest to the richest, without identity."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A model fitted to displacements."""

    model: str
    matrix: Matrix
    """(3, 3) reference pixel to frame pixel."""
    agrees: NDArray[np.bool_]
    """(N,) the blocks that move with the model."""
    residuals_px: NDArray[np.float64]
    """(N,) length of each block's residual."""


@dataclass(frozen=True, kw_only=True)
class _Whitened:
    """Displacements in coordinates of unit size, where residuals have unit covariance."""

    inward: Matrix
    points: NDArray[np.float64]
    targets: NDArray[np.float64]
    roots: NDArray[np.float64]
    """(N, 2, 2) R with R^T R the inverse covariance."""

    @classmethod
    def of(cls, displacements: Displacements) -> "_Whitened":
        centre = displacements.points.mean(axis=0)
        scale = max(float(np.abs(displacements.points - centre).max()), 1.0)
        inward = np.array([[1 / scale, 0, -centre[0] / scale], [0, 1 / scale, -centre[1] / scale], [0, 0, 1]])
        precisions = np.linalg.inv(displacements.covariances + np.eye(2) * MOTION.systematic_px**2)
        return cls(
            inward=inward,
            points=project(inward, displacements.points),
            targets=project(inward, displacements.targets),
            roots=np.linalg.cholesky(precisions).transpose(0, 2, 1) * scale,
        )

    def residuals(self, matrix: Matrix) -> NDArray[np.float64]:
        """(N, 2) whitened."""
        return (self.roots @ (self.targets - project(matrix, self.points))[..., None])[..., 0]

    def distances(self, matrix: Matrix) -> NDArray[np.float64]:
        """(N,) squared Mahalanobis."""
        return (self.residuals(matrix) ** 2).sum(axis=1)

    def slopes(self, matrix: Matrix) -> NDArray[np.float64]:
        """(N, 2, 8) whitened derivatives of the projected points by the matrix's free entries."""
        x, y = self.points.T
        w = matrix[2, 0] * x + matrix[2, 1] * y + 1
        u, v = project(matrix, self.points).T
        jacobian = np.zeros((len(x), 2, 8))
        jacobian[:, 0, 0] = jacobian[:, 1, 3] = x / w
        jacobian[:, 0, 1] = jacobian[:, 1, 4] = y / w
        jacobian[:, 0, 2] = jacobian[:, 1, 5] = 1 / w
        jacobian[:, 0, 6], jacobian[:, 0, 7] = -u * x / w, -u * y / w
        jacobian[:, 1, 6], jacobian[:, 1, 7] = -v * x / w, -v * y / w
        return self.roots @ jacobian

    def outward(self, matrix: Matrix) -> Matrix:
        """Carry a matrix back to pixels."""
        whole = np.linalg.inv(self.inward) @ matrix @ self.inward
        return whole / whole[2, 2]


def _dispersion(distances: NDArray[np.float64]) -> float:
    """By how much squared distances exceed what their covariances promise, at least 1."""
    return max(float(np.median(distances)) / CHI2_MEDIAN, 1.0) if distances.size else 1.0


def _fit(model: str, data: _Whitened, start: Matrix, seed: NDArray[np.float64]) -> Matrix | None:
    """One model by iteratively reweighted Gauss-Newton from `start`; None if blocks run out.

    All matrices are in coordinates of unit size.
    """
    parameters = _PARAMETERS[model]
    matrix, weights = (start if model == "homography" else np.eye(3)), seed
    for _ in range(8):
        used = weights > 0.01
        if used.sum() < 2 * parameters.shape[1]:
            return None
        root = np.sqrt(weights[used])[:, None, None]
        slopes = (data.slopes(matrix)[used] * root).reshape(-1, 8) @ parameters
        residuals = (data.residuals(matrix)[used] * root[..., 0]).reshape(-1)
        step = np.linalg.lstsq(slopes.T @ slopes, slopes.T @ residuals, rcond=1e-12)[0]
        matrix = matrix + np.append(parameters @ step, 0).reshape(3, 3)
        distances = data.distances(matrix)
        weights = np.maximum(1 - distances / (_dispersion(distances[used]) * 2 * MOTION.gate), 0) ** 2
        if np.abs(step).max() < 3e-6:
            break
    return matrix


def fit_motion(
    displacements: Displacements, start: Matrix, *, models: Sequence[str] = MODELS, identity_px: float = 0.0
) -> Motion:
    """Fit the simplest model that explains the displacements, started from the blocks that move with `start`.

    Each model is fitted with Tukey's biweight on Mahalanobis distances; a richer model is taken if it lowers
    the truncated sum of squares by more than Schwarz's (1978) log N for each parameter. Identity is taken
    exactly wherever it explains the displacements as well, or where the fitted model moves the blocks by less
    than `identity_px` (root mean square). `models` are tried besides it.
    """
    data = _Whitened.of(displacements)
    begin = data.inward @ start @ np.linalg.inv(data.inward)
    begin = begin / begin[2, 2]
    offsets = np.hypot(*(displacements.targets - project(start, displacements.points)).T)
    seed = np.where(offsets < MOTION.reach_px, 1 / (1 + data.distances(begin) / MOTION.gate) ** 2, 0.0)
    candidates = [("identity", np.eye(3))]
    for model in models:
        matrix = _fit(model, data, begin, seed)
        if matrix is not None:
            candidates.append((model, matrix))
    distances = data.distances(candidates[-1][1])
    dispersion = _dispersion(distances[distances < 4 * MOTION.gate])

    def cost(candidate: tuple[str, Matrix]) -> float:
        model, matrix = candidate
        free = 0 if model == "identity" else _PARAMETERS[model].shape[1]
        truncated = np.minimum(data.distances(matrix) / dispersion, MOTION.gate).sum()
        return float(truncated) + free * float(np.log(len(seed)))

    model, matrix = min(candidates, key=cost)
    shift = project(data.outward(matrix), displacements.points) - displacements.points
    if np.sqrt((shift**2).sum(axis=1).mean()) < identity_px:
        model, matrix = "identity", np.eye(3)
    agrees = data.distances(matrix) < MOTION.gate * dispersion
    outward = np.eye(3) if model == "identity" else data.outward(matrix)
    lengths = np.hypot(*(displacements.targets - project(outward, displacements.points)).T)
    return Motion(model=model, matrix=outward, agrees=agrees, residuals_px=lengths)

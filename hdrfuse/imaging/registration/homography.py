"""Homographies: 3 x 3 matrices that carry pixels of one frame to another's."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""(3, 3)."""


def project(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, 2) -> (N, 2) through a (3, 3) homography."""
    lifted = points @ matrix[:, :2].T + matrix[:, 2]
    return lifted[:, :2] / lifted[:, 2:]


def frame_grid(height: int, width: int, steps: int = 9) -> NDArray[np.float64]:
    """(steps**2, 2) pixel coordinates spread evenly over a frame, corners included."""
    xs, ys = np.meshgrid(np.linspace(0, width - 1, steps), np.linspace(0, height - 1, steps))
    return np.stack([xs.ravel(), ys.ravel()], axis=1)


def rescale(matrix: Matrix, shape: tuple[int, ...], *, to: tuple[int, ...]) -> Matrix:
    """Carry a matrix between pixel centres over to frames of another (height, width)."""
    if tuple(shape) == tuple(to):
        return matrix
    sy, sx = to[0] / shape[0], to[1] / shape[1]
    up = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    whole = up @ matrix @ np.linalg.inv(up)
    return np.eye(3) if (matrix == np.eye(3)).all() else whole / whole[2, 2]

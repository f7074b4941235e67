"""Displacements of blocks between two frames, with what each block cannot tell of its own."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.registration.homography import Matrix, project
from hdrfuse.imaging.registration.motion_settings import MOTION

Plane = NDArray[np.float32]

BLOCK = 32
"""Side of the blocks whose displacements are measured, in pixels of the level at hand."""


@dataclass(frozen=True, kw_only=True)
class Displacements:
    """Where blocks of the reference lie in another frame."""

    points: NDArray[np.float64]
    """(N, 2) block centres in the reference, x and y in pixels."""
    targets: NDArray[np.float64]
    """(N, 2) the same places in the frame."""
    covariances: NDArray[np.float64]
    """(N, 2, 2) of the targets, in square pixels; long along an edge that shows no motion."""


def block_centres(height: int, width: int) -> NDArray[np.float64]:
    """(N, 2) centres of the whole blocks of a frame, row by row; the grid sits in the frame's middle."""
    rows, columns = height // BLOCK, width // BLOCK
    xs, ys = np.meshgrid(np.arange(columns), np.arange(rows))
    corner = np.array([(width - columns * BLOCK) // 2, (height - rows * BLOCK) // 2])
    return np.stack([xs.ravel(), ys.ravel()], axis=1) * BLOCK + corner + (BLOCK - 1) / 2


def block_means(plane: Plane) -> NDArray[np.float64]:
    """Mean of every whole block of a plane (H, W), in the order of `block_centres`."""
    height, width = plane.shape
    rows, columns = height // BLOCK, width // BLOCK
    top, left = (height - rows * BLOCK) // 2, (width - columns * BLOCK) // 2
    whole = plane[top : top + rows * BLOCK, left : left + columns * BLOCK]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)


def resample(plane: NDArray[Any], matrix: Matrix, interpolation: int = cv2.INTER_CUBIC) -> NDArray[Any]:
    """See a plane in the reference's coordinates; 0 where the frame has no data."""
    height, width = plane.shape
    return cv2.warpPerspective(plane, matrix, (width, height), flags=interpolation | cv2.WARP_INVERSE_MAP)


def block_correlations(reference: Plane, moved: Plane, mask: Plane) -> tuple[NDArray[Any], NDArray[Any]]:
    """Correlation coefficient of every block over its valid pixels, and the valid fraction of every block.

    The coefficient is 0 where a block is flat in either plane.
    """
    weight = block_means(mask)
    safe = np.maximum(weight, 1e-6)
    a, b = reference * mask, moved * mask
    mean_a, mean_b = block_means(a) / safe, block_means(b) / safe
    covariance = block_means(a * moved) / safe - mean_a * mean_b
    variance_a = np.maximum(block_means(a * reference) / safe - mean_a**2, 0)
    variance_b = np.maximum(block_means(b * moved) / safe - mean_b**2, 0)
    spread = np.sqrt(variance_a * variance_b)
    return np.where(spread > 1e-6, covariance / np.maximum(spread, 1e-6), 0.0), weight


def measure_displacements(reference: Plane, moved: Plane, mask: Plane, matrix: Matrix) -> Displacements:
    """Measure the displacements of the blocks that look alike, by one step of Lucas & Kanade 1981 per block.

    `moved` is the frame resampled by `matrix`, so the step measures what the matrix leaves; `mask` is 1 where
    both planes hold data. The gradient is the mean of both planes' (efficient second-order minimisation,
    Benhimane & Malis 2004), and a constant offset per block is allowed.
    """
    mean = (reference + moved) * 0.5
    gx = cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32)
    difference = reference - moved
    weight = block_means(mask)
    safe = np.maximum(weight, 1e-6)
    masked = [plane * mask for plane in (gx, gy, difference, mean)]
    means = [block_means(plane) / safe for plane in masked]

    def moment(i: int, j: int) -> NDArray[np.float64]:
        return block_means(masked[i] * masked[j]) / safe - means[i] * means[j]

    structure = np.empty((len(weight), 2, 2))
    structure[:, 0, 0], structure[:, 1, 1] = moment(0, 0), moment(1, 1)
    structure[:, 0, 1] = structure[:, 1, 0] = moment(0, 1)
    drive = np.stack([moment(0, 2), moment(1, 2)], axis=1)
    energy = moment(2, 2)

    count = weight * BLOCK**2
    noise = np.maximum(energy, 1e-6)  # square stops per pixel
    information = count[:, None, None] * structure / noise[:, None, None]  # per square pixel of displacement
    strength = np.linalg.eigvalsh(information)
    unlike = energy / np.maximum(4 * moment(3, 3), 1e-9)  # (1 - r) / (1 + r) at correlation r
    telling = (weight > MOTION.least_shared) & (strength[:, 1] > MOTION.least_information)
    usable = telling & (unlike < (1 - MOTION.alike) / (1 + MOTION.alike))
    ridge = np.eye(2) * 1.0  # a direction without texture is known to a pixel: where the matrix puts it
    precision = information[usable] + ridge
    scaled_drive = (count[usable] / noise[usable])[:, None] * drive[usable]
    steps = np.linalg.solve(precision, scaled_drive[..., None])[..., 0]
    left = 1 - np.einsum("ni,ni->n", steps, scaled_drive) / count[usable]
    inflation = MOTION.correlated_noise * np.clip(left, 0.02, 1)
    covariances = np.linalg.inv(precision) * inflation[:, None, None]
    near = np.hypot(*steps.T) < MOTION.reach_px
    points = block_centres(*reference.shape)[usable]
    steps[~near] = 1e3  # another motion: nowhere near any model
    return Displacements(points=points, targets=project(matrix, points + steps), covariances=covariances)

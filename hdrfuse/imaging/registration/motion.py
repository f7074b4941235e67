"""Camera motion between two frames: displacements of blocks, and the simplest model that explains them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Plane = NDArray[np.float32]

BLOCK = 32
"""Side of the blocks whose displacements are measured, in pixels of the level at hand."""


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """Which blocks say the same of the camera's motion.

    What names no source was not measured yet: `hdrfuse bench --what settings --setting motion` measures it.
    """

    reach_px: float = 2.0
    """Displacements beyond this are outside a linearised step's reach and count as another motion."""
    systematic_px: float = 0.02
    """What interpolation and lens leave in a block's displacement however strong its texture is."""
    gate: float = 9.0
    """Squared Mahalanobis distance beyond which a block moves otherwise.

    Derived: 1 % of Gaussian errors in the plane lie beyond, exp(-9 / 2) of them.
    """
    alike: float = 0.25
    """Correlation above which two blocks show the same thing; noise alone stays below 0.2."""


MOTION = MotionSettings()


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
class Displacements:
    """Where blocks of the reference lie in another frame."""

    points: NDArray[np.float64]
    """(N, 2) block centres in the reference, x and y in pixels."""
    targets: NDArray[np.float64]
    """(N, 2) the same places in the frame."""
    covariances: NDArray[np.float64]
    """(N, 2, 2) of the targets, in square pixels; long along an edge that shows no motion."""


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


def project(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, 2) -> (N, 2) through a (3, 3) homography."""
    lifted = points @ matrix[:, :2].T + matrix[:, 2]
    return lifted[:, :2] / lifted[:, 2:]


def frame_grid(height: int, width: int, steps: int = 9) -> NDArray[np.float64]:
    """(steps**2, 2) pixel coordinates spread evenly over a frame, corners included."""
    xs, ys = np.meshgrid(np.linspace(0, width - 1, steps), np.linspace(0, height - 1, steps))
    return np.stack([xs.ravel(), ys.ravel()], axis=1)


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
    usable = (weight > 0.3) & (strength[:, 1] > 100) & (unlike < (1 - MOTION.alike) / (1 + MOTION.alike))
    ridge = np.eye(2) * 1.0  # a direction without texture is known to a pixel: where the matrix puts it
    precision = information[usable] + ridge
    scaled_drive = (count[usable] / noise[usable])[:, None] * drive[usable]
    steps = np.linalg.solve(precision, scaled_drive[..., None])[..., 0]
    left = 1 - np.einsum("ni,ni->n", steps, scaled_drive) / count[usable]
    inflation = 4.0 * np.clip(left, 0.02, 1)  # the band pass correlates neighbouring pixels' noise
    covariances = np.linalg.inv(precision) * inflation[:, None, None]
    near = np.hypot(*steps.T) < MOTION.reach_px
    points = block_centres(*reference.shape)[usable]
    steps[~near] = 1e3  # another motion: nowhere near any model
    return Displacements(points=points, targets=project(matrix, points + steps), covariances=covariances)


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
    return max(float(np.median(distances)) / 1.386, 1.0) if distances.size else 1.0


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

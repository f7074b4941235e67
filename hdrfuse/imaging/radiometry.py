"""Radiometry of one frame: linear exposure from pixel values, and how noisy it is."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.image import Pixels
from hdrfuse.imaging.calibration.response import ResponseCurve
from hdrfuse.setting_limits import Settings

Plane = NDArray[np.float32]
"""(H, W, 3) or (H, W) float32."""


@dataclass(frozen=True, kw_only=True)
class NoiseSettings(Settings):
    """Where noise is read from a frame: its flattest blocks.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion: of procedural ones, by `hdrfuse bench --what settings --setting noise --seeds 1 --size 192x128
    --noise 0.15`; after "camera", of collages as a camera model writes them, by `hdrfuse bench --what settings
    --setting noise --seeds 1 --size 192x128 --images DIR --movers DIR --camera`. Frames so small have 231 blocks of a
    channel, which just fill the bins.
    """

    block_px: int = 16
    """Side of the blocks. Half / twice: -2.42 / -1.58, camera 0 / 0."""
    strips: int = 40
    """Rows of blocks that are looked at, spread over the frame; performance only. Half / twice: 0 / 0, camera 0 / 0."""
    bins: int = 24
    """Brightnesses that are told apart, of as many blocks each. Half / twice: -2.45 / -1.58, camera 0 / 0."""
    white: float = 0.9
    """Exposure from which a block may be clipped in part.

    Derived: code 243 of sRGB's 255. Half / twice: -0.02 / -3.06, camera 0 / 0.
    """
    least_blocks: int = 8
    """Fewer blocks of like brightness say nothing. Half / twice: -2.57 / -1.58, camera 0 / 0."""
    quantile_bias: float = 1.1
    """How much a low quantile of block variances lies below the variance.

    Derived: 256 samples a block whose second differences are correlated leave about 10 % of scatter. Half / twice:
    -0.03 / +0.02, camera 0 / 0.
    """
    flat_share: float = 0.15
    """Share of the blocks of like brightness that are taken to be free of texture.

    Half / twice: -0.01 / 0, camera 0 / 0.
    """


NOISE = NoiseSettings()


IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0
"""Second difference in both directions: white noise keeps its variance, planes vanish (Immerkaer 1996)."""


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """Variance of the linear exposure x (white = 1): shot * x + read."""

    shot: float
    read: float

    def variance(self, exposure: Plane | float) -> Plane:
        """Variance at an exposure, same shape, in squared shares of white."""
        return np.float32(self.shot) * np.maximum(np.float32(0), exposure) + np.float32(self.read)


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibratedFrame:
    """A frame that is calibrated and registered: what it says about the light, pixel by pixel."""

    pixels: Pixels
    """(H, W, 3) encoded integers, or linear floats."""
    lookup: NDArray[np.float32] | None
    """(3, codes) exposure of every code; None for linear floats."""
    white: float
    """Pixel value of white; inf for scene-referred floats, which never clip."""
    ev: float
    """Exposure relative to the reference's, calibrated gain included."""
    noise: NoiseModel
    valid: NDArray[np.bool_] | None = None
    """(H, W) where the frame has data after registration; None = everywhere."""
    saturation_contaminated: NDArray[np.bool_] | None = None
    """(H, W) where resampling leant on a clipped pixel; None = nowhere."""
    detail_loss: float = 0.0
    """Share of the finest detail's variance that resampling left as error."""
    noise_correlation: float = 1.0
    """How much more than white noise the frame's noise leaves in a mean over neighbours."""
    exact: bool = False
    """Whether it was encoded by a known curve, not a fitted one: each channel then measures the light by itself."""
    toe: float = 0.0
    """Exposure below which the curve is a guess: crushed shadows, flare; 0 where the curve is known."""
    coloured_white: float = 1.0
    """Exposure from which some channel may be white, where white has a colour; 1.0 where it has none."""
    shoulder: float = 1.0
    """Exposure above which it is a guess, since compression moves clipped values there; 1 where it is known."""

    @property
    def gain(self) -> float:
        """Exposure per unit of radiance, where the reference's is 1."""
        return float(2.0**self.ev)

    @property
    def clips(self) -> bool:
        """Whether there is a white that the frame cannot pass."""
        return self.lookup is not None or bool(np.isfinite(self.white))

    @property
    def guessed(self) -> bool:
        """Whether the curve is a guess near white."""
        return self.shoulder < 1.0

    def exposure(self, rows: slice = slice(None)) -> Plane:
        """Linear exposure (h, W, 3) of some rows, 1.0 = this frame's white."""
        return linearise(self.pixels[rows], self.lookup, self.white)

    def variance(self, exposure: Plane) -> Plane:
        """Variance of the frame's exposure where it should be `exposure`: noise, and the toe's uncertainty."""
        variance = self.noise.variance(exposure)
        if self.toe > 0.0:
            short_of = np.maximum(np.float32(self.toe) - exposure, 0)
            variance += short_of * short_of
        return variance

    def is_saturation_contaminated(self, rows: slice = slice(None)) -> NDArray[np.bool_] | None:
        """(h, W) where some rows lean on clipped pixels, or None for nowhere."""
        return None if self.saturation_contaminated is None else self.saturation_contaminated[rows]

    def validity(self, rows: slice = slice(None)) -> NDArray[np.bool_] | None:
        """(h, W) where some rows have data, or None for everywhere."""
        return None if self.valid is None else self.valid[rows]

    def reduced(self, factor: int) -> "CalibratedFrame":
        """Linear frame averaged over factor x factor pixels, with the noise that is left."""
        if factor == 1:
            return self
        height, width = (extent // factor for extent in self.pixels.shape[:2])
        strips = []
        for top in range(0, height, 128):
            rows = slice(top * factor, min(top + 128, height) * factor)
            exposure = self.exposure(rows)[:, : width * factor]
            strips.append(cv2.resize(exposure, (width, len(exposure) // factor), interpolation=cv2.INTER_AREA))
        valid = self.valid
        if valid is not None:
            share = cv2.resize(valid.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
            valid = share == 255
        contaminated = self.saturation_contaminated
        if contaminated is not None:
            share = cv2.resize(contaminated.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
            contaminated = share > 64
        noise = NoiseModel(shot=self.noise.shot / factor**2, read=self.noise.read / factor**2)
        pixels = np.concatenate(strips)
        white = 1.0 if self.clips else float("inf")
        return replace(
            self, pixels=pixels, lookup=None, white=white, noise=noise, valid=valid,
            saturation_contaminated=contaminated,
        )  # fmt: skip


def channel_max(plane: Plane) -> Plane:
    """(H, W) largest of three channels (H, W, 3); numpy takes several times as long over so short an axis."""
    return np.asarray(np.maximum(np.maximum(plane[..., 0], plane[..., 1]), plane[..., 2]))


def channel_min(plane: Plane) -> Plane:
    """(H, W) smallest of three channels (H, W, 3)."""
    return np.asarray(np.minimum(np.minimum(plane[..., 0], plane[..., 1]), plane[..., 2]))


def channel_mean(plane: Plane) -> Plane:
    """(H, W) mean of three channels (H, W, 3)."""
    return np.asarray((plane[..., 0] + plane[..., 1] + plane[..., 2]) / np.float32(3), np.float32)


def in_any_channel(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) where any of three channels (H, W, 3) is set; numpy's `any` takes fifteen times as long over so few."""
    return mask[..., 0] | mask[..., 1] | mask[..., 2]


def linearise(pixels: Pixels, lookup: NDArray[np.float32] | None, white: float) -> Plane:
    """Linear exposure (H, W, 3) of encoded integers through a lookup, or of floats as a share of white."""
    if lookup is None:
        return pixels * np.float32(1.0 / white) if np.isfinite(white) else pixels.astype(np.float32)
    if pixels.dtype == np.uint8:
        table = np.ascontiguousarray(lookup.T[None])  # (1, 256, 3), a table a channel
        return np.asarray(cv2.LUT(np.ascontiguousarray(pixels), table), np.float32)
    exposure = np.empty(pixels.shape, np.float32)
    for c in range(3):
        np.take(lookup[c], pixels[..., c], out=exposure[..., c])
    return exposure


def estimate_noise(pixels: Pixels, curve: ResponseCurve | None, white: float) -> NoiseModel:
    """Shot and read noise of a frame from its flattest blocks, never below what quantisation leaves.

    `curve` is None for linear pixels. Texture adds to a block's variance and never takes from it, so that the
    lower envelope over blocks of like brightness is noise (Foi et al. 2008 fit the same two numbers).
    """
    lookup = None if curve is None else curve.lookup(pixels.dtype)
    means, variances = _block_statistics(pixels, lookup, white)
    quantisation = _quantisation(lookup)
    floor = NoiseModel(shot=max(quantisation.shot, 1e-7), read=max(quantisation.read, 1e-10))
    levels, lows = _lower_envelope(means, variances)
    if len(levels) < 2:
        return floor
    fitted = fit_noise(levels, lows, least=float(floor.variance(1e-3)))
    return NoiseModel(shot=max(fitted.shot, floor.shot), read=max(fitted.read, floor.read))


def fit_noise(levels: NDArray[np.float64], variances: NDArray[np.float64], *, least: float) -> NoiseModel:
    """Shot and read noise that explain the variances (n,) at levels (n,); those under `least` count as that."""
    weights = 1.0 / np.maximum(variances, least)  # a variance's error grows with itself
    columns = np.column_stack([levels, np.ones_like(levels)])
    shot, read = _non_negative(columns * weights[:, None], variances * weights)
    return NoiseModel(shot=shot, read=read)


def _block_statistics(
    pixels: Pixels, lookup: NDArray[np.float32] | None, white: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and high-pass variance of unclipped blocks in up to NOISE.strips strips spread over the frame."""
    height, width = pixels.shape[:2]
    size, blocks = NOISE.block_px + 2, (width - 2) // NOISE.block_px
    if height < size or blocks < 1:
        return np.empty(0), np.empty(0)
    tops = np.unique(np.linspace(0, height - size, min(NOISE.strips, max(height // size, 1))).astype(int))
    clips = lookup is not None or np.isfinite(white)
    means, variances = [], []
    for top in tops:
        exposure = linearise(pixels[top : top + size, : blocks * NOISE.block_px + 2], lookup, white)
        detail = cv2.filter2D(exposure, -1, IMMERKAER)[1:-1, 1:-1]
        centre = np.ascontiguousarray(exposure[1:-1, 1:-1])
        unusable = ((centre >= NOISE.white) if clips else False) | (centre <= 0)
        mean, variance, unusable_share = (
            plane.sum(axis=0, dtype=np.float32).reshape(blocks, NOISE.block_px, 3).sum(axis=1) / NOISE.block_px**2
            for plane in (centre, detail**2, unusable)
        )
        means.append(mean[unusable_share == 0])
        variances.append(variance[unusable_share == 0])
    return np.concatenate(means).astype(np.float64), np.concatenate(variances).astype(np.float64)


def _lower_envelope(
    means: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Brightness and a low quantile of the variance in bins of equal count."""
    order = np.argsort(means)
    bins = [part for part in np.array_split(order, NOISE.bins) if len(part) >= NOISE.least_blocks]
    levels = np.array([means[part].mean() for part in bins])
    lows = np.array([np.quantile(variances[part], NOISE.flat_share) for part in bins]) * NOISE.quantile_bias
    return levels, lows


def _quantisation(lookup: NDArray[np.float32] | None) -> NoiseModel:
    """Noise of rounding to codes, as shot and read noise: step(x)^2 / 12 is nearly linear in x."""
    if lookup is None:
        return NoiseModel(shot=0.0, read=0.0)
    steps = np.diff(lookup.astype(np.float64), axis=1)
    middle = (lookup[:, 1:] + lookup[:, :-1]).astype(np.float64) / 2.0
    variance = steps**2 / 12.0
    shot, read = _non_negative(np.column_stack([middle.ravel(), np.ones(middle.size)]), variance.ravel())
    return NoiseModel(shot=shot, read=read)


def _non_negative(system: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Least squares for two numbers of which neither may be negative."""
    solution = np.linalg.lstsq(system, target, rcond=None)[0]
    if (solution >= 0).all():
        return float(solution[0]), float(solution[1])
    alone = [float(np.maximum(column @ target / max(column @ column, 1e-30), 0.0)) for column in system.T]
    errors = [float(np.sum((column * x - target) ** 2)) for column, x in zip(system.T, alone, strict=True)]
    return (alone[0], 0.0) if errors[0] <= errors[1] else (0.0, alone[1])

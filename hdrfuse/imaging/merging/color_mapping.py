"""Colour mapping: how one frame's colours turn into another's, and how well that is known.

A camera's pictures are not curves of the light: matrices, saturation and gamut mapping make a channel depend on the
others, blacks are cut off, white balance drifts, highlights turn pale. A yellow wall may disagree by a stop in blue
between frames whose greys agree within a hundredth. Motion touches some places of a colour, the camera all of them
alike, so that a robust fit over the frame tells them apart, and what it leaves tells how far frames can be compared.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.merging.reference_estimate import ReferenceEstimate
from hdrfuse.imaging.radiometry import Plane, channel_max, channel_min
from hdrfuse.imaging.robust import robust_sigma
from hdrfuse.setting_limits import Range, Settings


@dataclass(frozen=True, kw_only=True)
class ColorMappingSettings(Settings):
    """The robust fit of one frame's colours to another's.

    Ten dark frames of a yellow facade by night, nothing moving: 20 % taken for moved with ten terms and half a stop at
    most, 1 % with these; nine of a phone 6 and 0 %, five of 12 megapixels 7 and 3 %. Six made brackets in which things
    moved find as many of their pixels as before, within 0.02.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four
    collages as a camera model writes them, one a kind of motion, by `hdrfuse bench --what settings --setting
    color_mapping --seeds 1 --size 384x256 --images DIR --movers DIR --camera`; where nothing is said it is 0 / 0.
    """

    squares: int = 20_000
    """Squares that a frame is averaged to, at least; performance only."""
    samples: int = 6_000
    """Of them that are fitted; performance only: twenty terms need a few hundred."""
    largest_square_px: int = 4
    """Their side at most: larger ones hold several colours."""
    least_samples: int = 500
    """Fewer say nothing: twenty-five a term, and some of them moved."""
    largest_noise: float = 0.5
    """Standard deviation, as a share of the ratio, with which a square counts at all."""
    half_trusted_noise: float = 0.07
    """Noise, in stops, that halves a square's weight: a twentieth of the radiance. Half / twice: 0 / -0.01."""
    largest_stops: float = 1.0
    """Corrections are bounded by this; beyond it the curve itself is wrong. 0.5 left the facade's blue."""
    least_level: float = 2.0**-11
    """Exposure below which levels are not told apart: half of the least step of eight bits under gamma 2.2."""
    chroma_stops: float = 2.5
    """Stops between red or blue and green up to which colours are told apart: cubes of more would rule the fit."""
    ridge: float = 30.0
    """Added to the normal equations' diagonal: as much as thirty samples say that nothing is to be corrected."""
    usual_stops: float = 0.3
    """Difference from which a sample counts less at first: more is likelier motion than colour."""
    outlier: float = 4.0
    """Robust standard deviations at which a sample stops to count (Tukey's biweight has 4.685 for 95 % efficiency)."""
    least_sigma: float = 0.02
    """Robust standard deviation, in stops, at least: where nearly all samples agree, roundings are no outliers.

    Half / twice, of two collages a kind of motion: 0 / 0.
    """
    held_within: Range = (0.005, 0.995)
    """Quantiles of tone and chroma over the samples between which the polynomial is fitted and held: few are beyond.

    Half and twice as much left out at either end, of two collages a kind of motion: 0 / 0; nothing left out: 0.
    """
    level_samples: int = 60
    """Samples of like level that tell what the fit leaves there: a median of them is known to a sixth."""
    levels: int = 12
    """Levels, of one stop each down from white, at which that is told apart: as many as `least_level` allows."""
    largest_doubt: float = 0.08
    """Share of the radiance: more is left by what moved. Without it made movers are lost: 28 for 34 dB.

    Half / twice: +0.07 / 0.
    """
    unknown_doubt: float = 0.3
    """More share of the radiance two stops beyond the levels that samples show. Half / twice: +0.09 / 0."""


COLOR_MAPPING = ColorMappingSettings()

DEGREE = 3
POWERS = [(i, j, k) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i) for k in range(DEGREE + 1 - i - j)]
"""Exponents of tone, red and blue chroma in a full cubic polynomial: quadratic, it leaves the facade's blue."""


CHUNK_PIXELS = 16_384
"""Pixels that are mapped at a time; performance only: twenty float32 terms of them are 1.3 MB, a core's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ColorMapping:
    """How a frame's exposures turn into another's colours."""

    coefficients: NDArray[np.float64]
    """(terms, 3) stops to take off each channel, as a polynomial of the frame's own colour."""
    limits: NDArray[np.float64]
    """(3, 2) least and most tone, red and blue chroma that it was fitted on."""
    doubts: NDArray[np.float64]
    """(3, levels) standard deviation of what it leaves, a share of the radiance, by channel and stops below white."""

    def at(self, exposure: Plane) -> tuple[Plane, Plane]:
        """Factor that brings an exposure (h, w, 3) into the other's colours, and the doubt about it, both (h, w, 3).

        The doubt is a standard deviation, a share of the radiance.
        """
        pixels = exposure.reshape(-1, 3)
        gain, doubt = np.empty_like(pixels), np.empty_like(pixels)
        coefficients, limits = self.coefficients.T.astype(np.float32), self.limits.T[..., None].astype(np.float32)
        a_stop = 16  # steps that levels are told apart by; 256 hold them all
        levels = np.arange(256) / a_stop
        table = np.array([np.interp(levels, np.arange(COLOR_MAPPING.levels), each) for each in self.doubts], np.float32)
        table = np.ascontiguousarray(table.T[None])
        for start in range(0, len(pixels), CHUNK_PIXELS):
            chunk = slice(start, start + CHUNK_PIXELS)
            log = _levels(pixels[chunk])
            features = np.clip(_features(log), *limits)
            stops = np.einsum("ct,tn->cn", coefficients, _terms(features))
            np.clip(stops, -COLOR_MAPPING.largest_stops, COLOR_MAPPING.largest_stops, out=stops)
            gain[chunk] = np.exp2(np.negative(stops, out=stops), out=stops).T
            codes = (np.float32(0.5) - np.float32(a_stop) * log).astype(np.uint8)
            doubt[chunk] = cv2.LUT(np.ascontiguousarray(codes.T)[None], table)[0]
        return gain.reshape(exposure.shape), doubt.reshape(exposure.shape)


def map_colors(exposure: Plane, own: ReferenceEstimate, anchor: ReferenceEstimate) -> ColorMapping | None:
    """Fit a frame of an exposure (h, w, 3), which alone says `own`, to the anchor; None if too little is shared."""
    shared = np.isinf(channel_min(own.limit)) & np.isinf(channel_min(anchor.limit))
    for valid in (own.valid, anchor.valid):
        if valid is not None:
            shared &= valid
    height, width = shared.shape
    side = int(np.clip(np.sqrt(shared.size / COLOR_MAPPING.squares), 1, COLOR_MAPPING.largest_square_px))
    size = (width // side, height // side)

    def averaged(plane: Plane) -> Plane:
        inside = plane[: size[1] * side, : size[0] * side]
        return np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), np.float32)

    share = averaged(np.asarray(shared, np.float32))
    radiances = [np.maximum(averaged(each.radiance), np.float32(1e-9)) for each in (own, anchor)]
    variances = [
        averaged(each.variance) * np.float32(each.noise_correlation / side**2) / (radiance * radiance)
        for each, radiance in zip((own, anchor), radiances, strict=True)
    ]
    noise = np.asarray(np.sqrt(variances[0] + variances[1]), np.float32)
    usable = (share >= 1.0) & (channel_max(noise) < COLOR_MAPPING.largest_noise)
    ratio = np.asarray(radiances[0] / radiances[1], np.float32)
    return fit_color_mapping(averaged(exposure), ratio, noise, np.asarray(usable))


def fit_color_mapping(exposure: Plane, ratio: Plane, noise: Plane, usable: NDArray[np.bool_]) -> ColorMapping | None:
    """Fit the ratio (h, w, 3) of a frame to another where both can be trusted (h, w); None if too few can.

    `exposure` is the frame's own (h, w, 3), `noise` the standard deviation (h, w, 3) of the ratio, a share of it.
    """
    where = np.flatnonzero(usable)
    if len(where) < COLOR_MAPPING.least_samples:
        return None
    chosen = where[np.linspace(0, len(where) - 1, min(COLOR_MAPPING.samples, len(where))).astype(np.intp)]
    own = exposure.reshape(-1, 3)[chosen]
    features = _features(_levels(own))
    limits = np.quantile(features.astype(np.float64), COLOR_MAPPING.held_within, axis=1).T
    terms = _terms(np.clip(features, *limits.T[..., None])).T.astype(np.float64)
    target = np.log2(np.maximum(ratio.reshape(-1, 3)[chosen], 1e-6)).astype(np.float64)
    noise_stops = noise.reshape(-1, 3)[chosen] / np.log(2.0)
    ridge = COLOR_MAPPING.ridge * np.eye(terms.shape[1])
    trust = 1.0 / (1.0 + (noise_stops / COLOR_MAPPING.half_trusted_noise) ** 2)
    weights = trust / (1.0 + (target / COLOR_MAPPING.usual_stops) ** 2)
    coefficients = np.zeros((terms.shape[1], 3))
    for _ in range(8):
        for c in range(3):
            # By einsum, not by BLAS, whose threads wait for each other far longer than so small a product takes.
            weighted = terms * weights[:, c : c + 1]
            normal = np.einsum("ni,nj->ij", weighted, terms)
            coefficients[:, c] = np.linalg.solve(normal + ridge, np.einsum("ni,n->i", weighted, target[:, c]))
        error = np.abs(target - terms @ coefficients)
        scale = np.hypot(np.maximum(robust_sigma(error, centre=0.0, axis=0), COLOR_MAPPING.least_sigma), noise_stops)
        weights = trust * np.maximum(1.0 - (error / (COLOR_MAPPING.outlier * scale)) ** 2, 0.0) ** 2
    doubts = [_doubts(own[:, c], error[:, c], noise_stops[:, c]) for c in range(3)]
    return ColorMapping(coefficients=coefficients, limits=limits, doubts=np.array(doubts))


def _doubts(exposure: Plane, error: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """(levels,) share of the radiance that errors (n,), in stops, of exposures (n,) leave besides noise (n,)."""
    level = -np.log2(np.clip(exposure, COLOR_MAPPING.least_level, 1.0))
    order = np.argsort(level)
    parts = np.array_split(order, np.clip(len(order) // COLOR_MAPPING.level_samples, 1, 4 * COLOR_MAPPING.levels))
    at = [level[part].mean() for part in parts]
    left = [robust_sigma(error[part], centre=0.0) ** 2 - np.median(noise[part]) ** 2 for part in parts]
    found = np.minimum(np.log(2.0) * np.sqrt(np.maximum(left, 0.0)), COLOR_MAPPING.largest_doubt)
    levels = np.arange(COLOR_MAPPING.levels)
    beyond = np.maximum(np.maximum(at[0] - levels, levels - at[-1]), 0.0)
    return np.interp(levels, at, found) + COLOR_MAPPING.unknown_doubt * np.minimum(beyond / 2.0, 1.0)


def _levels(exposure: Plane) -> Plane:
    """(3, n) stops, bounded, of exposures (n, 3) above white."""
    return np.log2(np.clip(exposure.T, np.float32(COLOR_MAPPING.least_level), np.float32(1.0)))


def _features(log: Plane) -> Plane:
    """(3, n) tone and chroma of red and blue, all bounded, of levels (3, n)."""
    bound = np.float32(COLOR_MAPPING.chroma_stops)
    features = np.empty_like(log)
    features[0] = log[1] / np.float32(4.0) + np.float32(1.0)
    for row, c in ((1, 0), (2, 2)):
        np.clip(log[c] - log[1], -bound, bound, out=features[row])
    return features


def _terms(features: Plane) -> Plane:
    """(20, n) cubic polynomial of features (3, n)."""
    powers = [[np.ones_like(row), row, row * row, row * row * row] for row in features]
    return np.stack([powers[0][i] * powers[1][j] * powers[2][k] for i, j, k in POWERS])

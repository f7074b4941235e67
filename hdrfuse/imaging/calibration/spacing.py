"""Spacing: how many stops lie between a bracket's exposures by its pictures, and whether the stated ones can be.

Matched tones tell spacing and response up to a common exponent only: twice the stops under a curve are as many under
its square root. So a spacing is contradicted where none of the curves in use explains it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.calibration.correspondences import Samples, TonePairs, match_histograms, residuals, tone_error
from hdrfuse.imaging.calibration.fit import FIT, calibrate
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, ResponseCurve
from hdrfuse.imaging.calibration.white_level import white_levels
from hdrfuse.setting_limits import Range, Settings

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SpacingSettings(Settings):
    """How pictures may look under exposures that are stated right.

    What names no source was chosen by hand. Half and twice of each change nothing in four collages as a camera model
    writes them, which are merged as stated (`hdrfuse bench --what settings --setting spacing --seeds 1 --size 192x128
    --images DIR --movers DIR --camera`), but where the field says so; brackets with binding exposures do not ask it.

    Of twelve brackets of real cameras none is contradicted as stated, and half of the 24 are whose steps are stated
    half or twice as large; the others could be a camera's whose curve is not known.
    """

    least_pixels: int = 1000
    """Smaller pictures have no histograms to be matched. Half / twice: the same brackets are contradicted."""
    least_tones: int = 30
    """Matched tones that tell a step. Half / twice: the same brackets are contradicted."""
    least_contrast_ev: float = 0.5
    """How far apart they lie, in stops of encoded value. Half / twice: the same brackets are contradicted."""
    bracket_powers: Range = (0.72, 2.2)
    """How many stops a stop looks under sRGB's curve, over a whole bracket.

    Brackets of eleven cameras look 1.23 to 1.69 as wide, a phone's with local tone mapping 0.92 and parts of it 0.62.
    Pure powers of 1.6 to 3 look 0.73 to 1.38. Twice: all four collages are contradicted.
    """
    step_powers: Range = (0.65, 2.2)
    """The same from one frame to the next: the eleven cameras' single steps of about a stop look 0.5 to 1.9 as wide."""
    allowed_ev: float = 0.5
    """What a step may be wrong by besides: rounded ISO is by up to 0.4 in a phone's bracket."""
    contrast_ev: Range = (1.75, 5.8)
    """Stops of light between two encoded values under a curve that explains the pictures.

    Eleven cameras' have 3.0 to 3.9, linear files 2.0, sRGB 4.2, powers of 1.6 to 2.8 have 3.2 to 5.6; twice the stated
    steps make 6.1 and more of the cameras', half of them 1.5 to 1.9. Half or twice: all four collages are contradicted.
    """
    contrast_range: Range = (0.2, 0.8)
    """Those two encoded values."""
    contrast_residual_ev: float = 0.06
    """How well the curve has to explain the pictures."""
    wide_ev: float = 1.5
    """What EXIF rounds is a small part of brackets as wide as this."""
    favourable: Range = (0.1, 0.9)
    """Shares of the tones that a step has to contradict: flare, noise and motion change it in a part of the range."""
    exact_step: float = 0.006
    """Share of a step that the curve which frames were made with leaves, steps being free.

    It leaves 0.001 to 0.004 in JPEGs, to 0.01 where things moved. A camera's curve leaves 0.009 and more under sRGB
    between two frames, 0.02 and more over several, which show several parts of it.
    """
    exact_steps: float = 0.01
    """The same of the largest step of several."""
    exact_tones: int = 100
    """In so many tones."""
    exact_allowed_ev: float = 0.25
    """What a step may be wrong by then: EXIF rounds each time by a sixth of a stop at most."""
    exact_powers: Range = (0.7, 1.4)
    """How many stops a stop looks under gamma 2.2 in files of another power: derived, 1.6 / 2.2 to 3 / 2.2."""
    flattened_powers: Range = (0.65, 1.0)
    """The same of sRGB's curve: a phone's tone mapping flattens it, to 0.71 in a made one of a grey sky."""
    typical_power: float = 0.68
    """Of sRGB's curve, in the median of seven cameras' JPEGs."""
    agreement: float = 0.4
    """Share that steps of one camera may differ by in how they look: a curve's slope changes along its range."""


SPACING = SpacingSettings()


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """What neighbouring pictures show of the stops between them."""

    matches: tuple[TonePairs, ...]
    """Tones of equal cumulative share of each picture and the next."""
    pixels: int
    """Number in each picture."""
    linear: bool

    @classmethod
    def of(cls, pictures: Sequence[Samples], *, linear: bool, scale_ev: Sequence[float] | None = None) -> "Spacing":
        """Match pictures (h, w, 3) with the next of them; pixels are shares of 2^scale_ev, of 1 if not given."""
        scale = [0.0] * len(pictures) if scale_ev is None else scale_ev
        height, width = pictures[0].shape[:2]
        whites = None if linear else white_levels(pictures)
        matches = match_histograms(pictures, [-ev for ev in scale], whites=whites)
        return cls(matches=tuple(matches), pixels=height * width, linear=linear)

    def steps(self, curve: ResponseCurve, share: float = 0.5) -> Array:
        """(n - 1,) stops from each picture to the next under a curve, NaN where they have too few tones in common.

        That is the step which a share of the tones does not pass: the median.
        """
        gains = np.zeros(len(self.matches) + 1)
        return np.array([
            np.quantile(residuals(curve, pairs, gains), share) if len(pairs.dark) >= SPACING.least_tones else np.nan
            for pairs in self.matches
        ])  # fmt: skip

    def error(self, curve: ResponseCurve) -> float:
        """Root mean square over tones of what a curve leaves, in stops, where the steps are what it makes of them."""
        steps = self.steps(curve)
        told = [pairs for pairs, step in zip(self.matches, steps, strict=True) if np.isfinite(step)]
        return tone_error(curve, told, np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps))]))

    def estimated(self, stated: Sequence[float]) -> Array:
        """(n - 1,) steps in stops, NaN where two neighbours have too few tones in common.

        They are those of the curve that the pictures were made with; else of sRGB to the power under which `stated`
        steps that a camera may have made are right, if two and more agree on one, or to a typical camera's.
        """
        error, name = min((self.error(_curve(name)), name) for name in self._candidates)
        if self.linear or error < FIT.known_tolerance_ev:
            return self.steps(_curve(name))
        shown = self.steps(_curve("srgb"))
        with np.errstate(divide="ignore", invalid="ignore"):
            looks = shown / np.asarray(stated, dtype=np.float64)
        possible = looks[(looks >= SPACING.bracket_powers[0]) & (looks <= SPACING.bracket_powers[1])]
        agree = len(possible) >= 2 and np.ptp(possible) <= SPACING.agreement * np.median(possible)
        return shown * (1.0 / np.median(possible) if agree else SPACING.typical_power)

    def contradicts(self, stated: Sequence[float]) -> int | None:
        """Index of the step, as stated in stops, that the pictures contradict most; None where all may be right."""
        telling = np.array([self.pixels >= SPACING.least_pixels and _tells(pairs) for pairs in self.matches])
        if not telling.any():
            return None
        given = np.asarray(stated, dtype=np.float64)[telling]
        if self.linear:
            possible = self._looks(telling, given, "linear", (1.0, 1.0), (1.0, 1.0))
            if self._is_exact(telling, given, "linear"):
                possible &= _near(self.steps(_curve("linear"))[telling], given)
        else:
            possible = self._is_of_a_known_curve(telling, given) or self._is_of_a_camera(telling, given, stated)
        if possible:
            return None
        shown = self.steps(_curve("linear" if self.linear else "srgb"))[telling]
        return int(np.flatnonzero(telling)[np.argmax(np.abs(shown - given))])

    def _is_of_a_known_curve(self, telling: NDArray[np.bool_], given: Array) -> bool:
        """Whether the telling steps are those that a known curve shows."""
        known = (_curve(name) for name in KNOWN_CURVES)
        return any(
            self.error(curve) < FIT.known_tolerance_ev and _near(self.steps(curve)[telling], given) for curve in known
        )

    def _is_of_a_camera(self, telling: NDArray[np.bool_], given: Array, stated: Sequence[float]) -> bool:
        """Whether the telling steps can be those of a camera whose curve is not known."""
        if not self._looks(telling, given, "srgb", SPACING.bracket_powers, SPACING.step_powers):
            return False
        for name, powers in (("gamma", SPACING.exact_powers), ("srgb", SPACING.flattened_powers)):
            if self._is_exact(telling, given, name):  # then any power of it explains as much
                shown = self.steps(_curve(name))[telling]
                if not _near(shown / np.clip(shown.sum() / max(given.sum(), 1e-6), *powers), given):
                    return False
                break
        return given.sum() < SPACING.wide_ev or not self._implies_an_unlikely_curve(stated)

    def _is_exact(self, telling: NDArray[np.bool_], given: Array, name: str) -> bool:
        """Whether a known curve leaves so little that the frames were made with it, whatever the steps."""
        if min(len(self.matches[index].dark) for index in np.flatnonzero(telling)) < SPACING.exact_tones:
            return False
        largest = max(np.abs(self.steps(_curve(name))[telling]).max(), given.max())
        return self.error(_curve(name)) < (SPACING.exact_step if len(given) == 1 else SPACING.exact_steps) * largest

    def _looks(
        self,
        telling: NDArray[np.bool_],
        given: Array,
        name: str,
        whole: tuple[float, float],
        single: tuple[float, float],
    ) -> bool:
        """Whether the telling steps can look as most tones show them, each by itself and all together."""
        lower, upper = (self.steps(_curve(name), share)[telling] for share in SPACING.favourable)
        return all(
            (low * steps - SPACING.allowed_ev <= most).all() and (least <= high * steps + SPACING.allowed_ev).all()
            for least, most, steps, (low, high) in (
                (lower, upper, given, single),
                (lower.sum(), upper.sum(), given.sum(), whole),
            )
        )

    def _implies_an_unlikely_curve(self, stated: Sequence[float]) -> bool:
        """Whether the curve that the stated steps imply explains the pictures and has no camera's contrast."""
        matches = [replace(pairs, step_ev=float(step)) for pairs, step in zip(self.matches, stated, strict=True)]
        tones = [pairs for pairs in matches if len(pairs.dark) >= SPACING.least_tones]
        low, high = SPACING.contrast_range
        if min(pairs.dark.min() for pairs in tones) > low or max(pairs.bright.max() for pairs in tones) < high:
            return False
        calibration = calibrate(matches, len(matches) + 1, len(matches) // 2)
        light = calibration.curve(np.array([[low] * 3, [high] * 3]))
        contrast_ev = float(np.mean(np.log2(light[1] / light[0])))
        unlikely = not SPACING.contrast_ev[0] <= contrast_ev <= SPACING.contrast_ev[1]
        explained = calibration.residual_ev < SPACING.contrast_residual_ev
        return unlikely and explained and calibration.curve.name not in KNOWN_CURVES

    @property
    def _candidates(self) -> tuple[str, ...]:
        """Curves that files are made with; linear light in display-encoded files looks like gamma 2.2."""
        return ("linear",) if self.linear else ("srgb", "gamma")


@cache
def _curve(name: str) -> ResponseCurve:
    return KNOWN_CURVES[name]()


def _tells(pairs: TonePairs) -> bool:
    if len(pairs.dark) < SPACING.least_tones:
        return False
    low, high = np.quantile(pairs.dark, (0.05, 0.95))
    return bool(np.log2(high / low) >= SPACING.least_contrast_ev)


def _near(shown: Array, given: Array) -> bool:
    """Whether steps are what is given, but for what times are rounded by."""
    return bool((np.abs(shown - given) <= SPACING.exact_allowed_ev).all())

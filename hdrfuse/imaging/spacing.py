"""Spacing: how many stops lie between a bracket's exposures by its pictures, and whether the stated ones can be.

Matched tones tell spacing and response up to a common exponent only: twice the stops under a curve are as many under
its square root. So a spacing is contradicted where none of the curves in use explains it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.calibration import KNOWN_TOLERANCE_EV
from hdrfuse.imaging.pairs import Pairs, Samples, match_histograms, residuals, tone_error
from hdrfuse.imaging.response import KNOWN_CURVES, ResponseCurve

Array = NDArray[np.float64]

LEAST_PIXELS = 1000
"""Smaller pictures have no histograms to be matched."""

LEAST_TONES, LEAST_CONTRAST_EV = 30, 0.5
"""Matched tones that tell a step, and how far apart they lie, in stops of encoded value."""

CAMERAS, CAMERAS_STEP = (0.72, 2.2), (0.65, 2.2)
"""How many stops a stop looks under sRGB's curve, over a whole bracket and from one frame to the next.

Brackets of eleven cameras look 1.23 to 1.69 as wide, a phone's with local tone mapping 0.92 and parts of it 0.62;
single steps of about a stop 0.5 to 1.9 as wide. Pure powers of 1.6 to 3 look 0.73 to 1.38.
"""

ALLOWED_EV = 0.5
"""What a step may be wrong by besides: rounded ISO is by up to 0.4 in a phone's bracket."""

EXACT_EV, EXACT_TONES = 0.015, 100
"""Error that the curve which frames were made with leaves, steps being free, in so many tones.

It leaves 0.012 at most where things moved; of two neighbours of a camera's bracket sRGB leaves 0.03 and more.
"""

EXACT_ALLOWED_EV = 0.25
"""What a step may be wrong by then: EXIF rounds each time by a sixth of a stop at most."""

EXACT_POWERS = (0.7, 1.4)
"""How many stops a stop looks under gamma 2.2 in files of another power: 1.6 to 3."""


TYPICAL_POWER = 0.68
"""Of sRGB's curve, in the median of seven cameras' JPEGs."""

AGREEMENT = 0.4
"""Share that steps of one camera may differ by in how they look: a curve's slope changes along its range."""


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """What neighbouring pictures show of the stops between them."""

    matches: tuple[Pairs, ...]
    """Tones of equal cumulative share of each picture and the next."""
    pixels: int
    """Number in each picture."""
    linear: bool

    @classmethod
    def of(cls, pictures: Sequence[Samples], *, linear: bool, scale_ev: Sequence[float] | None = None) -> "Spacing":
        """Match pictures (h, w, 3) with the next of them; pixels are shares of 2^scale_ev, of 1 if not given."""
        scale = [0.0] * len(pictures) if scale_ev is None else scale_ev
        height, width = pictures[0].shape[:2]
        matches = match_histograms(pictures, [-ev for ev in scale])
        return cls(matches=tuple(matches), pixels=height * width, linear=linear)

    def steps(self, curve: ResponseCurve) -> Array:
        """(n - 1,) stops from each picture to the next under a curve, NaN where they have too few tones in common."""
        gains = np.zeros(len(self.matches) + 1)
        return np.array([
            np.median(residuals(curve, pairs, gains)) if len(pairs.dark) >= LEAST_TONES else np.nan
            for pairs in self.matches
        ])  # fmt: skip

    def error(self, curve: ResponseCurve) -> float:
        """Root mean square over tones of what a curve leaves, in stops, where the steps are what it makes of them."""
        evs = np.concatenate([[0.0], np.cumsum(np.nan_to_num(self.steps(curve)))])
        return tone_error(curve, self.matches, evs)

    def estimated(self, stated: Sequence[float]) -> Array:
        """(n - 1,) steps in stops, NaN where two neighbours have too few tones in common.

        They are those of the curve that the pictures were made with; else of sRGB to the power under which `stated`
        steps that a camera may have made are right, if two and more agree on one, or to a typical camera's.
        """
        error, name = min((self.error(_curve(name)), name) for name in self._candidates)
        if self.linear or error < KNOWN_TOLERANCE_EV:
            return self.steps(_curve(name))
        shown = self.steps(_curve("srgb"))
        with np.errstate(divide="ignore", invalid="ignore"):
            looks = shown / np.asarray(stated, dtype=np.float64)
        possible = looks[(looks >= CAMERAS[0]) & (looks <= CAMERAS[1])]
        agree = len(possible) >= 2 and np.ptp(possible) <= AGREEMENT * np.median(possible)
        return shown * (1.0 / np.median(possible) if agree else TYPICAL_POWER)

    def contradicts(self, stated: Sequence[float]) -> int | None:
        """Index of the step, as stated in stops, that the pictures contradict most; None where all may be right."""
        telling = np.array([self.pixels >= LEAST_PIXELS and _tells(pairs) for pairs in self.matches])
        if not telling.any():
            return None
        given = np.asarray(stated, dtype=np.float64)[telling]
        shown = {name: self.steps(_curve(name))[telling] for name in KNOWN_CURVES}
        error = {name: self.error(_curve(name)) for name in KNOWN_CURVES}
        exact = (
            EXACT_EV if min(len(self.matches[index].dark) for index in np.flatnonzero(telling)) >= EXACT_TONES else 0.0
        )
        if self.linear:
            looks = shown["linear"]
            possible = _may_be(looks, given, (1.0, 1.0), (1.0, 1.0))
            possible &= error["linear"] >= exact or _near(looks, given)
        else:
            looks = shown["srgb"]
            possible = _may_be(looks, given, CAMERAS, CAMERAS_STEP)
            if error["gamma"] < exact:  # then any power explains as much
                power = np.clip(shown["gamma"].sum() / max(given.sum(), 1e-6), *EXACT_POWERS)
                possible &= _near(shown["gamma"] / power, given)
            elif error["srgb"] < exact:
                possible &= _near(shown["srgb"], given)
            known = (name for name in KNOWN_CURVES if error[name] < KNOWN_TOLERANCE_EV)
            possible |= any(_near(shown[name], given) for name in known)
        return None if possible else int(np.flatnonzero(telling)[np.argmax(np.abs(looks - given))])

    @property
    def _candidates(self) -> tuple[str, ...]:
        """Curves that files are made with; linear light in display-encoded files looks like gamma 2.2."""
        return ("linear",) if self.linear else ("srgb", "gamma")


@cache
def _curve(name: str) -> ResponseCurve:
    return KNOWN_CURVES[name]()


def _tells(pairs: Pairs) -> bool:
    if len(pairs.dark) < LEAST_TONES:
        return False
    low, high = np.quantile(pairs.dark, (0.05, 0.95))
    return bool(np.log2(high / low) >= LEAST_CONTRAST_EV)


def _near(shown: Array, given: Array) -> bool:
    """Whether steps are what is given, but for what times are rounded by."""
    return bool((np.abs(shown - given) <= EXACT_ALLOWED_EV).all())


def _may_be(shown: Array, given: Array, whole: tuple[float, float], single: tuple[float, float]) -> bool:
    """Whether the steps given can look as shown, each by itself and all together."""
    return all(
        (low * stated - ALLOWED_EV <= seen).all() and (seen <= high * stated + ALLOWED_EV).all()
        for seen, stated, (low, high) in ((shown, given, single), (shown.sum(), given.sum(), whole))
    )

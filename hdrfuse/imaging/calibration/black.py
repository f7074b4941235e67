"""Black: the value that a picture gives to no light, which flare, scanners and night modes raise above 0.

Under a raised black a darker frame looks too bright, more so the darker the tone; which is not what motion or
another exposure does, and tells how much it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdrfuse.imaging.calibration.correspondences import TonePairs
from hdrfuse.imaging.calibration.response import LEVELS, ResponseCurve
from hdrfuse.setting_limits import Settings

ABOVE_BLACK = " above black"
"""What the names of curves that begin at a raised black end with."""


@dataclass(frozen=True, kw_only=True)
class BlackSettings(Settings):
    """Where a raised black is looked for.

    What names no derivation was chosen by hand: half and twice of each change nothing in the classical merge of four
    collages as a camera model writes them, none of whose cameras raises its black (`hdrfuse bench --what settings
    --setting black --seeds 1 --size 192x128 --images DIR --movers DIR --camera`).
    """

    largest: float = 24 / 255
    """Encoded value up to which a black is looked for."""
    steps: tuple[float, float] = (3 / 255, 0.5 / 255)
    """It is looked for coarsely, then finely. Derived: the fine step is what rounding to 8 bits hides."""
    least_pairs: int = 10
    """Fewer pairs of two frames' channel say nothing."""
    off_ev: float = 0.3
    """Disagreement from which a pair counts as one that moved."""
    least: float = 0.75 / 255
    """A black below this is none: rounding alone does as much. Derived: rounding moves a code by half of one."""


BLACK = BlackSettings()


def raised_black(curve: ResponseCurve, matches: Sequence[TonePairs]) -> ResponseCurve | None:
    """The curve above the blacks, a channel, that explain the pairs best without gains; None where 0 does."""
    blacks = np.array([_black(curve.table[c], matches, c) for c in range(3)])
    return above(curve, blacks) if blacks.max() >= BLACK.least else None


def above(curve: ResponseCurve, blacks: NDArray[np.float64]) -> ResponseCurve:
    """The curve of pictures whose black was raised to these values (3,): 0 up to there, and white stays white."""
    grid = np.linspace(0.0, 1.0, LEVELS)
    table = [
        np.interp((grid - black) / (1.0 - black), grid, channel)
        for black, channel in zip(blacks, curve.table, strict=True)
    ]
    return ResponseCurve(name=f"{curve.name}{ABOVE_BLACK}", table=np.stack(table))


def _black(table: NDArray[np.float64], matches: Sequence[TonePairs], channel: int) -> float:
    """Encoded value of black in a channel."""
    parts = [
        (pairs, pairs.channel == channel) for pairs in matches if (pairs.channel == channel).sum() >= BLACK.least_pairs
    ]
    if not parts:
        return 0.0
    dark = np.concatenate([pairs.dark[each] for pairs, each in parts])
    bright = np.concatenate([pairs.bright[each] for pairs, each in parts])
    step = np.concatenate([np.full(each.sum(), pairs.step_ev) for pairs, each in parts])
    weight = np.concatenate([np.full(each.sum(), 1.0 / each.sum()) for _, each in parts])
    grid = np.linspace(0.0, 1.0, LEVELS)

    def cost(black: float) -> float:
        light = [
            np.log2(np.maximum(np.interp((each - black) / (1.0 - black), grid, table), 1e-9)) for each in (dark, bright)
        ]
        return float(weight @ np.minimum(np.abs(light[1] - light[0] - step), BLACK.off_ev))

    best, reach = 0.0, BLACK.largest
    for width in BLACK.steps:
        candidates = np.arange(max(best - reach, 0.0), min(best + reach, BLACK.largest) + width / 2, width)
        best = min(candidates, key=cost)
        reach = width
    return float(best)

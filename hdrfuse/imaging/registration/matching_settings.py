"""MatchingSettings: how two frames are compared to find the camera's motion."""

from dataclasses import dataclass
from typing import Annotated

from hdrfuse.setting_limits import ANY_SIGN, NotNegative, Range, Settings


@dataclass(frozen=True, kw_only=True)
class MatchingSettings(Settings):
    """How frames are compared to find the camera's motion.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion, of procedural scenes, by `hdrfuse bench --what settings --setting matching --seeds 1 --size
    192x128 --noise 0.15`, which are enlarged twofold. Where nothing changes, the guesses were refined to the same
    motion.
    """

    working_pixels: int = 1_500_000
    """Frames above this are reduced before they are compared; performance only. Half / twice: 0 / 0."""
    small_pixels: int = 50_000
    """Frames below this are enlarged twofold before they are compared, so that they have enough blocks.

    Six hand-held procedural scenes each: 96x64 gain 16 dB, 120x80 11, 144x96 17, 200x133 3 and 300x200 nothing; still
    ones stay still.
    """
    feature_pixels: int = 200_000
    """Size of the level at which the first guess of the motion is found; performance only. Half / twice: 0 / 0."""
    coarse_blocks: int = 24
    """A level of fewer blocks is too small to guess by, and the fine one is taken: of twelve and fifteen, as half of
    300x200 and 350x233 has, the demo's bright frame lacks some in its clipped sky and was not registered."""
    cell_px: int = 48
    """Side of the cells that features are kept from alike, in pixels of that level. Half / twice: 0 / 0."""
    kept_per_cell: int = 20
    """Features kept from each cell. Half / twice: 0 / 0."""
    white: float = 0.9
    """Exposures above this are about to clip and are not compared. Derived: code 243 of sRGB's 255.

    Half / twice: -0.01 / -0.03.
    """
    black: float = 0.002
    """Exposures below this are mostly noise and quantisation in an 8-bit file.

    Derived: code 7 of sRGB's 255 (IEC 61966-2-1, the straight part). Half / twice: 0 / 0.
    """
    largest_shift: float = 0.25
    """Share of the frame's diagonal that a hand-held bracket may move. Half / twice: 0 / 0."""
    clear_majority: float = 0.75
    """Share of the textured blocks at which a motion found cheaply needs no rival. Half / twice: 0 / 0."""
    turns_deg: Annotated[tuple[float, ...], ANY_SIGN] = (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)
    """Turns of the camera that are tried where neither a shift nor features tell its motion. Half / twice: 0 / 0."""
    narrow: NotNegative = 0.1
    """Blocks that spread (standard deviation) over less than this share of a side tell no more than a shift.

    Half / twice: 0 / 0.
    """
    band_px: Range = (0.8, 6.0)
    """Standard deviations between which log exposures are compared: neither noise nor errors of the curve.

    Half / twice: +0.01 / -0.02.
    """
    contrast_px: float = 12.0
    """Standard deviation of the window over which local contrast is made alike,

    Half / twice: 0 / 0.
    """
    contrast_floor: NotNegative = 0.03
    """and contrast in stops that counts as noise there. Half / twice: 0 / 0."""
    least_shared: float = 0.3
    """Share of a block that both frames must expose well,

    Half / twice: 0 / 0.
    """
    least_energy: float = 1e-4
    """and its contrast, in squared stops, to count as textured. Half / twice: 0 / 0."""
    least_seen: float = 0.2
    """Share of a block that must be left under a motion to vote on it. Half / twice: 0 / 0."""
    rival: NotNegative = 0.05
    """A block votes for every motion under which it correlates less than this below the best. Half / twice: 0 / 0."""
    distinct: float = 0.7
    """Squared distance of a feature's match, as a share of the second best's, up to which it is distinct.

    Lowe 2004 takes a ratio of distances of 0.8, which is 0.64 here. Half / twice: 0 / 0.
    """
    inlier_px: float = 1.5
    """Residual of matched features up to which they agree on a model,

    Half / twice: 0 / 0.
    """
    set_aside_px: float = 4.0
    """and up to which they are set aside once it is found. Half / twice: 0 / 0."""
    converged_px: float = 0.05
    """A Gauss-Newton step that moves no block further than this is the last. Half / twice: 0 / 0."""


MATCHING = MatchingSettings()

"""MotionSettings: which blocks say the same of the camera's motion."""

from dataclasses import dataclass

from hdrfuse.setting_limits import NotNegative, Settings


@dataclass(frozen=True, kw_only=True)
class MotionSettings(Settings):
    """Which blocks say the same of the camera's motion.

    "Half / twice" is what half and twice the value change in the classical merge's PSNR-mu, in dB, mean of four scenes,
    one a kind of motion, of procedural scenes, by `hdrfuse bench --what settings --setting motion --seeds 1 --size
    192x128 --noise 0.15`. Frames so small are enlarged twofold and have 96 blocks.
    """

    reach_px: float = 2.0
    """Displacements beyond this are outside a linearised step's reach and count as another motion.

    Half / twice: 0 / 0.
    """
    systematic_px: NotNegative = 0.02
    """What interpolation and lens leave in a block's displacement however strong its texture is.

    Half / twice: 0 / 0.
    """
    gate: float = 9.0
    """Squared Mahalanobis distance beyond which a block moves otherwise.

    Derived: 1 % of Gaussian errors in the plane lie beyond, exp(-9 / 2) of them. Half / twice: -0.01 / 0.
    """
    least_shared: float = 0.3
    """Share of a block that both frames must expose well. Half / twice: 0 / 0."""
    least_information: float = 100.0
    """What a block must tell of its displacement along its strongest texture, in 1 / px^2. Half / twice: 0 / 0."""
    correlated_noise: float = 4.0
    """How much more the displacements' variance is since the band pass correlates neighbouring pixels' noise.

    Half / twice: 0 / 0.
    """
    alike: float = 0.25
    """Correlation above which two blocks show the same thing; noise alone stays below 0.2. Half / twice: 0 / 0."""


MOTION = MotionSettings()

"""BlendSettings: what the blend of merge and network goes by.

Errors and ramps are in units of the mu-law, in which the network's white is 1.
"""

from dataclasses import dataclass

MU = 5000.0
"""Compression of the mu-law on which the network was trained (Kalantari & Ramamoorthi 2017, eq. 5; LF-Diff, eq. 1)."""

Ramp = tuple[float, float]
"""From where to where something rises from nothing to all."""


@dataclass(frozen=True, kw_only=True)
class BlendSettings:
    """The blend's constants.

    "Half / twice" is what half and twice the value change in PSNR-mu, in dB, means of all motions: of three procedural
    scenes a motion, by `hdrfuse bench --what settings --setting blend --seeds 3 --size 384x256 --noise 0.15`, and of
    three collages, by the same with `--seeds 4 --images DIR --movers DIR` (seed 1 left out, whose score is not the
    blend's). Procedural scenes are smoother than photographs and forgive the network more: values were chosen on
    collages of the validation split, and where both change by less than 0.05 they are not sharp.
    """

    unseen_factor: float = 2.0
    """How much larger the network's error may be on scenes unlike those that it was validated on."""
    noise_passed_on: float = 0.8
    """How much of the reference's noise the network passes on: what the merge has of it too does not average out."""
    window_px: float = 1.5
    """Standard deviation of the window over which differences are averaged."""
    chi2_knee: float = 1.0
    """Squared difference, in variances, up to which nothing is doubted."""
    chi2_scale: float = 4.0
    """How much more than the knee leaves 1/e of the trust."""
    network_bias_factor: float = 1.6
    """Mean errors that are nothing special, in the network's standard deviations: they are not normally distributed."""
    network_texture_factor: float = 1.3
    """The same of errors of either sign, which a mean does not show: texture that moved a little, hair, leaves."""
    texture_px: float = 1.0
    """Standard deviation of the window that takes the finest detail out of them, in which resampled frames differ."""
    resampled_factor: float = 1.55
    """How much larger both may be where frames were resampled, which changes them too."""
    reference_power: float = 16
    """How soon a merge counts as the reference alone: power of the reference's share in it."""
    measured_highlight: Ramp = (0.9, 1.0)
    """Share of the reference's white from which a darker frame measures the light itself.

    """
    darker: Ramp = (0.02, 0.06)
    """How far the network may stay below a darker frame's measurement, and the merge below what the reference clips."""
    brighter: Ramp = (0.01, 0.06)
    """What the network must show above the reference's white to outdo a darker frame's measurement."""
    below_white: Ramp = (0.05, 0.1)
    """How far below the reference's white the network contradicts that something is clipped there."""
    guess_factor: float = 2.5
    """How much larger the network's error is where no frame shows reliably what is there."""
    fill_error: float = 0.02
    """Error of a highlight that is continued from its surroundings."""
    measured_channel_discount: float = 0.9
    """How much less the network counts where the reference measures two channels of three: the fill goes by them."""
    rim_share: float = 0.25
    """How much it counts in white light at the rim of hand-held frames, where no darker one reaches."""


BLEND = BlendSettings()

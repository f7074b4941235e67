"""BlendSettings: what the blend of merge and network goes by.

Errors and ramps are in units of the mu-law, in which the network's white is 1.
"""

from dataclasses import dataclass

from hdrfuse.setting_limits import NotNegative, Range, Settings


@dataclass(frozen=True, kw_only=True)
class BlendSettings(Settings):
    """The blend's constants.

    "Half / twice" is what half and twice the value change in PSNR-mu, in dB, means of all motions: of three procedural
    scenes a motion, by `hdrfuse bench --what settings --setting blend --seeds 3 --size 384x256 --noise 0.15`, and of
    three collages a motion, by the same with `--seeds 4 --images DIR --movers DIR` (all seeds but 1, whose score no
    blend changes). Procedural scenes forgive the network more than photographs do; values were chosen on collages. What
    changes less than 0.05 is flat: nothing depends on it here.
    """

    unseen_factor: float = 2.0
    """How much larger the network's error may be on scenes unlike those that it was validated on.

    Half / twice: +0.20 / -0.52, collages -0.09 / -0.12.
    """
    noise_passed_on: NotNegative = 0.8
    """How much of the reference's noise the network passes on: what the merge has of it too does not average out.

    Half / twice: +0.08 / -0.06, collages -0.01 / -0.04.
    """
    window_px: float = 1.5
    """Standard deviation of the window over which differences are averaged.

    Half / twice: +0.10 / -0.04, collages +0.04 / -0.05.
    """
    chi2_knee: float = 1.0
    """Squared difference, in variances, up to which nothing is doubted.

    Half / twice: +0.04 / -0.06, collages -0.01 / +0.01.
    """
    chi2_scale: float = 4.0
    """How much more than the knee leaves 1/e of the trust.

    Half / twice: +0.07 / -0.11, collages -0.03 / +0.01.
    """
    network_bias_factor: float = 1.6
    """Mean errors that are nothing special, in the network's standard deviations: they are not normally distributed.

    Half / twice: +0.04 / -0.01, collages -0.12 / +0.07.
    """
    network_texture_factor: float = 1.3
    """The same of errors of either sign, which a mean does not show: texture that moved a little, hair, leaves.

    Half / twice: +0.14 / -0.16, collages -0.01 / -0.01. It took moving
    collages from 46.70 to 46.79 dB (validation split) and from 54.25 to 54.46 (training split).
    """
    texture_px: float = 1.0
    """Standard deviation of the window that takes the finest detail out of them, in which resampled frames differ.

    Half / twice: +0.12 / -0.14, collages -0.01 / -0.01.
    """
    resampled_factor: float = 1.55
    """How much larger both may be where frames were resampled, which changes them too.

    Half / twice: +0.05 / -0.07, collages +0.02 / -0.02.
    """
    reference_power: float = 16.0
    """How soon a merge counts as the reference alone: power of the reference's share in it.

    Half / twice: -0.05 / 0, collages -0.04 / +0.01.
    """
    measured_highlight: Range = (0.9, 1.0)
    """Share of the reference's white from which a darker frame measures the light itself.

    Half / twice: -0.01 / -0.04, collages 0 / -0.01. Twice is never: a static scene with a lit
    lamp lost 0.57 dB by that.
    """
    darker: Range = (0.02, 0.06)
    """How far the network may stay below a darker frame's measurement, and the merge below what the reference clips.

    Half / twice: +0.01 / 0, collages 0 / 0.
    """
    brighter: Range = (0.01, 0.06)
    """What the network must show above the reference's white to outdo a darker frame's measurement.

    Half / twice: 0 / 0, collages 0 / 0.
    """
    below_white: Range = (0.05, 0.1)
    """How far below the reference's white the network contradicts that something is clipped there.

    Half / twice: 0 / 0, collages 0 / 0. None of these scenes asks it.
    """
    guess_factor: float = 1.7
    """How much larger the network's error is where no frame shows reliably what is there.

    Sixteen moving collages of the validation split, with predicted block means: 2.5 46.64, 1.2 46.65, 1.7 46.65 dB.
    From 2.5 and a `measured_channel_discount` of 0.9 to these two they gain 0.16, without a prior 0.09.
    """
    fill_error: float = 0.02
    """Error of a highlight that is continued from its surroundings, where they do not tell.

    Only its ratio to `guess_factor` counts.
    """
    least_fill_error: float = 1 / 3
    """As far as they do tell: times `fill_error`, the least that is believed; no more than once.

    Moving collages, of 48 training pictures and of eight for validation, the latter with newer weights: 52.63 and 47.21
    dB with 1, 53.11 and 47.11 with this, 53.32 and 47.02 with a sixth. What is lost: the sun may be hidden, of which
    nothing around tells. Three times as much believed too: 53.08 and 47.09, and a poor network costs 2 dB.
    """
    measured_channel_discount: NotNegative = 0.3
    """How much less the network counts where the reference measures two channels of three: the fill goes by them.

    The same collages: 0.9 46.53, 0.5 46.65, 0.3 46.65, 0 46.59 dB.
    """
    rim_share: NotNegative = 0.25
    """How much it counts in white light at the rim of hand-held frames, where no darker one reaches.

    Half / twice: +0.02 / -0.10, collages 0 / 0.
    """


BLEND = BlendSettings()

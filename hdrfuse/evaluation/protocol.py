"""The rules of an evaluation: what the merges are told and how their results are scored."""

from dataclasses import dataclass, field

from hdrfuse.imaging.color import GAMMA
from hdrfuse.options import MergeOptions

VDP_PRESETS = ("safnet", "deephdrvideo", "sctnet", "calibrated")
"""Settings of HDR-VDP-2; the papers' own is unpublished."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The papers' rules by default: gamma 2.2, exposures as stated, nothing registered, predictions clipped."""

    clip: bool = True
    """Clip predictions to [0, 1], 1.0 = white of the shortest frame, before they are scored."""
    vdp_preset: str = VDP_PRESETS[0]
    merging: MergeOptions = field(default_factory=lambda: MergeOptions(response="gamma", align=False, gains=False))
    """What all merges are told; a method adds its own."""

    @property
    def scoring(self) -> dict[str, bool | str]:
        """What decides a score beside the picture, in plain types."""
        return {"clip": self.clip, "vdp_preset": self.vdp_preset}

    def sentences(self) -> list[str]:
        """Say the rules, for a caption."""
        response = f"gamma {GAMMA}" if self.merging.response == "gamma" else f"--response {self.merging.response}"
        exposures = "with corrected exposures" if self.merging.gains else "with exposures as stated"
        registered = "registered" if self.merging.align else "not registered"
        clipped = "clipped to [0, 1]" if self.clip else "not clipped (--no-clip)"
        return [
            f"Frames: 16 bits over 65535 or 8 over 255, RGB, {response}, t = 2^(EV - EV_min), {exposures}, "
            f"{registered}. Radiance 1.0 is the white of the shortest frame.",
            f"Scores: whole frame, float64, predictions {clipped}, ground truth as it is, mean of the values of the "
            "images; mu = 5000; SSIM by an 11 x 11 Gaussian window, sigma 1.5, data range 255, valid region.",
            f"HDR-VDP-2.2.2: preset {self.vdp_preset}; presets differ by up to 16 and the papers' own is unpublished.",
        ]

"""The numbers that build a network, saved with its weights."""

from dataclasses import dataclass
from typing import Literal

PriorSource = Literal["none", "ground-truth", "direct", "diffusion"]
"""Where the low-frequency prior comes from: the four configurations of LF-Diff, table 3."""

OutputHead = Literal["sigmoid", "residual", "blend"]
"""How the last convolution becomes a radiance: bounded by a sigmoid; added to the tonemapped reference; or
added to a mix of the tonemapped frames whose weights it gives too."""


@dataclass(frozen=True, kw_only=True)
class LFDiffConfig:
    """Sizes of one network; the defaults are the published ones (LF-Diff, CVPR 2024, section 4.1)."""

    prior: PriorSource = "diffusion"
    mu: float = 5000.0
    """Compression of the tonemapper that the losses and the residual head work on (eq. 1)."""

    alignment_channels: int = 60
    """Channels of a frame's features inside the alignment module."""
    gate_expansion: int = 2
    """Channels inside the gate on a side frame's features, for each of those that it gates."""
    channels: int = 60
    heads: int = 6
    feed_forward_expansion: float = 2.66
    frms_per_block: tuple[int, ...] = (3, 3, 3)
    """One entry a reconstruction block: how many FRMs follow its PIM (N_i of the paper)."""
    frm_pool: int = 2
    lead_residuals: int = 2
    high_residuals: int = 2
    trailing_residuals: int = 1
    """Residual blocks before the frequency split, on the high branch, and after the branches meet."""
    lead_width: int | None = None
    """Channels inside the residual blocks before the split; None: as many as outside."""
    low_residuals: int = 0
    """Residual blocks on the low branch in the place of attention and gated feed-forward; 0 keeps those."""
    learned_slopes: bool = False
    """Whether the residual blocks' rectifiers learn a slope below zero: then no channel falls silent for good."""
    unshuffle: int = 1
    """Features live at 1/unshuffle of the frame's resolution."""
    head: OutputHead = "sigmoid"

    prior_channels: int = 3
    prior_stride: int = 4
    """The prior has 1/prior_stride of the frame's resolution."""
    prior_width: int = 52
    prior_residuals: int = 4
    condition_width: int = 60
    """Channels of the alignment module that feeds the prior's estimator (eq. 13)."""

    denoiser_width: int = 31
    denoiser_blocks: tuple[int, ...] = (2, 2, 2)
    """NAF blocks on each level of the denoiser, down and up; one more stands at the bottom."""
    diffusion_steps: int = 200
    beta_first: float = 5e-4
    beta_last: float = 0.1
    """Linear schedule whose last alpha_bar is 3e-5, so that nothing of the prior shows at the start."""
    sampling_steps: int = 10

    tile_px: int = 256
    """Side of the tiles that a large frame is cut into: attention averages over the extent it learned on."""

    @property
    def pim_pool(self) -> int:
        """Pooling that brings the features to the prior's resolution."""
        return self.prior_stride // self.unshuffle

    @property
    def multiple_of(self) -> int:
        """Heights and widths are padded to a multiple of this inside the network."""
        down = 2 ** len(self.denoiser_blocks) if self.prior == "diffusion" else 1
        return max(self.prior_stride * down, self.unshuffle * self.frm_pool)


PRESETS: dict[str, LFDiffConfig] = {
    "paper": LFDiffConfig(),
    "fast": LFDiffConfig(
        alignment_channels=24,
        gate_expansion=1,
        channels=40,
        frms_per_block=(1, 2),
        frm_pool=4,
        lead_residuals=1,
        lead_width=16,
        high_residuals=1,
        trailing_residuals=0,
        low_residuals=8,
        learned_slopes=True,
        unshuffle=2,
        head="blend",
        tile_px=512,
        prior_stride=8,
        prior_width=48,
        prior_residuals=2,
        condition_width=32,
        denoiser_width=16,
        denoiser_blocks=(1, 1),
    ),
}

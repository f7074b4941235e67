"""The numbers that build a network, saved with its weights."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

PriorSource = Literal["none", "ground-truth", "direct", "diffusion", "block-means"]
"""Where the low-frequency prior comes from: the four configurations of LF-Diff, table 3, and one of our own: block
means of the result, predicted and swapped in."""

WITHOUT_PRIOR: tuple[PriorSource, ...] = ("none", "block-means")
"""Priors that the reconstruction is told nothing of: it gives a picture without them."""

DRAWN: tuple[PriorSource, ...] = ("diffusion", "block-means")
"""Priors that a diffusion draws, or can draw in the place of their mean."""

OutputHead = Literal["sigmoid", "residual", "blend"]
"""How the last convolution becomes a radiance: bounded by a sigmoid; added to the tonemapped reference; or
added to a mix of the tonemapped frames whose weights it gives too."""

DenoiserPredicts = Literal["noise", "v"]
"""What the denoiser tells of z_t = sqrt(a) z + sqrt(1 - a) noise: the noise, or v = sqrt(a) noise - sqrt(1 - a) z, from
which z follows as well at the noisiest step as at the last (Salimans & Ho 2022)."""


WORDS: dict[str, tuple[str, ...]] = {
    "prior": get_args(PriorSource),
    "head": get_args(OutputHead),
    "denoiser_predicts": get_args(DenoiserPredicts),
}

LIMITS: dict[str, tuple[float, float]] = {
    "mu": (1.0, 1e6),
    "gate_expansion": (1, 64),
    "feed_forward_expansion": (0.1, 64.0),
    "frms_per_block": (0, 256),
    "frm_pool": (1, 64),
    "lead_residuals": (0, 256),
    "high_residuals": (0, 256),
    "trailing_residuals": (0, 256),
    "low_residuals": (0, 256),
    "unshuffle": (1, 16),
    "prior_stride": (1, 64),
    "prior_residuals": (0, 256),
    "denoiser_blocks": (0, 256),
    "diffusion_steps": (1, 10_000),
    "beta_first": (1e-9, 0.999),
    "beta_last": (1e-9, 0.999),
    "sampling_steps": (1, 10_000),
    "tile_px": (64, 4096),
}
"""Least and greatest value of a number, or of a list's entries: a hundred times what any published variant has."""

WIDTHS = (1, 65_536)
"""Limits of every other number: channels."""

MOST_LEVELS = 8
"""Longest list: of reconstruction blocks, or of the denoiser's levels, each of which halves the prior."""

LARGEST_MULTIPLE = 64
"""Pixels to a multiple of which a frame may have to be padded: the side of the smallest tile."""


@dataclass(frozen=True, kw_only=True)
class LFDiffConfig:
    """Sizes of one network; the defaults are the published ones (LF-Diff, CVPR 2024, section 5.1).

    Raises ValueError, which names the number, where no network could be built so or none could run.
    """

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
    """Whether rectifiers of residual blocks and of the prior's encoders learn a slope below zero: then no channel
    falls silent for good."""
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

    block_means_widths: tuple[int, ...] = (32, 48, 64, 96)
    """Channels on each level of what predicts block means, each of which halves the prior."""

    denoiser_width: int = 31
    denoiser_blocks: tuple[int, ...] = (2, 2, 2)
    """NAF blocks on each level of the denoiser, down and up; one more stands at the bottom."""
    denoiser_predicts: DenoiserPredicts = "noise"
    diffusion_steps: int = 200
    beta_first: float = 5e-4
    beta_last: float = 0.1
    """Linear schedule whose last alpha_bar is 3e-5, so that nothing of the prior shows at the start."""
    sampling_steps: int = 10

    tile_px: int = 256
    """Side of the tiles that a large frame is cut into: attention averages over the extent it learned on."""

    def __post_init__(self) -> None:
        """Refuse what a file may say and no network can be."""
        for each in fields(self):
            check_field(each.name, getattr(self, each.name), each.default)
        if not self.low_residuals and self.channels % self.heads:
            raise ValueError(f"channels {self.channels} in {self.heads} heads; expected a multiple")
        if self.prior != "none" and self.prior_stride % self.unshuffle:
            raise ValueError(f"prior_stride {self.prior_stride}; expected a multiple of unshuffle {self.unshuffle}")
        steps = {self.unshuffle} if self.prior == "none" else {self.unshuffle, self._prior_multiple}
        if any(self.multiple_of % step for step in steps):
            raise ValueError(f"frm_pool {self.frm_pool}; expected one that goes with strides of {max(steps)}")
        if self.multiple_of > LARGEST_MULTIPLE:
            raise ValueError(f"tiles of a multiple of {self.multiple_of} pixels; expected {LARGEST_MULTIPLE} at most")
        if self.sampling_steps > self.diffusion_steps:
            raise ValueError(f"sampling_steps {self.sampling_steps}; expected {self.diffusion_steps} at most")

    @property
    def blocks(self) -> int:
        """How many blocks the network is made of; each has a weight at least."""
        residuals = self.lead_residuals + self.high_residuals + self.trailing_residuals + self.low_residuals
        refinements = sum(count + 1 for count in self.frms_per_block)
        return refinements * (1 + residuals) + self.prior_residuals + 2 * sum(self.denoiser_blocks)

    @property
    def pim_pool(self) -> int:
        """Pooling that brings the features to the prior's resolution."""
        return self.prior_stride // self.unshuffle

    @property
    def multiple_of(self) -> int:
        """Heights and widths are padded to a multiple of this inside the network."""
        return max(self._prior_multiple, self.unshuffle * self.frm_pool)

    @property
    def _prior_multiple(self) -> int:
        down = 2 ** len(self.denoiser_blocks) if self.prior == "diffusion" else 1
        return self.prior_stride * down


def check_field(name: str, value: object, default: Any) -> None:  # noqa: ANN401
    """Raise ValueError where a field holds another kind of value than its default, or one out of its limits."""
    if name in WORDS:
        if value not in WORDS[name]:
            raise ValueError(f"{name} {value!r}; expected one of {', '.join(WORDS[name])}")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} {value!r}; expected true or false")
    elif isinstance(default, tuple):
        if not isinstance(value, tuple) or not 1 <= len(value) <= MOST_LEVELS:
            raise ValueError(f"{name} {value!r}; expected a list of 1 to {MOST_LEVELS} numbers")
        for entry in value:
            check_field(name, entry, default[0])
    elif value is not None or default is not None:
        low, high = LIMITS.get(name, WIDTHS)
        kinds = (int, float) if isinstance(default, float) else (int,)
        kind = "a number" if isinstance(default, float) else "a whole number"
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            raise ValueError(f"{name} {value!r}; expected {kind} from {low:g} to {high:g}")


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
        denoiser_width=32,
        denoiser_blocks=(1, 1),
        denoiser_predicts="v",
    ),
}

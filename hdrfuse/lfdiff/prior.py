"""The two encoders of the low-frequency prior: from the ground truth, and from the frames."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from hdrfuse.lfdiff.alignment import AlignmentModule
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.layers import INITIAL_RESIDUAL, RunningNorm, conv3x3, rectifier, residual_blocks
from hdrfuse.lfdiff.signals import mu_law


def prior_encoder(in_channels: int, config: LFDiffConfig) -> nn.Sequential:
    """Convolution, residual blocks, convolution to the prior's channels, bounded to [-1, 1]."""
    return nn.Sequential(
        conv3x3(in_channels, config.prior_width),
        rectifier(config.prior_width, config.learned_slopes),
        residual_blocks(config.prior_residuals, config.prior_width, learned_slopes=config.learned_slopes),
        conv3x3(config.prior_width, config.prior_channels),
        RunningNorm(config.prior_channels),  # without it the optimiser drives tanh into saturation for good
        nn.Tanh(),
    )


class LPENet(nn.Module):
    """The prior z of a known radiance (LF-Diff, eq. 6); used in training only."""

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        self.stride = config.prior_stride
        self.mu = config.mu
        self.encoder = prior_encoder(6 * config.prior_stride**2, config)
        self.start_as_block_means()

    @torch.no_grad()
    def start_as_block_means(self) -> None:
        """Make z the tonemapped truth at a quarter of its size, roughly: the prior tells something from the start."""
        convolutions = [layer for layer in self.encoder.children() if isinstance(layer, nn.Conv2d)]
        first, last = (convolution.weight.data for convolution in convolutions)
        block = self.stride**2
        first[:3] = 0
        last *= INITIAL_RESIDUAL / 2
        for channel in range(3):
            first[channel, (3 + channel) * block : (4 + channel) * block, 1, 1] = 1 / block
            last[channel, channel, 1, 1] = 1

    def forward(self, radiance: Tensor) -> Tensor:
        """Radiance (B, 3, H, W) in [0, 1] -> z (B, 3, H/s, W/s) in [-1, 1]."""
        both = torch.cat([radiance, mu_law(radiance, self.mu)], dim=1)
        return self.encoder(F.pixel_unshuffle(both, self.stride))


class LPENetDM(nn.Module):
    """What the frames alone tell of the prior: the condition D of the diffusion (LF-Diff, eq. 13)."""

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        self.stride = config.prior_stride
        self.alignment = AlignmentModule(6 * config.prior_stride**2, config.condition_width, config.condition_width)
        self.encoder = prior_encoder(config.condition_width, config)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames X (B, 3, 6, H, W) -> D (B, 3, H/s, W/s) in [-1, 1]."""
        s = self.stride
        return self.encoder(self.alignment(rearrange(frames, "b f c (h s1) (w s2) -> b f (c s1 s2) h w", s1=s, s2=s)))

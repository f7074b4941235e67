"""DHRNet: from frames and prior to the tonemapped radiance."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from hdrfuse.lfdiff.alignment import AlignmentModule
from hdrfuse.lfdiff.config import WITHOUT_PRIOR, LFDiffConfig
from hdrfuse.lfdiff.layers import (
    ChannelAttention,
    NormedFeedForward,
    RestormerBlock,
    average_pool,
    conv3x3,
    cosine_scores,
    pointwise_depthwise,
    residual_blocks,
    upsample_to,
)
from hdrfuse.lfdiff.signals import mu_law, reference_radiance


def residuals(config: LFDiffConfig, count: int, width: int | None = None) -> nn.Sequential:
    """Residual blocks on the network's features."""
    return residual_blocks(count, config.channels, width=width, learned_slopes=config.learned_slopes)


class FeatureRefinementModule(nn.Module):
    """FRM: refine low and high frequencies apart (LF-Diff, eq. 7 and 8)."""

    def __init__(self, config: LFDiffConfig, pool: int) -> None:
        super().__init__()
        channels = config.channels
        self.pool = pool
        self.lead = residuals(config, config.lead_residuals, width=config.lead_width)
        self.low: nn.Module = low_branch(config)
        self.high = residuals(config, config.high_residuals)
        self.merge = nn.Conv2d(2 * channels, channels, 1)
        self.channel_attention = ChannelAttention(channels)
        self.trailing = residuals(config, config.trailing_residuals)

    def forward(self, x: Tensor, *low_context: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W); what follows x goes to the low branch."""
        features = self.lead(x)
        low = average_pool(features, self.pool)
        high = self.high(features - upsample_to(low, features))
        low = self.low(low, *low_context)
        of_high, of_low = self.merge.weight.chunk(2, dim=1)  # a 1x1 convolution may go before the enlargement: cheaper
        merged = F.conv2d(high, of_high, self.merge.bias) + upsample_to(F.conv2d(low, of_low), high)
        return x + self.trailing(self.channel_attention(merged))


def low_branch(config: LFDiffConfig) -> nn.Module:
    """An FRM's low branch: a Restormer block, or plain residual blocks in a small network."""
    if config.low_residuals:
        return residuals(config, config.low_residuals)
    return RestormerBlock(config.channels, config.heads, config.feed_forward_expansion)


class PriorIntegrationModule(FeatureRefinementModule):
    """PIM: an FRM whose low branch listens to the prior; `forward(features, prior)`."""

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__(config, config.pim_pool)
        self.low = PriorBlock(config)


INITIAL_TEMPERATURE = 0.1
"""Gamma of eq. 9 at first: cosines over 1 leave the softmax over N = 3 nearly flat, so that no colour passes."""

LEAST_TEMPERATURE = 0.01
"""What gamma, learned, never falls below: an optimiser's steps would carry it to zero and past it."""


class PriorAttention(nn.Module):
    """Let the low-frequency prior steer image features by channel cross-attention (LF-Diff, eq. 9)."""

    def __init__(self, channels: int, prior_channels: int) -> None:
        super().__init__()
        self.to_q = pointwise_depthwise(channels, channels)
        self.to_kv = pointwise_depthwise(prior_channels, 2 * prior_channels)
        self.temperature = nn.Parameter(torch.tensor(INITIAL_TEMPERATURE))
        self.to_out = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """Features (B, C, h, w) and prior (B, N, h, w) -> steered features (B, C, h, w)."""
        q = rearrange(self.to_q(features), "b c h w -> b c (h w)")
        k, v = rearrange(self.to_kv(prior), "b (two n) h w -> two b n (h w)", two=2)
        attended = self.mixture(q, k).to(v.dtype) @ v  # each channel a convex mix of the prior's values
        return features + self.to_out(rearrange(attended, "b c (h w) -> b c h w", h=features.shape[-2]))

    def mixture(self, q: Tensor, k: Tensor) -> Tensor:
        """Q (B, C, n) and K (B, N, n) over positions -> A = softmax(Q K / gamma), (B, C, N), its rows' sums one."""
        temperature = self.temperature.square().add(LEAST_TEMPERATURE**2).sqrt()
        return (cosine_scores(q, k) / temperature).softmax(dim=-1)


class PriorBlock(nn.Module):
    """A PIM's low branch: cross-attention with the prior in the place of self-attention."""

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        self.attention = PriorAttention(config.channels, config.prior_channels)
        self.refine: nn.Module = (
            residuals(config, config.low_residuals)
            if config.low_residuals
            else NormedFeedForward(config.channels, config.feed_forward_expansion)
        )

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """Features (B, C, h, w) and prior (B, N, h, w) -> (B, C, h, w)."""
        return self.refine(self.attention(features, prior))


class ReconstructionBlock(nn.Module):
    """One PIM, then several FRMs; without a prior the PIM is an FRM too (LF-Diff, figure 3)."""

    def __init__(self, config: LFDiffConfig, frm_count: int) -> None:
        super().__init__()
        self.integrate = (
            FeatureRefinementModule(config, config.frm_pool)
            if config.prior in WITHOUT_PRIOR
            else PriorIntegrationModule(config)
        )
        self.refine = nn.Sequential(*(FeatureRefinementModule(config, config.frm_pool) for _ in range(frm_count)))

    def forward(self, features: Tensor, prior: Tensor | None) -> Tensor:
        """Features (B, C, h, w) and prior (B, N, h/pool, w/pool) or None -> (B, C, h, w)."""
        return self.refine(self.integrate(features, *(() if prior is None else (prior,))))


REFERENCE_PREFERENCE = 3.0
"""Score that the reference starts with in a blend: it has nine tenths of the weight."""


class DHRNet(nn.Module):
    """Dynamic HDR reconstruction network (LF-Diff, eq. 10)."""

    preference: Tensor

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        scale = config.unshuffle
        self.scale = scale
        self.mu = config.mu
        self.head = config.head
        self.alignment = AlignmentModule(
            6 * scale**2, config.alignment_channels, config.channels, config.gate_expansion
        )
        self.blocks = nn.ModuleList(ReconstructionBlock(config, count) for count in config.frms_per_block)
        self.gather = conv3x3(config.channels, config.channels)
        self.upsample = nn.PixelShuffle(scale)
        self.last = conv3x3(config.channels, (12 if config.head == "blend" else 3) * scale**2)
        preference = torch.tensor([0.0, REFERENCE_PREFERENCE, 0.0])[:, None, None, None]
        self.register_buffer("preference", preference, persistent=False)
        if config.head != "sigmoid":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor, prior: Tensor | None) -> Tensor:
        """Frames X (B, 3, 6, H, W) and prior (B, N, H/s, W/s) or None -> T(radiance) (B, 3, H, W)."""
        unshuffled = F.pixel_unshuffle(rearrange(frames, "b f c h w -> (b f) c h w"), self.scale)
        aligned = self.alignment(rearrange(unshuffled, "(b f) c h w -> b f c h w", f=3))
        features = aligned
        for block in self.blocks:
            features = block(features, prior)
        output = self.upsample(self.last(aligned + self.gather(features))).float()
        match self.head:
            case "sigmoid":
                return mu_law(output.sigmoid(), self.mu)
            case "residual":
                return mu_law(reference_radiance(frames), self.mu) + output
            case "blend":
                return self.blend(frames, output)

    def blend(self, frames: Tensor, output: Tensor) -> Tensor:
        """Frames X and 3 residual and 9 weighting channels (B, 12, H, W) -> T(radiance) (B, 3, H, W).

        Every pixel and channel takes a convex mix of the tonemapped frames, at first mostly the reference's.
        """
        residual, scores = torch.split(output, [3, 9], dim=1)
        scores = rearrange(scores, "b (f c) h w -> b f c h w", f=3) + self.preference
        tonemapped = mu_law(frames[:, :, 3:].float(), self.mu)
        return (scores.softmax(dim=1) * tonemapped).sum(dim=1) + residual

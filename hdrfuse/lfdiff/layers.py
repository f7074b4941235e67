"""Layers that several parts of the network share."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

INITIAL_RESIDUAL = 0.2
"""How much a residual block adds at first."""

INITIAL_SLOPE = 0.1
"""What a rectifier that learns its slope below zero begins with."""


def conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """Convolution that keeps height, width and, after a ReLU, the variance (He et al. 2015)."""
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    if not convolution.weight.is_meta:  # a network of shapes alone draws nothing, for which torch imports for a second
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution


def pointwise_depthwise(in_channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolution, then a 3x3 one on each channel alone, without bias (Restormer, Zamir et al. 2022)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels, bias=False),
    )


def average_pool(x: Tensor, factor: int) -> Tensor:
    """(B, C, H, W) -> (B, C, ceil(H/factor), ceil(W/factor)); a window that overhangs averages what it has."""
    return F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)


def upsample_to(x: Tensor, like: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W), bilinear, at the size of another map."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def cosine_scores(a: Tensor, b: Tensor) -> Tensor:
    """Cosines between the rows of a (..., C, n) and of b (..., D, n) -> (..., C, D), float32.

    The norms divide the small product instead of the large maps.
    """
    norm_a = torch.linalg.vector_norm(a, dim=-1, keepdim=True, dtype=torch.float32)
    norm_b = torch.linalg.vector_norm(b, dim=-1, keepdim=True, dtype=torch.float32)
    return (a @ b.transpose(-1, -2)).float() / (norm_a * norm_b.transpose(-1, -2)).clamp_min(1e-6)


def rectifier(channels: int, learned_slopes: bool = False) -> nn.Module:
    """ReLU, or one that learns each channel's slope below zero (He et al. 2015)."""
    return nn.PReLU(channels, INITIAL_SLOPE) if learned_slopes else nn.ReLU(inplace=True)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), its rectifier's slopes below zero learned on demand."""

    def __init__(self, channels: int, width: int | None = None, learned_slopes: bool = False) -> None:
        super().__init__()
        width = width or channels
        first, second = conv3x3(channels, width), conv3x3(width, channels)
        with torch.no_grad():
            second.weight.mul_(INITIAL_RESIDUAL)  # or the variance would double with every block
        self.body = nn.Sequential(first, rectifier(width, learned_slopes), second)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.body(x)


def residual_blocks(
    count: int, channels: int, *, width: int | None = None, learned_slopes: bool = False
) -> nn.Sequential:
    """Several residual blocks in a row; none is the identity."""
    return nn.Sequential(*(ResidualBlock(channels, width, learned_slopes) for _ in range(count)))


class ChannelAttention(nn.Module):
    """Gate every channel by what all channels average to (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x * self.gate(x)


class LayerNorm(nn.Module):
    """Normalise the channels of every pixel to mean 0 and variance 1, then scale and shift each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        normalised = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias)
        return normalised.permute(0, 3, 1, 2)


class RunningNorm(nn.Module):
    """Normalise each channel by the mean and variance that it had over the last training batches.

    Unlike batch normalisation it does the same in training and inference, and no gradient passes through
    the statistics.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.05) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W), float32."""
        x = x.float()
        if self.training:
            variance, mean = torch.var_mean(x.detach(), dim=(0, 2, 3), correction=0)
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance, self.momentum)
        return (x - self.mean[:, None, None].clone()) * (self.variance[:, None, None] + 1e-5).rsqrt()


class TransposedAttention(nn.Module):
    """Self-attention between channels, over all positions at once (Restormer, eq. 1)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = pointwise_depthwise(channels, 3 * channels)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.to_out = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        q, k, v = rearrange(self.to_qkv(x), "b (three heads c) h w -> three b heads c (h w)", three=3, heads=self.heads)
        attention = (cosine_scores(q, k) * self.temperature).softmax(dim=-1)  # (B, heads, c, c)
        attended = attention.to(v.dtype) @ v
        return self.to_out(rearrange(attended, "b heads c (h w) -> b (heads c) h w", h=x.shape[-2]))


class GatedFeedForward(nn.Module):
    """1x1, depthwise 3x3, one half gates the other, 1x1 (Restormer, eq. 2)."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.expand = pointwise_depthwise(channels, 2 * hidden)
        self.project = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate, value = self.expand(x).chunk(2, dim=1)
        return self.project(F.gelu(gate) * value)


class NormedFeedForward(nn.Module):
    """x + the gated feed-forward of the normalised x."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.feed_forward = GatedFeedForward(channels, expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.feed_forward(self.norm(x))


class RestormerBlock(nn.Module):
    """Transposed attention, then the gated feed-forward, each normalised first and added back."""

    def __init__(self, channels: int, heads: int, expansion: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.attention = TransposedAttention(channels, heads)
        self.feed_forward = NormedFeedForward(channels, expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.feed_forward(x + self.attention(self.norm(x)))

"""Losses of both stages (LF-Diff, eq. 11 and 15)."""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hdrfuse.errors import WeightsError

VGG19_LAYERS = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3", "conv3_4"),
)
"""Convolutions before each pooling; the features compared follow each group's last one."""
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)
"""What VGG19 expects to be subtracted from blue, green and red in 0..255."""


class PerceptualLoss(nn.Module):
    """Mean absolute difference of VGG19's relu1_2, relu2_2 and relu3_4 features."""

    mean: Tensor

    def __init__(self, vgg19_file: Path) -> None:
        super().__init__()
        try:
            tensors = load_file(vgg19_file)
            self.groups = nn.ModuleList(
                nn.Sequential(*(layer for name in group for layer in (_convolution(tensors, name), nn.ReLU())))
                for group in VGG19_LAYERS
            )
        except (OSError, SafetensorError, KeyError) as error:
            raise WeightsError(f"{vgg19_file}: not VGG19's first convolutions: {error}") from error
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN_BGR)[:, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, tonemapped: Tensor, truth: Tensor) -> Tensor:
        """Two tonemapped pictures (B, 3, H, W) in [0, 1] -> scalar."""
        loss = tonemapped.new_zeros(())
        for a, b in zip(self.features(tonemapped), self.features(truth), strict=True):
            loss = loss + F.l1_loss(a, b)
        return loss / len(self.groups)

    def features(self, tonemapped: Tensor) -> Iterator[Tensor]:
        """A tonemapped picture (B, 3, H, W) in [0, 1] -> features (B, C, h, w) after each group, at 1, 1/2 and 1/4."""
        x = 255 * tonemapped.flip(1) - self.mean
        for level, group in enumerate(self.groups):
            x = group(F.max_pool2d(x, 2) if level else x)
            yield x


def _convolution(tensors: dict[str, Tensor], name: str) -> nn.Conv2d:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
    convolution.load_state_dict({"weight": weight, "bias": bias})
    return convolution


class ReconstructionLoss(nn.Module):
    """L_r = |T(H) - T(H^)|_1 + weight |phi(T(H)) - phi(T(H^))|_1 (LF-Diff, eq. 11), and a squared term on demand."""

    def __init__(
        self, perceptual: PerceptualLoss | None = None, weight: float = 0.01, squared_weight: float = 0.0
    ) -> None:
        super().__init__()
        self.perceptual = perceptual
        self.weight = weight
        self.squared_weight = squared_weight

    def forward(self, tonemapped: Tensor, truth: Tensor) -> Tensor:
        """Two tonemapped pictures (B, 3, H, W) -> scalar."""
        loss = F.l1_loss(tonemapped, truth)
        if self.squared_weight:
            loss = loss + self.squared_weight * F.mse_loss(tonemapped, truth)
        if self.perceptual is None:
            return loss
        return loss + self.weight * self.perceptual(tonemapped, truth)

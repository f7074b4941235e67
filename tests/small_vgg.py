"""VGG19's first convolutions with a few random channels."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from hdrfuse.training.losses import VGG19_LAYERS


def write_vgg(path: Path) -> dict[str, Tensor]:
    """Save them, the same every time -> the tensors by name."""
    torch.manual_seed(0)
    tensors, width = {}, 3
    for level, group in enumerate(VGG19_LAYERS):
        for name in group:
            tensors[f"{name}.weight"] = torch.randn(4 * 2**level, width, 3, 3) * 0.1
            tensors[f"{name}.bias"] = torch.randn(4 * 2**level) * 0.1
            width = 4 * 2**level
    save_file(tensors, path)
    return tensors

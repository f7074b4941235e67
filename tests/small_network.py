"""A network of a few thousand random weights: it starts as a mix of the frames, mostly the reference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hdrfuse.lfdiff.config import PRESETS, LFDiffConfig
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.weights import save_weights

CONFIG = replace(
    PRESETS["fast"], alignment_channels=8, channels=16, heads=2, frms_per_block=(1,), prior_width=8,
    prior_residuals=1, condition_width=8, denoiser_width=8,
)  # fmt: skip


def write_network(path: Path, config: LFDiffConfig = CONFIG, *, tile_px: int = 128, **training: Any) -> Path:
    """Save random weights, the same every time."""
    torch.manual_seed(0)
    save_weights(path, config, LFDiff(config).state_dict(), tile_px=tile_px, training=training)
    return path

"""The numbers that a run computes in."""

import torch

from hdrfuse.training.recipe import Recipe


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """Return the context in which the network runs at the recipe's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16")

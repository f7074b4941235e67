"""A slowly following copy of a network's weights."""

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of all weights; what is validated and shipped."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow the model; early steps follow faster, so that the start is forgotten."""
        rate = 1 - min(self.decay, (step + 1) / (step + 10))
        for name, value in model.state_dict().items():
            self.weights[name].lerp_(value, rate)

    def load(self, weights: dict[str, Tensor]) -> None:
        """Go on from stored weights."""
        for name, value in weights.items():
            self.weights[name].copy_(value)

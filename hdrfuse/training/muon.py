"""Muon: momentum whose matrices are made orthogonal before they are applied."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that drives singular values towards 1 (Jordan et al. 2024)."""
ITERATIONS = 5
RMS_OF_ADAM = 0.2
"""Root mean square of an Adam step in units of the learning rate, so that both share one (Liu et al. 2025)."""


class Muon(torch.optim.AdamW):
    """Muon for the weights of hidden convolutions, AdamW for everything else (Jordan et al. 2024).

    Groups say which by `orthogonal`. A convolution's weight (O, I, h, w) counts as a matrix (O, I h w).
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        betas: tuple[float, float],
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(groups, betas=betas, weight_decay=weight_decay)
        self.momentum = momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; the gradients of orthogonal groups are used up by it."""
        for group in self.param_groups:
            if group["orthogonal"]:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self.orthogonal_step(parameter, parameter.grad, group)
                        parameter.grad = None  # AdamW passes it over
        return super().step(closure)

    def orthogonal_step(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Move one weight along its orthogonalised Nesterov momentum."""
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        state["momentum"].lerp_(gradient, 1 - self.momentum)
        update = orthogonal(gradient.lerp(state["momentum"], self.momentum).flatten(1))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        rate = group["lr"] * RMS_OF_ADAM * max(update.shape) ** 0.5
        parameter.add_(update.view_as(parameter), alpha=-rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """(m, n) -> the nearest semi-orthogonal matrix, roughly: singular values between 0.7 and 1.2."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter mixes channels inside the network: neither bias nor norm, depthwise or last layer."""
    return parameter.ndim == 4 and parameter.shape[1] > 1 and ".last." not in name

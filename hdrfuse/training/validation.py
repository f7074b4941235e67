"""PSNR-mu on a fixed set of held-back brackets, and pictures of the first few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hdrfuse.data.sample import Brackets
from hdrfuse.lfdiff.signals import reference_radiance
from hdrfuse.metrics.psnr import mu_law, psnr_mu
from hdrfuse.training.feed import tensors
from hdrfuse.training.objectives import Batch
from hdrfuse.training.validation_picture import ValidationPicture, side_by_side

Predict = Callable[[Batch], Tensor]
"""One bracket -> radiance (1, 3, H, W)."""

DRAWN = 3
"""Brackets of the picture."""

TYPICAL_SHARE = 0.75
"""Share of the pixels that the typical error is taken over; of the rest many show what no frame tells."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How a network does."""

    psnr_mu: float
    """Mean over the brackets, dB."""
    typical_error: float
    """Root mean square error after the mu-law over all brackets' pixels but the worst quarter."""
    picture: ValidationPicture
    """A row a bracket: the reference's own radiance, the network's, the truth."""


def validation_set(brackets: Brackets, count: int) -> list[Batch]:
    """Return the first brackets of a list, one a batch."""
    samples = (tensors(brackets[index]) for index in range(count))
    return [Batch(**{name: tensor[None] for name, tensor in sample.items()}) for sample in samples]


def validate(predict: Predict, brackets: Sequence[Batch]) -> Validation:
    """Score a network on brackets, at least one, and draw the first few; the latter are of one size."""
    scores, squares, rows = [], [], []
    for index, bracket in enumerate(brackets):
        with torch.inference_mode():
            prediction, truth = picture(predict(bracket)[0]), picture(bracket.radiance[0])
        scores.append(psnr_mu(prediction, truth))
        squares.append(
            np.square(mu_law(prediction.astype(np.float64)) - mu_law(truth.astype(np.float64))).mean(axis=-1).ravel()
        )
        if index < DRAWN:
            rows.append((picture(reference_only(bracket)[0]), prediction, truth))
    return Validation(
        psnr_mu=sum(scores) / len(scores),
        typical_error=typical_error(np.concatenate(squares)),
        picture=side_by_side(rows),
    )


def typical_error(squares: NDArray[np.floating]) -> float:
    """Root mean of squared errors (n,), the worst quarter left out."""
    kept = max(1, round(TYPICAL_SHARE * len(squares)))
    return float(np.sqrt(np.partition(squares, kept - 1)[:kept].mean()))


def mean_psnr_mu(predict: Predict, brackets: Sequence[Batch]) -> float:
    """Mean PSNR-mu in dB over the brackets."""
    with torch.inference_mode():
        pairs = [(predict(bracket)[0], bracket.radiance[0]) for bracket in brackets]
    return sum(psnr_mu(picture(a), picture(b)) for a, b in pairs) / len(pairs)


def picture(radiance: Tensor) -> NDArray[np.float32]:
    """(3, H, W) on any device -> (H, W, 3)."""
    return radiance.permute(1, 2, 0).cpu().numpy()


def reference_only(bracket: Batch) -> Tensor:
    """The reference frame's own radiance: what a network must beat."""
    return reference_radiance(bracket.frames)


def radiance_merge(bracket: Batch) -> Tensor:
    """Triangle-weighted merge of all frames without deghosting."""
    ldr, radiance = bracket.frames.chunk(2, dim=2)
    weight = (1 - (2 * ldr - 1).abs()).clamp_min(1e-4)
    return (weight * radiance).sum(1) / weight.sum(1)

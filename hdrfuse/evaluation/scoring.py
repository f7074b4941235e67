"""The papers' five metrics of one picture."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import BadInputError
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.metrics import hdrvdp2, psnr_l, psnr_mu, ssim_l, ssim_mu

Radiance = NDArray[np.floating[Any]]


def metrics(protocol: Protocol) -> dict[str, Callable[[Radiance, Radiance], float]]:
    """Functions of (prediction, truth), both (H, W, 3), by the name of the metric; higher is better."""
    return {
        "PSNR-mu": partial(psnr_mu, clip=protocol.clip),
        "PSNR-L": partial(psnr_l, clip=protocol.clip),
        "SSIM-mu": partial(ssim_mu, clip=protocol.clip),
        "SSIM-L": partial(ssim_l, clip=protocol.clip),
        "HDR-VDP-2": partial(vdp_quality, protocol=protocol),
    }


def vdp_quality(prediction: Radiance, truth: Radiance, *, protocol: Protocol) -> float:
    """Q of HDR-VDP-2 in the protocol's preset; the prediction is clipped as for the other metrics."""
    seen = np.clip(prediction, 0.0, 1.0) if protocol.clip else prediction
    return float(hdrvdp2(seen, truth, preset=protocol.vdp_preset).q)


def scores(prediction: Radiance, truth: Radiance, protocol: Protocol) -> dict[str, float]:
    """Every metric of a prediction (H, W, 3); infinity for equal pictures. Raises BadInputError for NaN or infinity."""
    check_finite(prediction, "the prediction")
    check_finite(truth, "the ground truth")
    return {name: float(metric(prediction, truth)) for name, metric in metrics(protocol).items()}


def check_finite(radiance: Radiance, what: str) -> None:
    """Raise BadInputError that names what holds NaN or infinity, with how many."""
    wrong = radiance.size - int(np.count_nonzero(np.isfinite(radiance)))
    if wrong:
        raise BadInputError(f"{what}: {wrong:,} of {radiance.size:,} values are NaN or infinite; expected finite ones")

"""Quality: PSNR-mu of merged procedural brackets whose truth is known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, Motion, ProceduralBracket, procedural_bracket
from hdrfuse.deghosting.methods import ready_methods
from hdrfuse.evaluation.baselines import Region, opencv_debevec, reference_alone, triangle_weights_merge
from hdrfuse.evaluation.methods import HdrfuseMethod
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import MergeOptions, Progress

MOTIONS: tuple[Motion, ...] = get_args(Motion)

EVERYWHERE: Region = (slice(None), slice(None))

Prediction = tuple[NDArray[np.floating], Region]
"""Radiance (H, W, 3), 1.0 = white of the shortest frame, and the rows and columns that count."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """One way to merge on one kind of motion."""

    method: str
    motion: Motion
    psnr_mu_db: tuple[float, ...]
    """One a scene."""

    @property
    def mean_db(self) -> float:
        """Mean over the scenes."""
        return fmean(self.psnr_mu_db)


def hdrfuse_merge(bracket: KnownBracket, options: MergeOptions) -> Prediction:
    """What `hdrfuse merge` makes of the frames, the response calibrated from them."""
    return HdrfuseMethod("hdrfuse", options).merge("", bracket).radiance, EVERYWHERE


Merge = Callable[[KnownBracket], Prediction]

BASELINES: dict[str, Merge] = {
    "triangle weights, true curve": lambda bracket: (triangle_weights_merge(bracket), EVERYWHERE),
    "reference frame alone": lambda bracket: (reference_alone(bracket), EVERYWHERE),
    "OpenCV AlignMTB + MergeDebevec, true curve": partial(opencv_debevec, align=True),
}
"""OpenCV's merge is scored where all its frames have data."""


def methods() -> dict[str, Merge]:
    """All ways to merge that run as hdrfuse is installed: a network's need the shipped weights."""
    found: dict[str, MergeOptions] = {}
    for method in ready_methods():
        found[f"hdrfuse {method.name}"] = MergeOptions(method=method.name)
        if method.has_own_output:
            found[f"hdrfuse {method.name} --no-blend"] = MergeOptions(method=method.name, blend=False)
    return {**{name: partial(hdrfuse_merge, options=options) for name, options in found.items()}, **BASELINES}


def measure_quality(
    seeds: Sequence[int],
    *,
    size: tuple[int, int] = (1024, 768),
    motions: Sequence[Motion] = MOTIONS,
    noise: float = 1.0,
    progress: Progress = lambda stage, share: None,
) -> list[Quality]:
    """Merge scenes of every seed and motion in every way -> PSNR-mu (mu = 5000) over the whole frame.

    Brackets are 16-bit gamma 2.2 at -2, 0 and +2 EV, ``size`` (width, height); ``noise`` scales the variance of
    the sensor's noise.
    """
    brackets = procedural_brackets(seeds, size=size, motions=motions, noise=noise, progress=progress)
    return [Quality(method=method, motion=motion, psnr_mu_db=db) for (motion, method), db in scored(brackets)]


def procedural_brackets(
    seeds: Sequence[int],
    *,
    size: tuple[int, int],
    motions: Sequence[Motion] = MOTIONS,
    noise: float = 1.0,
    progress: Progress = lambda stage, share: None,
) -> Iterator[tuple[Motion, ProceduralBracket]]:
    """Scenes of every seed and motion, as measure_quality takes them."""
    for done, motion in enumerate(motions):
        for index, seed in enumerate(seeds):
            progress(f"{motion}, scene {seed}", (done + index / len(seeds)) / len(motions))
            yield (
                motion,
                procedural_bracket(
                    seed,
                    motion=motion,
                    size=size,
                    photon_noise=noise * PHOTON_NOISE,
                    read_noise=noise * READ_NOISE,
                ),
            )


def scored(brackets: Iterable[tuple[Motion, ProceduralBracket]]) -> list[tuple[tuple[Motion, str], tuple[float, ...]]]:
    """Merge brackets of any motions in every way -> PSNR-mu in dB of each, by motion and method."""
    ways = methods()
    scores: dict[tuple[Motion, str], list[float]] = {}
    for motion, bracket in brackets:
        known = KnownBracket.of(bracket)
        for method, merge in ways.items():
            radiance, region = merge(known)
            score = psnr_mu(radiance[region], bracket.truth[region])
            scores.setdefault((motion, method), []).append(round(score, 3))
    return [(key, tuple(db)) for key, db in scores.items()]

"""Quality: PSNR-mu of merged procedural brackets whose truth is known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from hdrfuse.benchmark.opencv_merge import merge_arrays
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, Motion, ProceduralBracket, procedural_bracket
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.color import GAMMA
from hdrfuse.imaging.merging.no_deghosting import triangle_mean
from hdrfuse.metrics import psnr_mu
from hdrfuse.options import available_methods
from hdrfuse.pipeline import MergeOptions, Progress, merge_bracket

MOTIONS: tuple[Motion, ...] = get_args(Motion)

EVERYWHERE = (slice(None), slice(None))

Prediction = tuple[NDArray[np.floating], tuple[slice, slice]]
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


def hdrfuse_merge(bracket: ProceduralBracket, options: MergeOptions) -> Prediction:
    """What `hdrfuse merge` makes of the frames, the response calibrated from them."""
    frames = bracket_of_arrays(bracket.frames, bracket.evs, reference=bracket.reference, binding=True)
    merged = merge_bracket(frames, options)
    return merged.radiance / np.float32(gains(bracket)[bracket.reference]), EVERYWHERE


def plain(bracket: ProceduralBracket) -> Prediction:
    """The plain merge with the true curve, no registration."""
    return triangle_mean([encoded**GAMMA for encoded in shares_of_white(bracket)], gains(bracket)), EVERYWHERE


def reference_alone(bracket: ProceduralBracket) -> Prediction:
    """The middle frame under the true curve; its highlights are clipped."""
    index = bracket.reference
    return shares_of_white(bracket)[index] ** GAMMA / gains(bracket)[index], EVERYWHERE


def opencv_debevec(bracket: ProceduralBracket) -> Prediction:
    """OpenCV's AlignMTB and MergeDebevec with the true curve, at 8 bits, scored where all its frames have data."""
    frames = [np.rint(encoded * 255).astype(np.uint8) for encoded in shares_of_white(bracket)]
    response = np.linspace(0.0, 1.0, 256) ** GAMMA
    return merge_arrays(frames, gains(bracket), response, bracket.reference)


Merge = Callable[[ProceduralBracket], Prediction]

HDRFUSE: dict[str, MergeOptions] = {
    "hdrfuse lfdiff": MergeOptions(method="lfdiff"),
    "hdrfuse lfdiff, network alone": MergeOptions(method="lfdiff", blend=False),
    "hdrfuse classical": MergeOptions(method="classical"),
}

METHODS: dict[str, Merge] = {
    **{name: partial(hdrfuse_merge, options=options) for name, options in HDRFUSE.items()},
    "triangle weights, true curve": plain,
    "reference frame alone": reference_alone,
    "OpenCV AlignMTB + MergeDebevec, true curve": opencv_debevec,
}


def methods() -> dict[str, Merge]:
    """Those of METHODS that run as hdrfuse is installed: the network's need the shipped weights."""
    available = available_methods()
    return {name: merge for name, merge in METHODS.items() if name not in HDRFUSE or HDRFUSE[name].method in available}


def gains(bracket: ProceduralBracket) -> list[float]:
    """Exposure of each frame, where the shortest's is 1."""
    return [2.0 ** (ev - bracket.evs[0]) for ev in bracket.evs]


def shares_of_white(bracket: ProceduralBracket) -> list[NDArray[np.float64]]:
    """Encoded frames (H, W, 3), white = 1."""
    return [frame / float(np.iinfo(frame.dtype).max) for frame in bracket.frames]


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
        for method, merge in ways.items():
            radiance, region = merge(bracket)
            score = psnr_mu(radiance[region], bracket.truth[region])
            scores.setdefault((motion, method), []).append(round(score, 3))
    return [(key, tuple(db)) for key, db in scores.items()]

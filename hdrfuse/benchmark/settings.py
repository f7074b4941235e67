"""Settings: what a constant is worth, as PSNR-mu under a few of its values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np

from hdrfuse.benchmark.camera_images import camera_brackets, truth_of
from hdrfuse.benchmark.images import collage_brackets
from hdrfuse.benchmark.quality import MOTIONS, procedural_brackets
from hdrfuse.benchmark.setting_values import Value, setting_names, tried_values, value_of, varied
from hdrfuse.data.procedural import Motion, ProceduralBracket
from hdrfuse.deghosting.blend_settings import BLEND
from hdrfuse.deghosting.coarse_to_fine import CoarseToFine
from hdrfuse.deghosting.methods import CLASSICAL, LFDIFF
from hdrfuse.errors import is_out_of_memory, reason_of
from hdrfuse.imaging.bracket import Bracket, bracket_of_arrays
from hdrfuse.imaging.merging.merge import hold_white, merge
from hdrfuse.imaging.radiometry import Plane
from hdrfuse.metrics import psnr_mu
from hdrfuse.metrics.tone import align_tone, psnr_mu_after_tone
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import merge_bracket, prepare_bracket
from hdrfuse.progress import Clock, Progress

BY_NETWORK = ("blend", "coarse_to_fine")
"""Groups that the classical merge does not ask."""


@dataclass(frozen=True, kw_only=True)
class SettingScore:
    """One value of one setting on one kind of motion."""

    setting: str
    value: Value
    in_use: bool
    motion: Motion
    psnr_mu_db: tuple[float, ...]
    """One a scene; NaN where the merge fails."""
    failure: str | None = None
    """Why it does under this value."""

    @property
    def mean_db(self) -> float:
        """Mean over the scenes."""
        return fmean(self.psnr_mu_db)


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How a merge of one bracket is scored in dB."""

    bracket: ProceduralBracket
    camera: bool
    """Whether its files are a camera's: exposures are as stated, and one smooth tone a channel is not counted."""

    def read(self) -> Bracket:
        """The bracket as a merge takes it."""
        made = self.bracket
        return bracket_of_arrays(made.frames, made.evs, reference=made.reference, binding=not self.camera)

    def merged(self, options: MergeOptions) -> float:
        """Score a merge of the files."""
        return self.of(merge_bracket(self.read(), options).radiance)

    def of(self, radiance: Plane) -> float:
        """Score a radiance (H, W, 3)."""
        if self.camera:
            truth, white = truth_of(self.bracket)
            return psnr_mu_after_tone(align_tone(radiance, truth), truth, white)
        stops = self.bracket.evs[self.bracket.reference] - self.bracket.evs[0]
        return psnr_mu(radiance / np.float32(2.0**stops), self.bracket.truth)


def measure_settings(
    setting: str, values: str | None, seeds: Sequence[int], images: Path | None = None, movers: Path | None = None, *,
    size: tuple[int, int], motions: Sequence[Motion] = MOTIONS, bits: Literal[8, 16] = 16, noise: float = 1.0,
    camera: bool = False, progress: Progress = lambda stage, share: None,
) -> list[SettingScore]:  # fmt: skip
    """Merge brackets under every value of a setting, or of every setting of a group, one varied at a time.

    Procedural brackets, or collages of `images`, as `measure_quality`, `measure_images` and `measure_camera_images`
    take them. The default method where the network is asked, else `classical`. For the blend's settings each bracket
    is merged once and blended again. Raises UsageError for names and values that are none.
    """
    tried = {name: tried_values(name, values) for name in setting_names(setting)}
    if images is None:
        brackets = procedural_brackets(seeds, size=size, motions=motions, noise=noise, progress=progress)
    elif camera:
        photographed = camera_brackets(images, movers, seeds, size=size, motions=motions, progress=progress)
        brackets = ((motion, bracket) for _, motion, bracket in photographed)
    else:
        collages = collage_brackets(
            images, movers, seeds, size=size, motions=motions, bits=bits, noise=noise, progress=progress
        )  # fmt: skip
        brackets = ((motion, bracket) for _, motion, bracket in collages)
    scores: dict[tuple[str, Value, Motion], list[float]] = {}
    failures: dict[tuple[str, Value, Motion], str] = {}
    for motion, bracket in brackets:
        for name, value, score in scored_values(Scoring(bracket=bracket, camera=camera), tried):
            key = (name, value, motion)
            if isinstance(score, str):
                failures.setdefault(key, score)
            scores.setdefault(key, []).append(np.nan if isinstance(score, str) else round(score, 3))
    return [
        SettingScore(
            setting=name, value=value, in_use=value == value_of(name), motion=motion, psnr_mu_db=tuple(db),
            failure=failures.get((name, value, motion)),
        )
        for (name, value, motion), db in scores.items()
    ]  # fmt: skip


def scored_values(scoring: Scoring, tried: dict[str, list[Value]]) -> Iterator[tuple[str, Value, float | str]]:
    """Score a bracket under every value of some settings of one group; in words where a merge fails under it."""
    (group,) = {name.partition(".")[0] for name in tried}
    score = blended_again(scoring) if group == "blend" else partial(merged_again, scoring)
    in_use = score(next(iter(tried)), None)
    for name, values in tried.items():
        for value in values:
            yield name, value, in_use if value == value_of(name) else _score_or_failure(partial(score, name, value))


def _score_or_failure(score: Callable[[], float]) -> float | str:
    """A score; the reason where there is none, whatever it is: a value may break any part of a merge."""
    try:
        return score()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return reason_of(error)


def merged_again(scoring: Scoring, name: str, value: Value | None) -> float:
    """Score a bracket, merged from its files on, under a value of a setting or that in use."""
    method = LFDIFF if name.partition(".")[0] in BY_NETWORK else CLASSICAL
    options = MergeOptions(method=method.name)
    if value is None:
        return scoring.merged(options)
    with varied(name, value):
        return scoring.merged(options)


def blended_again(scoring: Scoring) -> Callable[[str, Value | None], float]:
    """How to score a bracket that is merged and seen by the network once, and blended every time."""
    options = MergeOptions(method=LFDIFF.name)
    prepared = prepare_bracket(scoring.read(), options, Clock(None))
    registered = prepared.registered()
    own = registered.frames[registered.reference]
    merged = merge(registered.frames, registered.reference, registered.detection.ghosts)
    coarse_to_fine = CoarseToFine.of(registered, options)
    seen = coarse_to_fine.deghosted(merged, LFDIFF.deghoster().load(options), lambda share: None)

    def score(name: str, value: Value | None) -> float:
        changed: dict[str, Any] = {} if value is None else {name.partition(".")[2]: value}
        radiance = merged.copy()
        replace(coarse_to_fine, blend=replace(BLEND, **changed)).blended(radiance, seen)
        hold_white(radiance, own, registered.detection.ghosts)
        return scoring.of(radiance)

    return score

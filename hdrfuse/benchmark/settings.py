"""Settings: what a constant is worth, as PSNR-mu under a few of its values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Any, Literal
from unittest import mock

import numpy as np

from hdrfuse.benchmark.images import collage_brackets
from hdrfuse.benchmark.quality import MOTIONS, procedural_brackets
from hdrfuse.data.procedural import Motion, ProceduralBracket
from hdrfuse.deghosting.blend_settings import BLEND
from hdrfuse.deghosting.coarse_to_fine import COARSE_TO_FINE, CoarseToFine
from hdrfuse.deghosting.methods import CLASSICAL, LFDIFF
from hdrfuse.deghosting.tiled import Deghosted
from hdrfuse.errors import UsageError
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.calibration.black import BLACK
from hdrfuse.imaging.calibration.correspondences import TONE_PAIRS
from hdrfuse.imaging.calibration.fit import FIT
from hdrfuse.imaging.merging.color_mapping import COLOR_MAPPING
from hdrfuse.imaging.merging.consistency_settings import CONSISTENCY
from hdrfuse.imaging.merging.ghosts import GHOSTS
from hdrfuse.imaging.merging.highlights import CLIPPING, HIGHLIGHTS
from hdrfuse.imaging.merging.merge import hold_white
from hdrfuse.imaging.merging.scatter import SCATTER
from hdrfuse.imaging.merging.weights import WEIGHTS
from hdrfuse.imaging.preparation import PREPARATION
from hdrfuse.imaging.radiometry import NOISE, Plane
from hdrfuse.imaging.registration.matching import MATCHING
from hdrfuse.imaging.registration.motion import MOTION
from hdrfuse.imaging.registration.register import REGISTRATION
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import Merged, MergeOptions, Progress, merge_bracket

Value = float | tuple[float, ...]

SETTINGS: Mapping[str, Any] = {
    "black": BLACK,
    "blend": BLEND,
    "clipping": CLIPPING,
    "coarse_to_fine": COARSE_TO_FINE,
    "consistency": CONSISTENCY,
    "color_mapping": COLOR_MAPPING,
    "fit": FIT,
    "ghosts": GHOSTS,
    "highlights": HIGHLIGHTS,
    "matching": MATCHING,
    "motion": MOTION,
    "noise": NOISE,
    "preparation": PREPARATION,
    "registration": REGISTRATION,
    "scatter": SCATTER,
    "tone_pairs": TONE_PAIRS,
    "weights": WEIGHTS,
}
"""Groups of settings by name: the frozen instances that functions have as their defaults."""

BY_NETWORK = ("blend", "coarse_to_fine")
"""Groups that the classical merge does not ask."""

FACTORS = (0.5, 1.0, 2.0)
"""Values that are measured where none are named, as multiples of the one in use."""


@dataclass(frozen=True, kw_only=True)
class SettingScore:
    """One value of one setting on one kind of motion."""

    setting: str
    value: Value
    in_use: bool
    motion: Motion
    psnr_mu_db: tuple[float, ...]
    """One a scene."""

    @property
    def mean_db(self) -> float:
        """Mean over the scenes."""
        return fmean(self.psnr_mu_db)


def setting_names(name: str) -> list[str]:
    """Settings `group.field` that a name stands for, a group's for all of its fields.

    Raises UsageError for a name that is none.
    """
    group, _, field = name.partition(".")
    known = [each.name for each in fields(SETTINGS[group])] if group in SETTINGS else []
    if field in known:
        return [name]
    if known and not field:
        return [f"{group}.{each}" for each in known]
    expected = f"one of {group}'s: {', '.join(known)}" if known else f"GROUP.NAME, of {', '.join(SETTINGS)}"
    raise UsageError(f"--setting {name}: {expected} was expected")


def parse_values(text: str, like: Value) -> list[Value]:
    """Read values such as `1,2.5`, or `0.1:0.5,0.2:0.6` where the setting has two numbers.

    Raises UsageError for anything else.
    """
    size = len(like) if isinstance(like, tuple) else 1
    try:
        found = [tuple(float(number) for number in value.split(":")) for value in text.split(",")]
    except ValueError:
        found = []
    if not found or any(len(value) != size or not np.isfinite(value).all() for value in found):
        form = "numbers with commas between" if size == 1 else f"{size} numbers with colons between, or several such"
        raise UsageError(f"--values {text}: {form} were expected")
    return [_typed(value, like) for value in found]


def value_of(name: str) -> Value:
    """Value in use."""
    group, _, field = name.partition(".")
    value: Value = getattr(SETTINGS[group], field)
    return value


@contextmanager
def varied(name: str, value: Value) -> Iterator[None]:
    """Let a setting have another value for a while, wherever it is read.

    Frozen instances are the defaults of many functions, so it is their field that changes, not a name.
    """
    group, _, field = name.partition(".")
    in_use = value_of(name)
    object.__setattr__(SETTINGS[group], field, value)
    try:
        yield
    finally:
        object.__setattr__(SETTINGS[group], field, in_use)


def measure_settings(
    setting: str, values: str | None, seeds: Sequence[int], images: Path | None = None, movers: Path | None = None, *,
    size: tuple[int, int], motions: Sequence[Motion] = MOTIONS, bits: Literal[8, 16] = 16, noise: float = 1.0,
    progress: Progress = lambda stage, share: None,
) -> list[SettingScore]:  # fmt: skip
    """Merge brackets under every value of a setting, or of every setting of a group, one varied at a time.

    Procedural brackets, or collages of `images`, as `measure_quality` and `measure_images` take them. The default
    method where the network is asked, else `classical`. For the blend's settings each bracket is merged once and
    blended again. Raises UsageError for names and values that are none.
    """
    names = setting_names(setting)
    tried = {name: _values(name, values) for name in names}
    if images is None:
        brackets = procedural_brackets(seeds, size=size, motions=motions, noise=noise, progress=progress)
    else:
        collages = collage_brackets(
            images, movers, seeds, size=size, motions=motions, bits=bits, noise=noise, progress=progress
        )  # fmt: skip
        brackets = ((motion, bracket) for _, motion, bracket in collages)
    scores: dict[tuple[str, Value, Motion], list[float]] = {}
    for motion, bracket in brackets:
        merges: dict[str, Callable[[], float]] = {}
        in_use: dict[str, float] = {}
        for name in names:
            group = name.partition(".")[0]
            if group not in merges:
                merges[group] = _blended_again(bracket) if group == "blend" else _merged_again(bracket, group)
                in_use[group] = merges[group]()
            for value in tried[name]:
                if value == value_of(name):
                    score = in_use[group]
                else:
                    with varied(name, value):
                        score = merges[group]()
                scores.setdefault((name, value, motion), []).append(round(score, 3))
    return [
        SettingScore(setting=name, value=value, in_use=value == value_of(name), motion=motion, psnr_mu_db=tuple(db))
        for (name, value, motion), db in scores.items()
    ]


def _values(name: str, values: str | None) -> list[Value]:
    """Values to be measured, the one in use among them, in order."""
    in_use = value_of(name)
    numbers = in_use if isinstance(in_use, tuple) else (in_use,)
    if values is not None:
        found = parse_values(values, in_use)
    else:
        found = [_typed(tuple(factor * number for number in numbers), in_use) for factor in FACTORS]
    return sorted({*found, in_use}, key=lambda value: value if isinstance(value, tuple) else (value,))


def _typed(value: Sequence[float], like: Value) -> Value:
    """Numbers as a setting has them: one or several, whole or not."""
    numbers = like if isinstance(like, tuple) else (like,)
    typed = tuple(
        max(round(number), 1) if isinstance(each, int) else float(number)
        for number, each in zip(value, numbers, strict=True)
    )
    return typed if isinstance(like, tuple) else typed[0]


def _merge(bracket: ProceduralBracket, method: str) -> Merged:
    frames = bracket_of_arrays(bracket.frames, bracket.evs, reference=bracket.reference, binding=True)
    return merge_bracket(frames, MergeOptions(method=method))


def _score(bracket: ProceduralBracket, radiance: Plane) -> float:
    white = np.float32(2.0 ** (bracket.evs[bracket.reference] - bracket.evs[0]))
    return psnr_mu(radiance / white, bracket.truth)


def _merged_again(bracket: ProceduralBracket, group: str) -> Callable[[], float]:
    """How to score a bracket, merged from its files on."""
    method = LFDIFF if group in BY_NETWORK else CLASSICAL
    return lambda: _score(bracket, _merge(bracket, method.name).radiance)


def _blended_again(bracket: ProceduralBracket) -> Callable[[], float]:
    """How to score a bracket that is merged and seen by the network once, and blended every time."""
    found: list[tuple[CoarseToFine, Plane, Deghosted]] = []
    blended = CoarseToFine.blended

    def recorded(blending: CoarseToFine, merged: Plane, deghosted: Deghosted) -> Deghosted:
        found.append((blending, merged.copy(), deghosted))
        return blended(blending, merged, deghosted)

    with mock.patch.object(CoarseToFine, "blended", recorded):
        frames = _merge(bracket, LFDIFF.name).frames
    ((blending, merged, deghosted),) = found

    def score() -> float:
        radiance = merged.copy()
        blending.blended(radiance, deghosted)
        hold_white(radiance, frames[bracket.reference])
        return _score(bracket, radiance)

    return score

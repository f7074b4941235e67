"""Your own brackets: what a person would see in their merges, without a truth, and how calibration explains them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrfuse.benchmark.camera_images import ways
from hdrfuse.benchmark.decision_borders import BorderSteps, border_steps
from hdrfuse.benchmark.disagreement import Disagreement, stack_disagreement
from hdrfuse.benchmark.shadow_noise import shadow_noise_ratio
from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.imaging.bracket import read_bracket
from hdrfuse.pipeline import Merged, Progress, merge_bracket

MOST_MOVED = 0.02
"""Share of a still scene that may be called moved.

Four still stacks of cameras, 6 to 10 JPEG or PNG frames, have 0 to 0.3 %; version 0.1.0 had 0 to 28 % there.
"""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """What one way to merge shows of one stack."""

    stack: str
    frames: int
    method: str
    borders: BorderSteps
    moved: float
    """Share of the picture that is called moved."""
    still: bool
    """Whether nothing moved, as whoever runs the benchmark says."""
    shadow_noise: float | None
    """Relative to the longest frame's; None where that has none."""

    @property
    def moved_too_much(self) -> bool:
        """Whether a still scene is called moved over more than MOST_MOVED of it."""
        return self.still and self.moved > MOST_MOVED


def find_stacks(folder: Path, still: Collection[str] = ()) -> list[Path]:
    """The folders in a folder, each of which is to hold a bracket.

    Raises BadInputError where there is none, UsageError where a name in `still` is none of theirs.
    """
    if not folder.is_dir():
        raise BadInputError(f"--stacks {folder}: no such folder; one with a folder a bracket was expected")
    stacks = sorted(path for path in folder.iterdir() if path.is_dir())
    if not stacks:
        raise BadInputError(f"--stacks {folder}: no folder of frames in it; one folder a bracket was expected")
    names = [stack.name for stack in stacks]
    if unknown := [name for name in still if name not in names]:
        raise UsageError(f"--still {','.join(unknown)}: names of folders in {folder} were expected: {', '.join(names)}")
    return stacks


def measure_stacks(
    stacks: Sequence[Path], still: Collection[str] = (), *, progress: Progress = lambda stage, share: None
) -> tuple[list[Appearance], list[Disagreement]]:
    """Merge the brackets in some folders in every way -> an entry each and way, and one each for its calibration.

    `still` names those in which nothing moved. Linear files need no calibration and have no entry there. A stack that
    cannot be read raises what reading it raises.
    """
    appearances, disagreements = [], list[Disagreement]()
    for done, stack in enumerate(stacks):
        bracket = read_bracket(find_scene([stack]))
        for index, (method, options) in enumerate(ways().items()):
            progress(f"stack {stack.name}, {method}", (done + index / len(ways())) / len(stacks))
            merged = merge_bracket(bracket, options)
            appearances.append(appearance(merged, method, still=stack.name in still, stack=stack.name))
        if merged.curve is not None:  # the same however it is merged
            disagreements.append(stack_disagreement(bracket, merged))
    return appearances, disagreements


def appearance(merged: Merged, method: str, *, stack: str, still: bool) -> Appearance:
    """Measure one merge of a stack."""
    radiance = merged.radiance if merged.unit == 1.0 else merged.radiance / np.float32(merged.unit)
    return Appearance(
        stack=stack,
        frames=len(merged.frames),
        method=method,
        borders=border_steps(radiance, merged.frames, merged.ghosts),
        moved=merged.report.ghost_fraction,
        still=still,
        shadow_noise=shadow_noise_ratio(radiance, merged.frames, merged.ghosts),
    )

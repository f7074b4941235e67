"""Segmentation: the shots of one flat folder, or of a card's folders, into scenes and leftovers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hdrfuse.brackets.bracket_score import alike, differ, one_aperture, pause_s
from hdrfuse.brackets.cameras import by_camera
from hdrfuse.brackets.discovered import MOST_FRAMES, FoundScene, Leftover
from hdrfuse.brackets.grouping import brackets_of, groups_of, is_one_bracket
from hdrfuse.brackets.scene import Scene
from hdrfuse.brackets.shots import Shot
from hdrfuse.brackets.spans import Span, has_steps
from hdrfuse.brackets.unmatched import interrupted_bracket, leftovers_of
from hdrfuse.text import counted

LONGEST_PAUSE_IN_A_FOLDER_S = 120.0
"""Between the frames of a folder that holds nothing but one bracket."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """Scenes among shots, and what is left over."""

    scenes: tuple[FoundScene, ...]
    leftovers: tuple[Leftover, ...]


def segment(shots: Sequence[Shot], *, count: int | None = None) -> Segmentation:
    """Segment shots, given in the natural order of their names, by exposures, or into groups of `count`.

    The scenes' folder is that of their first frame; `naming` relates it to the root.
    """
    scenes: list[FoundScene] = []
    leftovers: list[Leftover] = []
    for stream in by_camera(shots):
        segmented = _by_count(stream, count) if count else _by_exposures(stream)
        scenes += segmented.scenes
        leftovers += segmented.leftovers
    return Segmentation(scenes=tuple(scenes), leftovers=tuple(leftovers))


def holds_one_scene(shots: Sequence[Shot]) -> bool:
    """Whether all pictures of a folder are meant as one bracket, sound or not: what is wrong shows in the merge."""
    exposed = [shot for shot in shots if shot.ev is not None]
    if not 2 <= len(shots) <= MOST_FRAMES:
        return False
    if len(exposed) < 2:
        return len(exposed) == 0 or len(exposed) < len(shots)
    streams = by_camera(exposed)
    if len(streams) > 1:
        return False
    spans = brackets_of(streams[0])
    if len(spans) > 1:
        return False
    if spans and spans[0].length == len(exposed):
        return True
    return is_one_bracket(streams[0]) or _is_loose_bracket(streams[0])


def scene_of(shots: Sequence[Shot], *, grouped_by: str, exposures: tuple[float, ...] | None = None) -> FoundScene:
    """Make a scene of shots in shooting order, named after the first and the last."""
    warnings = []
    if not one_aperture(shots):
        warnings.append("the f-number changes within the bracket, and with it what is in focus")
    scene = Scene(
        name=f"{shots[0].path.stem}-{shots[-1].path.stem}",
        files=tuple(shot.path for shot in shots),
        folder=None,
        warnings=tuple(warnings),
    )
    return as_found_scene(scene, shots, folder=shots[0].path.parent, grouped_by=grouped_by, exposures=exposures)


def as_found_scene(
    scene: Scene, shots: Sequence[Shot], *, folder: Path, grouped_by: str, exposures: tuple[float, ...] | None = None
) -> FoundScene:
    """Say what is known of a scene's frames."""
    return FoundScene(
        scene=scene,
        folder=folder,
        grouped_by=grouped_by,
        evs=tuple(shot.ev for shot in shots),
        exposures=exposures,
        captured_at=next((shot.capture.captured_at for shot in shots if shot.capture.captured_at), None),
    )


def _by_exposures(stream: Sequence[Shot]) -> Segmentation:
    """Brackets among one camera's shots; a blank one, damaged or without exposure, is never worked around."""
    exposed = [shot for shot in stream if shot.ev is not None]
    spans = brackets_of(exposed)
    owner = {id(shot): index for index, span in enumerate(spans) for shot in exposed[span.start : span.end]}
    members: list[list[Shot]] = [[] for _ in spans]
    beside_blank: dict[int, str] = {}
    rest: list[Shot] = []
    for position, shot in enumerate(stream):
        index = owner.get(id(shot))
        if index is None and shot.ev is None:
            before = _nearest(stream[:position][::-1], owner)
            after = _nearest(stream[position + 1 :], owner)
            if before is not None and before == after:
                index = before
            else:
                beside_blank |= {side: shot.path.name for side in (before, after) if side is not None}
        if index is None:
            rest.append(shot)
        else:
            members[index].append(shot)
    scenes: list[FoundScene] = []
    leftovers = []
    for index, (span, shots) in enumerate(zip(spans, members, strict=True)):
        repeated = any(other is not span and has_steps(other, span.steps) for other in spans)
        if index in beside_blank and not repeated:
            leftovers.append(
                interrupted_bracket(shots, f"{beside_blank[index]} beside them may be a frame of the bracket")
            )
        elif not span.complete:
            reason = f"{counted(len(shots), 'frame')} of a bracket; the one beside it shows that others are missing"
            leftovers.append(interrupted_bracket(shots, reason))
        else:
            how = span.bracket_score.how if span.bracket_score else ""
            scenes.append(scene_of(shots, grouped_by="camera tags" if how == "auto" else "exposures"))
    return Segmentation(scenes=tuple(scenes), leftovers=(*leftovers, *_report(stream, rest)))


def _by_count(stream: Sequence[Shot], count: int) -> Segmentation:
    spans: list[Span] = groups_of(stream, count)
    taken = {index for span in spans for index in range(span.start, span.end)}
    rest = [shot for index, shot in enumerate(stream) if index not in taken]
    scenes = tuple(scene_of(stream[span.start : span.end], grouped_by="count") for span in spans)
    return Segmentation(scenes=scenes, leftovers=tuple(_report(stream, rest)))


def _report(stream: Sequence[Shot], rest: Sequence[Shot]) -> list[Leftover]:
    """Leftovers of runs that no scene interrupts."""
    left = {id(shot) for shot in rest}
    reports = []
    for is_left, run in itertools.groupby(stream, key=lambda shot: id(shot) in left):
        if is_left:
            reports += leftovers_of(list(run))
    return reports


def _nearest(shots: Sequence[Shot], owner: dict[int, int]) -> int | None:
    """Bracket of the first shot that is not blank."""
    return next((owner.get(id(shot)) for shot in shots if shot.ev is not None), None)


def _is_loose_bracket(stream: Sequence[Shot]) -> bool:
    """Whether frames with a folder of their own differ as a bracket's do, though slowly or unevenly taken."""
    if not all(alike(*pair) for pair in itertools.pairwise(stream)):
        return False
    if not all(differ(*pair) for pair in itertools.combinations(stream, 2)) or not one_aperture(stream):
        return False
    pauses = [pause_s(*pair) or 0.0 for pair in itertools.pairwise(stream)]
    biases = {shot.capture.exposure_bias_ev for shot in stream}
    metered = stream[0].capture.exposure_mode == "auto" and len(biases) == 1
    return not metered and max(pauses) <= LONGEST_PAUSE_IN_A_FOLDER_S


def with_exposures(shots: Sequence[Shot], evs: Sequence[float]) -> list[Shot]:
    """State exposures of shots from a text file."""
    return [replace(shot, ev=ev, ev_source="exposure.txt") for shot, ev in zip(shots, evs, strict=True)]

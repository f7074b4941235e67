"""The evaluation itself: every method on every scene, each measured once and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hdrfuse.errors import (
    OUT_OF_MEMORY,
    BadInputError,
    HdrfuseError,
    OutputError,
    WriteError,
    is_out_of_memory,
    reason_of,
)
from hdrfuse.evaluation.crops import draw_frames, draw_result, draw_truth, find_telling_crops
from hdrfuse.evaluation.hidden_light import HiddenLight, LightMasks
from hdrfuse.evaluation.methods import Method, MethodResult
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.records import Records, key_of, make_folder
from hdrfuse.evaluation.results import EvaluatedScene, Score
from hdrfuse.evaluation.scenes import KnownBracket, KnownScene
from hdrfuse.evaluation.scoring import check_finite, scores
from hdrfuse.formats import RadianceFacts, Storage, write_image
from hdrfuse.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Evaluating:
    """How scenes are measured, and where that is recorded."""

    protocol: Protocol
    records: Records
    pictures: bool = True
    keep_results: bool = False
    """Keep what was merged, as .exr."""
    hidden: HiddenLight | None = None
    """Scores inside hidden light, if they are asked for."""

    @property
    def scoring(self) -> dict[str, Any]:
        """What decides a score beside the picture, in plain types."""
        return (
            self.protocol.scoring if self.hidden is None else {**self.protocol.scoring, "hidden": self.hidden.identity}
        )

    def run(
        self, scenes: Sequence[KnownScene], methods: Sequence[Method], progress: Progress = lambda stage, share: None
    ) -> tuple[EvaluatedScene, ...]:
        """Measure what is not recorded yet; a scene or method that fails has its reason in the place of values.

        Raises OutputError or WriteError where nothing can be recorded.
        """
        evaluated = []
        for index, scene in enumerate(scenes):
            evaluation = SceneEvaluation(self, scene)
            done = []
            for turn, method in enumerate(methods):
                share = (index + turn / len(methods)) / len(scenes)
                progress(f"{scene.name}, {method.name}", share)
                done.append(evaluation.score(method))
            evaluated.append(replace(evaluation.facts(), scores=tuple(done)))
        return tuple(evaluated)


@dataclass(frozen=True)
class SceneEvaluation:
    """One scene, decoded only if something of it is not recorded yet."""

    how: Evaluating
    scene: KnownScene

    @cached_property
    def bracket(self) -> KnownBracket | str:
        """The decoded scene, or why it cannot be."""
        try:
            bracket = self.scene.read()
            check_finite(bracket.truth, f"ground truth of {self.scene.name}")
        except Exception as error:
            return failure(error)
        return bracket

    @cached_property
    def masks(self) -> LightMasks:
        """Where the light of a scene that could be decoded is hidden."""
        assert not isinstance(self.bracket, str)
        return LightMasks.of(self.bracket)

    @property
    def depends_on(self) -> Mapping[str, object]:
        """What the scene's facts and pictures depend on."""
        return {"scene": self.scene.identity, "pictures": self.how.pictures}

    def facts(self) -> EvaluatedScene:
        """The scene without scores."""
        if kept := self.how.records.scene(self.scene.name, key_of(self.depends_on)):
            return kept
        nothing = EvaluatedScene(name=self.scene.name, group=self.scene.group, size=None, evs=self.scene.evs, scores=())
        if isinstance(self.bracket, str):
            return nothing
        height, width = self.bracket.truth.shape[:2]
        evaluated = replace(nothing, size=(width, height), details=self.bracket.details, source=self.bracket.source)
        if self.how.pictures:
            folder = self.how.records.pictures_of(self.scene.name)
            make_folder(folder)
            crops = find_telling_crops(self.bracket)
            truth, frames = draw_truth(folder, self.bracket.truth, crops), draw_frames(folder, self.bracket)
            evaluated = replace(evaluated, truth=truth, frames=frames, crops=crops)
        self.how.records.keep_scene(evaluated, key_of(self.depends_on))
        return evaluated

    def score(self, method: Method) -> Score:
        """The method's score on the scene."""
        try:
            method_identity = method.identity(self.scene.name)
            key = key_of({**self.depends_on, "method": method_identity, "scoring": self.how.scoring})
            place = self.how.records.result_of(self.scene.name, method.name)
            kept = self.how.records.score(self.scene.name, method.name, key)
            if kept is not None and (place.is_file() or not self.how.keep_results):
                return kept
            if isinstance(self.bracket, str):
                return Score(method=method.name, values={}, failure=self.bracket)
            merged = method.merge(self.scene.name, self.bracket)
            check_finite(merged.radiance, f"{method.name} of {self.scene.name}")
            measured = self._measured(method.name, merged, self.bracket)
        except Exception as error:
            return Score(method=method.name, values={}, failure=failure(error))
        self.how.records.keep_score(self.scene.name, measured, key)
        return measured

    def _measured(self, method: str, merged: MethodResult, bracket: KnownBracket) -> Score:
        values = scores(merged.radiance, bracket.truth, self.how.protocol)
        if self.how.hidden is not None:
            clip = self.how.protocol.clip
            values |= self.how.hidden.scores(merged.radiance, bracket.truth, self.masks, clip=clip)
        if wrong := [name for name, value in values.items() if np.isnan(value)]:
            raise BadInputError(f"{method} of {self.scene.name}: {', '.join(wrong)} is no number")
        pictures = None
        if self.how.pictures:
            folder, crops = self.how.records.pictures_of(self.scene.name), self.facts().crops
            pictures = draw_result(folder, method, merged.radiance, bracket.truth, crops)
        if self.how.keep_results:
            place = self.how.records.result_of(self.scene.name, method)
            make_folder(place.parent)
            made_by = RadianceFacts(provenance={"method": method, "white": "the shortest frame's"})
            write_image(place, np.maximum(merged.radiance, 0), made_by, storage=Storage(half=False), overwrite=True)
        return Score(method=method, values=values, seconds=merged.seconds, warnings=merged.warnings, pictures=pictures)


def failure(error: Exception) -> str:
    """Why a scene has no score, in one line; what concerns all scenes is raised instead."""
    match error:
        case WriteError() | OutputError():
            raise error
        case HdrfuseError():
            text = str(error)
        case _ if is_out_of_memory(error):
            text = OUT_OF_MEMORY
        case _:
            text = f"unexpected {type(error).__name__}: {reason_of(error)}"
    return " ".join(text.split())

"""The plan of a merge: what was read of its frames, and what a run would write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrfuse import __version__
from hdrfuse.imaging.bracket import Bracket
from hdrfuse.imaging.frame import Frame


@dataclass(frozen=True, kw_only=True)
class MergePlan:
    """What one merge would make of which frames."""

    bracket: Bracket
    method: str
    outputs: Mapping[str, Path]
    """The files by what they are (`radiance`, `preview`, ...)."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the result."""
        height, width = self.bracket.frames[0].pixels.shape[:2]
        return width, height

    def as_json(self) -> dict[str, Any]:
        """Plain types, under the names that a merge's report has for them."""
        bracket = self.bracket
        frames = zip(bracket.frames, bracket.ev_intervals, strict=True)
        return {
            "hdrfuse": __version__,
            "scene": bracket.name,
            "method": self.method,
            "size": list(self.size_px),
            "inputs": [frame_as_json(frame, interval) for frame, interval in frames],
            "reference": {"index": bracket.reference, "name": bracket.frames[bracket.reference].name},
            "warnings": list(bracket.warnings),
            "outputs": {what: str(path) for what, path in self.outputs.items()},
        }


def frame_as_json(frame: Frame, ev_interval: tuple[float, float] | None) -> dict[str, Any]:
    """What is known of a frame before it is merged, in plain types; without an interval where there is none."""
    document: dict[str, Any] = {
        "path": None if frame.path is None else str(frame.path),
        "capture": frame.capture.as_json(),
        "name": frame.name,
        "ev": round(frame.ev, 4),
        "ev_source": frame.ev_source,
    }
    return document if ev_interval is None else {**document, "ev_interval": [round(ev, 4) for ev in ev_interval]}

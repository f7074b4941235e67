"""What is known already: a file for each scene and for each method on it, so that a second run goes on."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hdrfuse
from hdrfuse.errors import OutputError
from hdrfuse.evaluation.methods import slug
from hdrfuse.evaluation.results import Box, EvaluatedScene, Pictures, Score
from hdrfuse.formats import replacing

FORMAT = 1
"""Of the records; others are measured anew."""

BYSTANDERS = frozenset({"batch", "benchmark", "cli", "report", "training"})
"""Parts of the package that decide no score."""

DECIDING = frozenset({"training/losses.py"})
"""Files of theirs that do: features of pictures."""


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records of one output folder; each carries a key of everything that it depends on."""

    folder: Path
    anew: bool = False
    """Ignore records that are there already."""

    def pictures_of(self, scene: str) -> Path:
        """Where the pictures of a scene lie."""
        return self.folder / "pictures" / slug(scene)

    def result_of(self, scene: str, method: str) -> Path:
        """Where a merged picture is kept on request."""
        return self.folder / "results" / slug(method) / f"{slug(scene)}.exr"

    def scene(self, name: str, key: str) -> EvaluatedScene | None:
        """A scene's facts and pictures without scores; None if they are not there or of something else."""
        record = self._load(self._scene_path(name), key)
        if record is None:
            return None
        scene = EvaluatedScene(
            name=name,
            group=record["group"],
            size=tuple(record["size"]),
            evs=tuple(record["evs"]),
            scores=(),
            details=record["details"],
            source=record["source"],
            truth=self._pictures(record["truth"]),
            frames=tuple(self.folder / path for path in record["frames"]),
            crops=tuple(Box(**box) for box in record["crops"]),
        )
        return scene if _all_there([*scene.frames, *_files(scene.truth)]) else None

    def keep_scene(self, scene: EvaluatedScene, key: str) -> None:
        """Record a scene's facts. Raises WriteError."""
        document = {
            "group": scene.group,
            "size": scene.size,
            "evs": scene.evs,
            "details": scene.details,
            "source": scene.source,
            "truth": self._relative(scene.truth),
            "frames": [path.relative_to(self.folder).as_posix() for path in scene.frames],
            "crops": [asdict(box) for box in scene.crops],
        }
        self._save(self._scene_path(scene.name), document, key)

    def score(self, scene: str, method: str, key: str) -> Score | None:
        """A method's score on a scene; None if it is not there or of something else."""
        record = self._load(self._score_path(scene, method), key)
        if record is None:
            return None
        values = {name: float("inf") if value is None else float(value) for name, value in record["values"].items()}
        score = Score(
            method=method,
            values=values,
            seconds=record["seconds"],
            warnings=tuple(record["warnings"]),
            pictures=self._pictures(record["pictures"]),
        )
        return score if _all_there(_files(score.pictures)) else None

    def keep_score(self, scene: str, score: Score, key: str) -> None:
        """Record a score; infinity is null. Raises WriteError."""
        document = {
            "values": {name: None if value == float("inf") else value for name, value in score.values.items()},
            "seconds": score.seconds,
            "warnings": score.warnings,
            "pictures": self._relative(score.pictures),
        }
        self._save(self._score_path(scene, score.method), document, key)

    def _scene_path(self, scene: str) -> Path:
        return self.folder / "records" / slug(scene) / "scene.json"

    def _score_path(self, scene: str, method: str) -> Path:
        return self.folder / "records" / slug(scene) / "methods" / f"{slug(method)}.json"

    def _load(self, path: Path, key: str) -> dict[str, Any] | None:
        if self.anew:
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return record if record["key"] == key else None
        except (OSError, ValueError, TypeError, KeyError):
            return None  # damaged: measured anew

    def _save(self, path: Path, document: dict[str, Any], key: str) -> None:
        make_folder(path.parent)
        with replacing(path, overwrite=True) as temporary:
            text = json.dumps({"key": key, **document}, indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def _pictures(self, record: dict[str, Any] | None) -> Pictures | None:
        if record is None:
            return None
        error_map = record["error_map"]
        return Pictures(
            preview=self.folder / record["preview"],
            crops=tuple(self.folder / path for path in record["crops"]),
            error_map=None if error_map is None else self.folder / error_map,
        )

    def _relative(self, pictures: Pictures | None) -> dict[str, Any] | None:
        if pictures is None:
            return None

        def inside(path: Path) -> str:
            return path.relative_to(self.folder).as_posix()

        error_map = None if pictures.error_map is None else inside(pictures.error_map)
        return {"preview": inside(pictures.preview), "crops": list(map(inside, pictures.crops)), "error_map": error_map}


def key_of(depends_on: Mapping[str, object]) -> str:
    """SHA-256 of plain values and of the code that measures, the same for the same."""
    text = json.dumps({"format": FORMAT, "code": code_checksum(), **depends_on}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_checksum() -> str:
    """SHA-256 of the sources that decide a score: figures of two states of the code are never averaged."""
    package = Path(hdrfuse.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] not in BYSTANDERS or place.as_posix() in DECIDING:
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: is not writable")


def _files(pictures: Pictures | None) -> list[Path]:
    if pictures is None:
        return []
    return [pictures.preview, *pictures.crops, *([] if pictures.error_map is None else [pictures.error_map])]


def _all_there(paths: list[Path]) -> bool:
    return all(path.is_file() for path in paths)

"""What an evaluation found: scores and pictures by scene and method, and the tables made of them."""

from dataclasses import dataclass
from pathlib import Path

from hdrfuse.evaluation.table import Table


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of the frame, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of one method's result, or of the truth: small 8-bit sRGB files that exist."""

    preview: Path
    """JPEG of the whole frame under the mu-law, the same size and exposure for all methods of a scene."""
    crops: tuple[Path, ...]
    """PNG of each of the scene's crops, at the frame's own resolution, in the same exposure."""
    error_map: Path | None
    """PNG, the preview's size: error after the mu-law from black, none, over purple and orange to pale yellow,
    `pictures.ERROR_WHITE` and more; None for the truth."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One method on one scene."""

    method: str
    values: dict[str, float]
    """By metric; infinity for a picture equal to the truth. Empty where the method failed."""
    failure: str | None = None
    """Why there are no values, in one line."""
    seconds: float | None = None
    """The merge's, without reading, scoring and writing; None for results made elsewhere."""
    warnings: tuple[str, ...] = ()
    """What the merge had to say."""
    pictures: Pictures | None = None
    """None where the method failed or no pictures were asked for."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A picture that scenes are made from."""

    name: str
    """By which splits know it."""
    split: str
    is_mover: bool
    """Whether it moves in front of HDR images, or is one."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class EvaluatedScene:
    """One scene by every method."""

    name: str
    group: str
    """Kind of motion of synthetic scenes; empty elsewhere."""
    size: tuple[int, int] | None
    """Width and height; None where the scene could not be read."""
    evs: tuple[float, ...]
    """Exposures of the frames, shortest first."""
    scores: tuple[Score, ...]
    """In the order of the evaluation's methods."""
    details: str = ""
    """What else to know of the scene, such as the HDR image that it was made from; one line."""
    source: str = ""
    """The picture that it was made from; scenes of one are no independent evidence. Empty: the scene's own."""
    truth: Pictures | None = None
    frames: tuple[Path, ...] = ()
    """JPEG of each input frame, the previews' size, shortest first."""
    crops: tuple[Box, ...] = ()
    """Where the crops of every method and of the truth lie: where a merge without deghosting errs most."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A column of the tables."""

    name: str
    """Key of Score.values, such as `PSNR-mu`."""
    unit: str
    """`dB`, or empty."""
    decimals: int
    lower_is_better: bool = False


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that one run found."""

    dataset: str
    metrics: tuple[Metric, ...]
    """Of the scenes; one that a scene is too small for has no value there."""
    methods: tuple[str, ...]
    """Names as the user gave them; a folder's is its path."""
    scenes: tuple[EvaluatedScene, ...]
    tables: tuple[Table, ...]
    """What was asked for by --table, ready to be shown."""
    caption: tuple[str, ...]
    """Sentences that state clipping, presets, protocol, versions and device; shown with every table."""
    warnings: tuple[str, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    """What made scenes are made from."""

    @property
    def failures(self) -> tuple[tuple[str, Score], ...]:
        """The scores without values, each with its scene's name."""
        return tuple((scene.name, score) for scene in self.scenes for score in scene.scores if score.failure)

"""What files say of themselves: the frames of a bracket, a merged result, a weights file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hdrfuse.brackets.exposure import Exposure, infer_exposures
from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BracketError
from hdrfuse.formats import Chromaticities, ImageHeader, Pixels, RadianceFacts, read_header, read_image
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.icc import ADOBE_RGB, DISPLAY_P3, PROPHOTO, REC2020
from hdrfuse.formats.image import REC709
from hdrfuse.imaging.color import luminance
from hdrfuse.imaging.compatibility import check_alike
from hdrfuse.imaging.orientations import common_orientation, orientation_warning, reorient_header

if TYPE_CHECKING:
    from hdrfuse.lfdiff.weights import WeightsMetadata

COLOR_SPACES: dict[str, Chromaticities] = {
    "sRGB": REC709, "Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB, "Rec. 2020": REC2020, "ProPhoto RGB": PROPHOTO,
}  # fmt: skip
BITS = {"uint8": 8, "uint16": 16, "float32": 32}
WEIGHTS_SUFFIX = ".safetensors"
PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.9)
SAMPLES = 4_000_000
"""Percentiles are taken from about this many pixels, evenly spread."""


@dataclass(frozen=True, kw_only=True)
class FileInspection:
    """What a picture's header says."""

    header: ImageHeader
    bits: int
    """Of a sample as the file stores it."""

    @property
    def color_space(self) -> str | None:
        """Common name of its primaries; None for others."""
        return color_space(self.header.chromaticities)

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        header = self.header
        return {
            "path": str(header.path),
            "size": [header.width, header.height],
            "channels": header.channels,
            "bits": self.bits,
            "linear": header.linear,
            "color_space": self.color_space,
            "chromaticities": list(header.chromaticities),
            "capture": header.capture.as_json(),
        }


@dataclass(frozen=True, kw_only=True)
class PictureInspection:
    """One picture that no merge made."""

    file: FileInspection

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {"kind": "picture", **self.file.as_json()}


@dataclass(frozen=True, kw_only=True)
class BracketInspection:
    """The frames of a scene, in the order in which `--exposures` counts them."""

    scene: str
    files: tuple[FileInspection, ...]
    exposures: tuple[Exposure, ...] | None
    """One a file; None where they are not known."""
    warnings: tuple[str, ...]
    problem: str | None
    """Why it cannot be merged."""

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        evs = [
            {"ev": None, "ev_source": None} if each is None else {"ev": round(each.ev, 4), "ev_source": each.source}
            for each in self.exposures or [None] * len(self.files)
        ]
        frames = [{**file.as_json(), **ev} for file, ev in zip(self.files, evs, strict=True)]
        warnings = list(self.warnings)
        return {"kind": "bracket", "scene": self.scene, "frames": frames, "warnings": warnings, "problem": self.problem}


@dataclass(frozen=True, kw_only=True)
class RadianceSpan:
    """What radiance spans, in its own unit."""

    minimum: float
    maximum: float
    luminance_percentiles: dict[str, float]
    """By the percentage."""
    dynamic_range_ev: float
    """Stops between the smallest percentile above 0 and the largest."""


@dataclass(frozen=True, kw_only=True)
class RadianceInspection:
    """Linear floats: header, how the file was made, and what its luminance spans."""

    file: FileInspection
    facts: RadianceFacts
    span: RadianceSpan

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "kind": "radiance",
            **self.file.as_json(),
            "white_luminance_cd_m2": self.facts.white_luminance_cd_m2,
            "provenance": self.facts.provenance,
            "radiance": asdict(self.span),
        }


@dataclass(frozen=True, kw_only=True)
class WeightsInspection:
    """A weights file: the network's sizes, how it was trained, its checksum."""

    path: Path
    parameters: int
    metadata: "WeightsMetadata"

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {"kind": "weights", "path": str(self.path), "parameters": self.parameters, **asdict(self.metadata)}


Inspection = BracketInspection | PictureInspection | RadianceInspection | WeightsInspection


def inspect(paths: Sequence[Path], *, exposures: Sequence[float] | None = None) -> Inspection:
    """Look at a bracket (a folder, or several files), or at one picture, merged result or weights file.

    A bracket that cannot be merged is reported with its `problem`.
    Raises ImageError, WeightsError or BracketError where a file cannot be read or nothing is there.
    """
    if len(paths) != 1 or paths[0].is_dir():
        return inspect_scene(paths, exposures=exposures)
    if paths[0].suffix.lower() == WEIGHTS_SUFFIX:
        return inspect_weights(paths[0])
    header = read_header(paths[0])
    return inspect_radiance(header) if header.dtype == "float32" else PictureInspection(file=inspect_file(header))


def inspect_scene(paths: Sequence[Path], *, exposures: Sequence[float] | None = None) -> BracketInspection:
    """Look at the headers of a bracket's frames."""
    scene = find_scene(paths)
    headers = [read_header(path) for path in scene.files]
    warnings, problem = list(scene.warnings), None
    inferred: list[Exposure] | None = None
    try:
        if (orientation := common_orientation(headers)) is not None:
            others = [header for header in headers if header.orientation != orientation]
            warnings += [orientation_warning(header, orientation) for header in others]
        check_alike([reorient_header(header, orientation) for header in headers])
        inferred, noted = infer_exposures(headers, given=exposures, folder=scene.folder)
        warnings += noted
    except BracketError as error:
        problem = str(error)
    return BracketInspection(
        scene=scene.name,
        files=tuple(map(inspect_file, headers)),
        exposures=None if inferred is None else tuple(inferred),
        warnings=tuple(warnings),
        problem=problem,
    )


def inspect_radiance(header: ImageHeader) -> RadianceInspection:
    """Look at linear floats, their pixels too."""
    facts = read_facts(header.path)
    pixels = read_image(header.path).pixels
    return RadianceInspection(file=inspect_file(header), facts=facts, span=span(pixels, header.chromaticities))


def inspect_weights(path: Path) -> WeightsInspection:
    """Load a weights file."""
    from hdrfuse.lfdiff.weights import load_weights  # imports torch

    model, metadata = load_weights(path)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return WeightsInspection(path=path, parameters=parameters, metadata=metadata)


def inspect_file(header: ImageHeader) -> FileInspection:
    """Look at one file of which the header is known."""
    return FileInspection(header=header, bits=header.bits or BITS[header.dtype])


def color_space(chromaticities: Chromaticities) -> str | None:
    """Return the common name of a set of primaries, None for others."""
    close = (name for name, known in COLOR_SPACES.items() if np.allclose(known, chromaticities, atol=2e-3))
    return next(close, None)


def span(radiance: Pixels, chromaticities: Chromaticities) -> RadianceSpan:
    """Smallest and largest value of radiance (H, W, 3), percentiles of its luminance, and the stops between them."""
    step = max(1, int(np.sqrt(radiance.shape[0] * radiance.shape[1] / SAMPLES)))
    values = luminance(radiance[::step, ::step], chromaticities)
    levels = [float(level) for level in np.percentile(values, PERCENTILES)]
    low = levels[0] if levels[0] > 0 else float(values[values > 0].min(initial=np.inf))
    return RadianceSpan(
        minimum=float(radiance.min()),
        maximum=float(radiance.max()),
        luminance_percentiles={f"{at:g}": level for at, level in zip(PERCENTILES, levels, strict=True)},
        dynamic_range_ev=round(float(np.log2(levels[-1] / low)), 2) if 0 < low < levels[-1] else 0.0,
    )

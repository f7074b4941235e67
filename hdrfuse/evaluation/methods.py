"""Ways from a bracket to radiance that an evaluation compares."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse import __version__
from hdrfuse.errors import BadInputError, BracketError, ImageError, UsageError
from hdrfuse.evaluation.scenes import KnownBracket, stamp
from hdrfuse.formats import SCENE_REFERRED_SUFFIXES, read_image
from hdrfuse.formats.facts import read_facts
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.color import GAMMA
from hdrfuse.options import MergeOptions, check_options
from hdrfuse.pipeline import merge_bracket

if TYPE_CHECKING:
    from hdrfuse.lfdiff.inference import Network

Radiance = NDArray[np.float32]

BUILT_IN = ("lfdiff", "lfdiff-blend", "classical", "opencv-debevec", "reference")
"""Names of methods; anything else is a folder of results."""

RESULT_SUFFIXES = (".exr", ".hdr", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodResult:
    """What a method made of a bracket."""

    radiance: Radiance
    """(H, W, 3) 1.0 = white of the shortest frame."""
    seconds: float | None = None
    """The merge's own."""
    warnings: tuple[str, ...] = ()


class Method(Protocol):
    """A way to merge; `identity` changes when its results do."""

    @property
    def name(self) -> str:
        """As tables show it."""

    @property
    def sentence(self) -> str:
        """What a caption says of it."""

    def check(self) -> None:
        """Refuse before the work what is known to fail. Raises a BadInputError of its kind."""

    def identity(self, scene: str) -> dict[str, Any]:
        """Plain types. Raises BadInputError where there is no result of a scene."""

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Merge one bracket. Raises an HdrfuseError or MemoryError."""


@dataclass(frozen=True)
class HdrfuseMethod:
    """`hdrfuse merge`, by the network or without."""

    name: str
    options: MergeOptions

    @cached_property
    def weights(self) -> tuple[Path, str]:
        """The weights' file and its sha256. Raises WeightsError."""
        from hdrfuse.lfdiff.weights import find_weights  # imports torch

        path = find_weights(self.options.weights)
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    @property
    def network(self) -> "Network":
        """The network, loaded once as long as no other is. Raises WeightsError, UsageError or DeviceError."""
        from hdrfuse.lfdiff.inference import Network  # imports torch

        options = self.options
        return Network.load(self.weights[0], device=options.device, precision=options.precision, steps=options.steps)

    @property
    def by_network(self) -> bool:
        """Whether weights are needed."""
        return self.options.method == "lfdiff"

    @property
    def sentence(self) -> str:
        """The network's form, weights, precision and steps; or that there is none."""
        if not self.by_network:
            return f"{self.name}: hdrfuse merge --method classical, no network."
        path, sha256 = self.weights
        form = "hdrfuse merge's default, the radiance merge blended back in" if self.options.blend else (
            "the network's own output, the papers' form, without the radiance merge (lfdiff-blend has it)"
        )  # fmt: skip
        tile = "the weights' own" if self.options.tile is None else f"{self.options.tile} px"
        return (
            f"{self.name}: {form}; weights {path.stem} (sha256 {sha256[:12]}), {self.network.precision}, "
            f"tiles: {tile}, seed {self.options.seed}."
        )

    def check(self) -> None:
        """See whether the options make sense and the weights load."""
        check_options(self.options)

    def identity(self, scene: str) -> dict[str, Any]:
        """Version, options and weights."""
        options = {name: value for name, value in vars(self.options).items() if name != "weights"}
        found = {"hdrfuse": __version__, "options": {name: str(value) for name, value in options.items()}}
        return {**found, "weights": self.weights[1]} if self.by_network else found

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Merge as the command does."""
        frames = bracket_of_arrays(bracket.frames, bracket.evs, reference=bracket.reference, binding=True)
        started = time.perf_counter()
        merged = merge_bracket(frames, self.options)
        seconds = round(time.perf_counter() - started, 3)
        radiance = merged.radiance / np.float32(bracket.gains[bracket.reference])
        return MethodResult(radiance=radiance, seconds=seconds, warnings=merged.report.warnings)


@dataclass(frozen=True)
class PlainMethod:
    """A merge that needs nothing but the frames."""

    name: str
    function: Callable[[KnownBracket], Radiance]
    about: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f"{self.name}: {self.about}."

    def check(self) -> None:
        """Nothing can be wrong."""

    def identity(self, scene: str) -> dict[str, Any]:
        """Version and what it does."""
        return {"hdrfuse": __version__, "about": self.about}

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Call the function."""
        started = time.perf_counter()
        radiance = self.function(bracket)
        return MethodResult(radiance=radiance, seconds=round(time.perf_counter() - started, 3))


@dataclass(frozen=True)
class ResultsFolder:
    """Results that were made elsewhere: `<scene>.exr`, `.hdr` or float `.tif`, or one such file in `<scene>/`."""

    name: str
    folder: Path

    @property
    def sentence(self) -> str:
        """Where they lie and in which unit."""
        return (
            f"{self.name}: files made elsewhere, 1.0 = white of the shortest frame; files by `hdrfuse merge` are "
            "rescaled from the reference's white; negative values count as 0."
        )

    def check(self) -> None:
        """See whether there is a folder."""
        if not self.folder.is_dir():
            raise UsageError(f"--method {self.name}: {', '.join(BUILT_IN)} or a folder of results was expected")

    def identity(self, scene: str) -> dict[str, Any]:
        """Size and time of the scene's file."""
        path = self.file(scene)
        return {"file": str(path.resolve()), "stamp": stamp(path)}

    def file(self, scene: str) -> Path:
        """The file of a scene. Raises BadInputError where there is none, or several."""
        suffixes = " ".join(RESULT_SUFFIXES)
        beside = [self.folder / f"{scene}{suffix}" for suffix in RESULT_SUFFIXES]
        inside = sorted((self.folder / scene).iterdir()) if (self.folder / scene).is_dir() else []
        found = [path for path in beside if path.is_file()] or [
            path for path in inside if path.suffix.lower() in RESULT_SUFFIXES and not path.name.startswith(".")
        ]
        if len(found) != 1:
            many = f"{len(found)} files ({', '.join(path.name for path in found)})" if found else "no result"
            raise BadInputError(f"{self.folder / scene}: {many} of scene {scene}; expected one of {suffixes}")
        return found[0]

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Read the scene's file."""
        path = self.file(scene)
        radiance, made_by_hdrfuse = read_result(path)
        if radiance.shape != bracket.truth.shape:
            found, expected = (f"{shape[1]} x {shape[0]}" for shape in (radiance.shape, bracket.truth.shape))
            raise BracketError(f"{path}: {found} pixels; expected the scene's {expected}")
        return MethodResult(
            radiance=radiance / np.float32(bracket.gains[bracket.reference] if made_by_hdrfuse else 1.0)
        )


def read_result(path: Path) -> tuple[Radiance, bool]:
    """Read a finished HDR file -> radiance (H, W, 3), and whether `hdrfuse merge` wrote it (1.0 = reference's white).

    Raises ImageError for a damaged file, NaN or infinity, and for display-encoded pixels.
    """
    image = read_image(path)
    if not image.header.linear or path.suffix.lower() not in SCENE_REFERRED_SUFFIXES | set(RESULT_SUFFIXES):
        raise ImageError(f"{path}: {image.header.dtype} pixels, display-encoded; expected linear floats")
    return image.pixels.astype(np.float32, copy=False), "evs" in read_facts(path).provenance


def reference_alone(bracket: KnownBracket) -> Radiance:
    """The reference frame's own radiance; its highlights are clipped."""
    frame = bracket.frames[bracket.reference]
    exposure = (frame / np.iinfo(frame.dtype).max) ** GAMMA
    return np.asarray(exposure / bracket.gains[bracket.reference], np.float32)


def opencv_debevec(bracket: KnownBracket, *, align: bool = False) -> Radiance:
    """OpenCV's MergeDebevec with the true curve, at the 8 bits that it takes; AlignMTB before it on request."""
    frames = [np.rint(frame * (255 / np.iinfo(frame.dtype).max)).astype(np.uint8) for frame in bracket.frames]
    if align:
        aligner = cv2.createAlignMTB()
        greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        shifts = [aligner.calculateShift(greys[bracket.reference], grey) for grey in greys]
        frames = [shifted(frame, shift) for frame, shift in zip(frames, shifts, strict=True)]
    curve = np.maximum(np.linspace(0.0, 1.0, 256) ** GAMMA, 1e-6).astype(np.float32)
    response = np.repeat(curve[:, None, None], 3, axis=2)
    times = np.array(bracket.gains, np.float32)
    return np.asarray(cv2.createMergeDebevec().process(frames, times=times, response=response), np.float32)


def shifted(frame: NDArray[np.uint8], shift: Sequence[int]) -> NDArray[np.uint8]:
    """Move a frame (H, W, 3) by whole pixels; what comes in repeats its edge."""
    matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    height, width = frame.shape[:2]
    moved = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def make_method(name: str, merging: MergeOptions, *, weights: str | Path | None = None, label: str = "") -> Method:
    """Return the method of a name; `label` is how tables call it. `check` says whether it can run."""
    label = label or name
    match name:
        case "lfdiff" | "lfdiff-blend":
            blend = name == "lfdiff-blend"
            options = replace(merging, method="lfdiff", blend=blend, hold_white=blend, weights=weights)
            return HdrfuseMethod(label, options)
        case "classical":
            without = MergeOptions(
                method="classical", align=merging.align, response=merging.response, gains=merging.gains
            )
            return HdrfuseMethod(label, without)
        case "opencv-debevec":
            first = "AlignMTB and " if merging.align else ""
            about = f"OpenCV's {first}MergeDebevec with the true curve, on 8 bits"
            return PlainMethod(label, lambda bracket: opencv_debevec(bracket, align=merging.align), about)
        case "reference":
            return PlainMethod(label, reference_alone, "the reference frame alone")
    return ResultsFolder(label, Path(name))


def slug(name: str) -> str:
    """A name as a file's: what could be read otherwise is replaced, and a checksum keeps names apart."""
    plain = re.sub(r"[^A-Za-z0-9.+=-]+", "_", name)[-60:].strip("._") or "unnamed"
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:6]}"

"""Ways from a bracket to radiance that an evaluation compares."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hdrfuse import __version__
from hdrfuse.deghosting.methods import BASELINES, DeghostingMethod, find_method, known_methods, scored_names
from hdrfuse.errors import BadInputError, BracketError, ImageError, UsageError
from hdrfuse.evaluation.baselines import opencv_debevec, reference_alone
from hdrfuse.evaluation.scenes import KnownBracket, stamp
from hdrfuse.formats import SCENE_REFERRED_SUFFIXES, read_image
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.writers import known_writers, writable_suffixes
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.options import MergeOptions, check_options
from hdrfuse.pipeline import merge_bracket
from hdrfuse.text import counted

if TYPE_CHECKING:
    from hdrfuse.lfdiff.inference import Network

Radiance = NDArray[np.float32]

OPENCV, REFERENCE = BASELINES

RESULT_SUFFIXES = tuple(sorted(writable_suffixes(writer for writer in known_writers() if writer.radiance)))


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

    @property
    def row(self) -> DeghostingMethod:
        """The registered method."""
        return find_method(self.options.method)

    @cached_property
    def digests(self) -> dict[str, str]:
        """What shapes the result beside the options: the weights. Raises WeightsError."""
        return self.row.deghoster().identity(self.options)

    @property
    def network(self) -> "Network | None":
        """LF-Diff's network, loaded once as long as no other is; None of other methods.

        Raises WeightsError, UsageError or DeviceError.
        """
        if not self.row.uses_torch:
            return None
        from hdrfuse.lfdiff.inference import Network  # imports torch

        loaded = self.row.deghoster().load(self.options)
        return loaded if isinstance(loaded, Network) else None

    @property
    def sentence(self) -> str:
        """The network's form, weights, precision and steps; or that there is none."""
        method = self.options.method
        if not self.row.has_own_output:
            form = f"hdrfuse merge --method {method}"
        elif self.options.blend:
            form = f"what hdrfuse merge --method {method} gives, the radiance merge blended back in"
        else:
            form = f"the network's own output, the papers' form, without the radiance merge ({method} has it)"
        return f"{self.name}: {form}, {self.row.deghoster().caption(self.options)}."

    def check(self) -> None:
        """See whether the options make sense and the weights load."""
        check_options(self.options)

    def identity(self, scene: str) -> dict[str, Any]:
        """Version, options and weights."""
        options = {name: str(value) for name, value in vars(self.options).items() if name != "weights"}
        return {"hdrfuse": __version__, "options": options, **self.digests}

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
    function: Callable[[KnownBracket], NDArray[np.floating]]
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
        radiance = np.asarray(self.function(bracket), np.float32)
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
            raise UsageError(f"--method {self.name}: {', '.join(scored_names())} or a folder of results was expected")

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
            many = f"{counted(len(found), 'file')} ({', '.join(path.name for path in found)})" if found else "no result"
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


def make_method(name: str, merging: MergeOptions, *, weights: str | Path | None = None, label: str = "") -> Method:
    """Return the method of a name; `label` is how tables call it. `check` says whether it can run."""
    label = label or name
    if name == OPENCV:
        first = "AlignMTB and " if merging.align else ""
        about = f"OpenCV's {first}MergeDebevec with the true curve, on 8 bits"
        return PlainMethod(label, lambda bracket: opencv_debevec(bracket, align=merging.align)[0], about)
    if name == REFERENCE:
        return PlainMethod(label, reference_alone, "the reference frame alone")
    if (row := row_of(name)) is not None:
        return HdrfuseMethod(label, options_of(row, merging, weights, blend=name == row.name))
    return ResultsFolder(label, Path(name))


def row_of(name: str) -> DeghostingMethod | None:
    """The registered method that has a form of this name, if any."""
    return next((row for row in known_methods().values() if name in row.scored_as), None)


def options_of(
    row: DeghostingMethod, merging: MergeOptions, weights: str | Path | None, *, blend: bool
) -> MergeOptions:  # fmt: skip
    """Return the options of a merge by a method, as far as they may be asked of it; without blending, its network's."""
    asked = {name: getattr(merging, name) for name in row.options}
    asked |= {"weights": weights} if "weights" in row.options else {}
    asked |= {"blend": blend} if row.has_own_output else {}
    asked |= {"device": merging.device} if row.uses_torch else {}
    return MergeOptions(
        method=row.name, align=merging.align, response=merging.response, gains=merging.gains, hold_white=blend,
        seed=merging.seed, **asked,
    )  # fmt: skip


def labels_of(name: str, weights: Sequence[str | Path | None]) -> list[str]:
    """What tables call a method by each of several weights: by the files' names, or where those are equal, paths."""
    if len(weights) == 1:
        return [name]
    labels = [f"{name} {Path(each or '').stem}" for each in weights]
    return labels if len(set(labels)) == len(labels) else [f"{name} {each}" for each in weights]


def current_name(name: str) -> str:
    """The name of what an evaluation once called something else."""
    return name if row_of(name) is not None else _formerly().get(name, name)


def note_on(name: str) -> str | None:
    """What to tell somebody who calls a method by a former name; None for one of today's."""
    return f"--method {name}: is called {now} since hdrfuse 0.2.0" if (now := current_name(name)) != name else None


def _formerly() -> dict[str, str]:
    return {former: now for row in known_methods().values() for former, now in row.formerly.items()}


def slug(name: str) -> str:
    """A name as a file's: what could be read otherwise is replaced, and a checksum keeps names apart."""
    plain = re.sub(r"[^A-Za-z0-9.+=-]+", "_", name)[-60:].strip("._") or "unnamed"
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:6]}"

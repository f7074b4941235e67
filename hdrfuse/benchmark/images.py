"""Quality on pictures: PSNR-mu of merged collages of HDR images and cut-outs that training never read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Literal

from hdrfuse.benchmark.quality import scored
from hdrfuse.data.collage import Collage, collage, collage_bracket, unseen_pictures
from hdrfuse.data.procedural import PHOTON_NOISE, READ_NOISE, Motion, ProceduralBracket
from hdrfuse.pipeline import Progress

MOTIONS: tuple[Motion, ...] = ("static", "moving", "handheld", "handheld-moving")


@dataclass(frozen=True, kw_only=True)
class ImageQuality:
    """One way to merge on one kind of motion."""

    method: str
    motion: Motion
    scenes: tuple[str, ...]
    """Seed and HDR image of each."""
    psnr_mu_db: tuple[float, ...]
    """One a scene."""

    @property
    def mean_db(self) -> float:
        """Mean over the scenes."""
        return fmean(self.psnr_mu_db)

    @property
    def least_db(self) -> float:
        """The worst scene's."""
        return min(self.psnr_mu_db)


def measure_images(
    images: Path,
    movers: Path | None,
    seeds: Sequence[int],
    *,
    size: tuple[int, int] = (768, 512),
    motions: Sequence[Motion] = MOTIONS,
    bits: Literal[8, 16] = 16,
    noise: float = 1.0,
    progress: Progress = lambda stage, share: None,
) -> list[ImageQuality]:
    """Merge collages of every seed and motion in every way -> PSNR-mu (mu = 5000) over the whole frame.

    Takes the test split of the HDR images below ``images`` and of the cut-outs and photos below ``movers``;
    brackets are gamma 2.2 at -2, 0 and +2 EV, ``size`` (width, height). ``noise`` scales the variance of the
    sensor's noise.
    Raises BadInputError where no picture is for tests, ImageError for an unreadable one.
    """
    scenes: dict[str, None] = {}

    def named() -> Iterator[tuple[Motion, ProceduralBracket]]:
        taken = collage_brackets(
            images, movers, seeds, size=size, motions=motions, bits=bits, noise=noise, progress=progress
        )  # fmt: skip
        for made, motion, bracket in taken:
            scenes[scene_name(made)] = None
            yield motion, bracket

    found = scored(named())
    return [
        ImageQuality(method=method, motion=motion, scenes=tuple(scenes), psnr_mu_db=db)
        for (motion, method), db in found
    ]


def collage_brackets(
    images: Path,
    movers: Path | None,
    seeds: Sequence[int],
    *,
    size: tuple[int, int],
    motions: Sequence[Motion] = MOTIONS,
    bits: Literal[8, 16] = 16,
    noise: float = 1.0,
    progress: Progress = lambda stage, share: None,
) -> Iterator[tuple[Collage, Motion, ProceduralBracket]]:
    """Collages of every seed and motion, as measure_images takes them."""
    photon_noise, read_noise = noise * PHOTON_NOISE, noise * READ_NOISE
    for made, motion in collages(images, movers, seeds, size=size, motions=motions, progress=progress):
        bracket = collage_bracket(made, motion=motion, bits=bits, photon_noise=photon_noise, read_noise=read_noise)
        yield made, motion, bracket


def collages(
    images: Path, movers: Path | None, seeds: Sequence[int], *, size: tuple[int, int], motions: Sequence[Motion],
    progress: Progress,
) -> Iterator[tuple[Collage, Motion]]:  # fmt: skip
    """Scenes of every seed from the test split, once for every motion that they are photographed with."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        library = unseen_pictures(images, movers, Path(folder), lambda name: progress(f"reading {name}", 0.0))
        for index, seed in enumerate(seeds):
            made = collage(library, seed, size)
            for turn, motion in enumerate(motions):
                progress(f"{made.name}, {motion}", (index + turn / len(motions)) / len(seeds))
                yield made, motion


def scene_name(made: Collage) -> str:
    """Return a scene's name in a table."""
    return f"{made.seed} {made.name}" + (", stage light" if made.stage_lit else "")

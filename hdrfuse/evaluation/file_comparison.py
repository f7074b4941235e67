"""Two finished HDR files: the papers' metrics of one against the other, and a picture of the difference."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.errors import BracketError, UsageError
from hdrfuse.evaluation.crops import ERROR_WHITE, error_map, shrink, tonemap_mu_law
from hdrfuse.evaluation.methods import read_result
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.published import METRICS
from hdrfuse.evaluation.scoring import scores
from hdrfuse.evaluation.summary import EQUAL, format_value, headings
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.formats.facts import read_facts

Radiance = NDArray[np.float32]

GAP_PX = 8
"""Between the parts of the picture."""

ONE_UNIT = 1.25
"""Median ratio beyond which two files are hardly in one unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FileComparison:
    """How close one file comes to another."""

    image: Path
    reference: Path
    size: tuple[int, int]
    """Width and height."""
    white: float
    """Value of the files that counts as 1, the peak of PSNR and SSIM."""
    peak: float
    """The reference's largest value, white at least: the image is clipped there."""
    beyond: float
    """Share of the reference's values above white."""
    brightness: float
    """Median ratio of the image to the reference; about 1 where both are in one unit."""
    values: dict[str, float]
    picture: NDArray[np.uint8]
    """(h, w, 3) image, reference and error side by side."""

    def table(self, protocol: Protocol) -> Table:
        """Return the metrics in a row, with what has to be known to read them."""
        width, height = self.size
        clipped = f"image clipped to [0, {self.peak:g}]" if protocol.clip else "nothing clipped"
        notes = [f"{width} x {height} pixels, peak = white = {self.white:g}, {clipped}; float64, mu = 5000."]
        if self.beyond > 0:
            notes.append(f"{self.beyond:.2%} of the reference lies above white, up to {self.peak:g}: --white sets it.")
        if not 1 / ONE_UNIT < self.brightness < ONE_UNIT:
            notes.append(f"The image is {self.brightness:.3g} times as bright as the reference: are both in one unit?")
        if np.inf in self.values.values():
            notes.append(EQUAL)
        cells = (str(self.image), *(format_value(self.values[metric.name], metric) for metric in METRICS))
        columns = ("image", *headings(METRICS, protocol))
        title = f"Compared with {self.reference}"
        return Table(title=title, columns=columns, rows=(Row(cells=cells),), notes=tuple(notes))

    def as_json(self, protocol: Protocol) -> dict[str, Any]:
        """Return everything but the picture in plain types; infinity is for the writer to mark."""
        return {
            "image": str(self.image),
            "reference": str(self.reference),
            "size": list(self.size),
            "white": self.white,
            "clipped_at": self.peak if protocol.clip else None,
            "beyond_white": self.beyond,
            "brightness": self.brightness,
            **protocol.scoring,
            "values": self.values,
            "notes": [EQUAL] if np.inf in self.values.values() else [],
        }


def compare_files(image: Path, reference: Path, protocol: Protocol, *, white: float | None = None) -> FileComparison:
    """Score a file against another of the same size; `white` counts as 1 in both.

    By default that is the white of the shortest frame where hdrfuse merged one of them, else the reference's largest
    value, 1 at least. What the image has above white is taken from it only as far as the reference has none.

    Raises ImageError for a damaged file or one with NaN or infinity, BracketError for sizes that differ, UsageError
    for a white that is none.
    """
    pictures = [read_result(path)[0] for path in (image, reference)]
    sizes = [f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures]
    if pictures[0].shape != pictures[1].shape:
        raise BracketError(f"{image} has {sizes[0]} pixels and {reference} {sizes[1]}; equal sizes were expected")
    if white is not None and not (np.isfinite(white) and white > 0):
        raise UsageError(f"--white {white}: a number above 0 was expected")
    largest = float(pictures[1].max())
    one = white or read_stated_white(reference) or read_stated_white(image) or max(1.0, largest)
    seen, truth = (picture / np.float32(one) for picture in pictures)
    scored = np.clip(seen, 0.0, max(1.0, float(truth.max()))) if protocol.clip else seen
    height, width = truth.shape[:2]
    parts = [shrink(tonemap_mu_law(seen)), shrink(tonemap_mu_law(truth)), error_map(seen, truth)]
    gap = np.full((parts[0].shape[0], GAP_PX, 3), 255, np.uint8)
    return FileComparison(
        image=image,
        reference=reference,
        size=(width, height),
        white=one,
        peak=max(one, largest),
        beyond=float(np.mean(truth > 1.0)),
        brightness=median_ratio(seen, truth),
        values=scores(scored, truth, replace(protocol, clip=False)),
        picture=np.hstack([parts[0], gap, parts[1], gap, parts[2]]),
    )


def median_ratio(image: Radiance, reference: Radiance) -> float:
    """Return the median of the image over the reference where both hold light; 1.0 where nothing does."""
    lit = (image > 0) & (reference > 0)
    return float(np.median(image[lit] / reference[lit])) if lit.any() else 1.0


def read_stated_white(path: Path) -> float | None:
    """White of the shortest frame in the unit of a file by `hdrfuse merge`, whose 1.0 is the reference's; else None."""
    stated = read_facts(path).provenance.get("evs", "")
    try:
        evs = [float(each) for each in stated.split(",")]  # relative to the reference's
    except ValueError:
        return None
    return float(2.0 ** -min(evs))


PICTURE_LEGEND = f"image, reference, error after the mu-law (black 0, pale yellow {ERROR_WHITE:g} and more)"

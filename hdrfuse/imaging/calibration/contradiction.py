"""Contradiction: stated exposures that the pictures refute, and the exposures that are taken instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hdrfuse.brackets.exposure import EQUAL_EV, ESTIMATE, GIVEN, HOW_TO_GIVE, Exposure
from hdrfuse.errors import ExposureError
from hdrfuse.imaging.calibration.correspondences import Samples
from hdrfuse.imaging.calibration.spacing import Spacing
from hdrfuse.text import listed

MOST_LISTED = 9
"""Frames that a message lists."""


@dataclass(frozen=True, kw_only=True)
class StatedFrame:
    """A frame, as far as its exposure is concerned."""

    name: str
    exposure: Exposure
    samples: Samples
    """(h, w, 3) shares of white, or of the unit that linear floats of a bracket have in common."""
    linear: bool

    @property
    def brightness(self) -> float:
        """Mean of the samples."""
        return float(np.mean(self.samples))


def reconcile_exposures(pictures: Sequence[StatedFrame], *, binding: bool = False) -> tuple[list[Exposure], list[str]]:
    """Exposure of each picture, in their order, and warnings: as stated, unless the pictures contradict it.

    Then the same numbers in another order, if that explains the pictures; else estimates, if a file stated them.
    Exposures that are `binding` are kept with a warning. Raises ExposureError where the user's are contradicted, and
    where nothing can be estimated.
    """
    stated = [picture.exposure for picture in pictures]
    if stated[0].source == ESTIMATE:
        return stated, []
    contradiction = _contradiction(sorted(pictures, key=lambda picture: (picture.exposure.ev, picture.name)))
    if contradiction is None:
        return stated, []
    if binding:
        return stated, [f"{contradiction}: the exposures are kept"]
    if (reordered := _reorder(pictures)) is not None:
        return reordered, [
            f"{contradiction}: the same exposures in another order explain the pictures and are taken: "
            f"{_with_evs(pictures, reordered)}"
        ]
    source = stated[0].source
    estimated = _estimate_exposures(pictures)
    if estimated is None:
        raise ExposureError(f"{contradiction}, and all frames are equally bright: {HOW_TO_GIVE}")
    if source == GIVEN:
        evs = ",".join(f"{exposure.ev:.1f}" for exposure in estimated)
        raise ExposureError(f"{contradiction}; exposures of about {evs} were expected, in the order of the files")
    return estimated, [
        f"{contradiction}: exposures are estimated from the pixels instead: {_with_evs(pictures, estimated)}"
    ]


def _contradiction(ordered: Sequence[StatedFrame]) -> str | None:
    """Say which neighbours, shortest exposure first, contradict what is stated of them; None where it may be right."""
    steps = [bright.exposure.ev - dark.exposure.ev for dark, bright in pairwise(ordered)]
    for step, (dark, bright) in zip(steps, pairwise(ordered), strict=True):
        if step > 0.2 and bright.brightness < 0.95 * dark.brightness - 0.01:
            return (
                f"{bright.name} is darker than {dark.name} though its exposure ({bright.exposure.source}) "
                f"is {step:.2f} EV longer"
            )
    spacing = _spacing(ordered)
    index = spacing.contradicts(steps)
    if index is None:
        return None
    dark, bright = ordered[index : index + 2]
    return (
        f"{bright.name} is {steps[index]:.2f} EV above {dark.name} by its exposure ({bright.exposure.source}), "
        f"by the pictures {spacing.estimated(steps)[index]:+.2f} EV"
    )


def _reorder(pictures: Sequence[StatedFrame]) -> list[Exposure] | None:
    """The stated exposures in the order of brightness; None where they are so already or that explains nothing."""
    order = _by_brightness(pictures)
    rising = sorted((picture.exposure for picture in pictures), key=lambda exposure: exposure.ev)
    by_index = dict(zip(order, rising, strict=True))
    reordered = [by_index[index] for index in range(len(pictures))]
    if all(abs(new.ev - picture.exposure.ev) < EQUAL_EV for new, picture in zip(reordered, pictures, strict=True)):
        return None
    exchanged = [replace(picture, exposure=exposure) for picture, exposure in zip(pictures, reordered, strict=True)]
    return reordered if _contradiction([exchanged[index] for index in order]) is None else None


def _estimate_exposures(pictures: Sequence[StatedFrame]) -> list[Exposure] | None:
    """Exposures by the pictures alone, their middle one 0; None where all are equal.

    Two neighbours that have too few tones in common keep the step that is stated for them.
    """
    order = _by_brightness(pictures)
    ordered = [pictures[index] for index in order]
    stated = [bright.exposure.ev - dark.exposure.ev for dark, bright in pairwise(ordered)]
    steps = _spacing(ordered).estimated(stated)
    steps = np.maximum(np.where(np.isnan(steps), stated, steps), 0.0)
    evs = [0.0, *(float(ev) for ev in np.cumsum(steps))]
    if evs[-1] < EQUAL_EV:
        return None
    middle = evs[len(evs) // 2]
    by_index = {index: Exposure(ev=ev - middle, source="pixels") for index, ev in zip(order, evs, strict=True)}
    return [by_index[index] for index in range(len(pictures))]


def _spacing(pictures: Sequence[StatedFrame]) -> Spacing:
    return Spacing.of([picture.samples for picture in pictures], linear=pictures[0].linear)


def _by_brightness(pictures: Sequence[StatedFrame]) -> list[int]:
    """Indices of pictures, darkest first; of equally bright ones as stated."""
    return sorted(
        range(len(pictures)),
        key=lambda index: (pictures[index].brightness, pictures[index].exposure.ev, pictures[index].name),
    )


def _with_evs(pictures: Sequence[StatedFrame], exposures: Sequence[Exposure]) -> str:
    each = [f"{picture.name} {exposure.ev:+.2f}" for picture, exposure in zip(pictures, exposures, strict=True)]
    return listed(each, MOST_LISTED)

"""The Python API: one call from photos to radiance."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.exposure import ESTIMATE, GivenExposures, parse_exposures
from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BracketError, ExposureError, UsageError
from hdrfuse.imaging.bracket import bracket_of_arrays, read_bracket
from hdrfuse.options import MergeKeywords, MergeOptions, check_options
from hdrfuse.pipeline import Merged, Progress, merge_bracket
from hdrfuse.text import counted

PathOrText = str | PathLike[str]


def merge(
    paths_or_arrays: PathOrText | Iterable[PathOrText] | Iterable[NDArray[Any]],
    exposures: Sequence[float] | str | None = None,
    *,
    reference: str | int = "auto",
    progress: Progress | None = None,
    **options: Unpack[MergeKeywords],
) -> Merged:
    """Merge one bracket: a folder, two and more image files, or (H, W, 3) arrays with their exposures.

    `exposures` are EVs in the order of the files (a folder's in natural order) or arrays, or text such as "-2,0,2";
    "estimate" measures them in the pictures; files need none where they state their own. uint8 and uint16 arrays are
    display-encoded, floats linear.
    `reference` is "auto", an index in exposure order or a file's name; `options` are the fields of `MergeOptions`.
    `progress` is called with a stage and the share that is done.

    Raises errors of `hdrfuse.errors`: BadInputError of a kind for what is wrong with the files or options.

    Example: hdrfuse.merge("shots/beach").radiance
    """
    chosen = MergeOptions(**options)
    check_options(chosen)
    if isinstance(reference, bool) or not isinstance(reference, (str, Integral)):
        raise UsageError(f"reference={repr(reference)[:60]}: an index or a file's name was expected")
    if progress is not None and not callable(progress):
        raise UsageError(f"progress={repr(progress)[:60]}: a function of a stage and a share was expected")
    items, evs = _items_of(paths_or_arrays), _evs_of(exposures)
    if items and isinstance(items[0], np.ndarray):
        if evs is None:
            raise ExposureError(
                f"{counted(len(items), 'array')} without exposures; give the EV of each, or {ESTIMATE!r}"
            )
        bracket = bracket_of_arrays(items, evs, reference=reference, response=chosen.response)
    else:
        scene = find_scene([Path(fspath(item)) for item in items])
        bracket = read_bracket(scene, exposures=evs, reference=reference, response=chosen.response)
    return merge_bracket(bracket, chosen, progress=progress)


def _items_of(given: object) -> list[Any]:
    """Files or arrays one by one. Raises BracketError for what is neither, and for both."""
    if isinstance(given, (str, PathLike)):
        return [given]
    expected = "a folder, image files or (height, width, 3) arrays were expected"
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise BracketError(f"{type(given).__name__} {repr(given)[:60]}: {expected}")
    items = list(given)
    kinds: tuple[type, ...] = (np.ndarray,) if items and isinstance(items[0], np.ndarray) else (str, PathLike)
    for index, item in enumerate(items):
        if not isinstance(item, kinds):
            raise BracketError(f"item {index} is of type {type(item).__name__}: {expected}, of one kind")
    return items


def _evs_of(given: object) -> GivenExposures | None:
    """EVs as numbers. Raises ExposureError for what gives none."""
    if given is None:
        return None
    if isinstance(given, str):
        return parse_exposures(given)
    try:
        if isinstance(given, Iterable) and not isinstance(given, bytes):
            return [float(ev) for ev in given]
    except (TypeError, ValueError):
        pass
    expected = f'an EV for each frame was expected, [-2, 0, 2] or "-2,0,2", or {ESTIMATE!r}'
    raise ExposureError(f"exposures={repr(given)[:60]}: {expected}")

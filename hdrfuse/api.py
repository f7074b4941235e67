"""The Python API: one call from photos to radiance."""

from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import ExposureError
from hdrfuse.imaging.bracket import bracket_of_arrays, read_bracket
from hdrfuse.options import MergeKeywords, MergeOptions, check_options
from hdrfuse.pipeline import Merged, Progress, merge_bracket

PathOrText = str | PathLike[str]


def merge(
    paths_or_arrays: PathOrText | Iterable[PathOrText] | Iterable[NDArray[Any]],
    exposures: Sequence[float] | None = None,
    *,
    reference: str | int = "auto",
    progress: Progress | None = None,
    **options: Unpack[MergeKeywords],
) -> Merged:
    """Merge one bracket: a folder, two and more image files, or (H, W, 3) arrays with their exposures.

    `exposures` are EVs in the order of the files (a folder's in natural order) or arrays; files need none where
    they state their own. uint8 and uint16 arrays are display-encoded, floats linear. `reference` is "auto", an
    index in exposure order or a file's name; `options` are the fields of `MergeOptions`. `progress` is called with
    a stage and the share that is done.

    Raises errors of `hdrfuse.errors`: BadInputError of a kind for what is wrong with the files or options.

    Example: hdrfuse.merge("shots/beach").radiance
    """
    chosen = MergeOptions(**options)
    check_options(chosen)
    if isinstance(paths_or_arrays, (str, PathLike)):
        items: list[Any] = [paths_or_arrays]
    else:
        items = list(paths_or_arrays)
    if items and isinstance(items[0], np.ndarray):
        if exposures is None:
            raise ExposureError(f"{len(items)} arrays without exposures; give the EV of each")
        bracket = bracket_of_arrays(items, exposures, reference=reference)
    else:
        scene = find_scene([Path(fspath(item)) for item in items])
        bracket = read_bracket(scene, exposures=exposures, reference=reference)
    return merge_bracket(bracket, chosen, progress=progress)

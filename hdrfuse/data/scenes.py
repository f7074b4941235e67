"""Scenes of the public data sets: listed at once, decoded one by one.

`open_dataset` is the way in, for evaluation (`open_dataset(name, folder, "test")`: every scene in full) as for
training, which cuts crops out of the scenes by way of `hdrfuse.data.patches.open_patches`.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdrfuse.brackets.exposure import infer_exposures, read_exposure_file
from hdrfuse.brackets.scene import find_scene
from hdrfuse.data.layouts import (
    LAYOUTS,
    PICTURE_SETS,
    SPLIT_FOLDERS,
    DatasetLayout,
    SceneFiles,
    SceneSplit,
    entries,
    find_entry,
    find_scene_files,
    subfolders,
)
from hdrfuse.data.sample import BracketSample
from hdrfuse.errors import BadInputError, BracketError, ExposureError, UsageError
from hdrfuse.formats import ImageHeader, read_header, read_image
from hdrfuse.text import counted

Array = NDArray[np.float32]

DATASETS = (*LAYOUTS, *PICTURE_SETS)
"""Names that `open_dataset` takes."""

DISPLAY_DTYPES = ("uint8", "uint16")


@dataclass(frozen=True, kw_only=True)
class DatasetScene:
    """One scene of a public set; nothing is decoded before it is read.

    The sets' frames are taken as gamma 2.2 whatever their files say; they are neither calibrated nor registered.
    """

    name: str
    frames: tuple[Path, ...]
    """From the shortest to the longest exposure; short, reference, long where there is ground truth."""
    evs: tuple[float, ...]
    truth: Path | None

    @property
    def exposure(self) -> Array:
        """(N,) exposures 2^(EV - EV_min)."""
        evs = np.array(self.evs)
        return np.exp2(evs - evs.min()).astype(np.float32)

    def read(self) -> BracketSample:
        """Decode a scene with ground truth, full frame; the truth is neither scaled nor clipped.

        Raises ImageError for a damaged file, BracketError for sizes that differ, BadInputError without truth.
        """
        frames, truth = self.read_frames(), self.read_truth()
        if truth.shape != frames.shape[1:]:
            raise BracketError(
                f"{self.truth}: ground truth of {_size(truth)} pixels; expected the frames' {_size(frames[0])}"
            )
        return BracketSample(ldr=frames, exposure=self.exposure, radiance=truth)

    def read_frames(self) -> Array:
        """Decode the frames -> (N, H, W, 3) gamma-encoded RGB in [0, 1]. Raises ImageError or BracketError."""
        images = [read_image(path) for path in self.frames]
        for image in images:
            _check_frame(image.header, images[0].header)
        return np.stack([image.pixels.astype(np.float32) / np.float32(image.white) for image in images])

    def read_truth(self) -> Array:
        """Decode the ground truth -> (H, W, 3), 1.0 = white of the shortest frame. Raises ImageError, BadInputError."""
        if self.truth is None:
            raise BadInputError(f"{self.frames[0].parent}: scene {self.name} has no ground truth")
        return read_image(self.truth).pixels.astype(np.float32, copy=False)


@dataclass(frozen=True, kw_only=True)
class SceneDataset:
    """One split of a public set."""

    name: str
    split: SceneSplit
    folder: Path
    scenes: tuple[DatasetScene, ...]
    """In natural order of their names; never none."""
    warnings: tuple[str, ...] = ()
    """What makes figures incomparable, such as scenes that are not there."""


def open_dataset(name: str, folder: Path, split: SceneSplit = "test") -> SceneDataset:
    """List a split's scenes and read their exposures; no pixel is decoded.

    `name` is one of DATASETS. Raises UsageError for another; BadInputError for a missing folder, file or ground
    truth and for `training` of a set without ground truth; BracketError for too few or too many frames;
    ExposureError for exposures that are no EVs or do not rise; ImageError for pictures with damaged headers.
    """
    if name not in DATASETS:
        raise UsageError(f"--dataset {name}: one of {', '.join(DATASETS)} was expected")
    layout = LAYOUTS.get(name)
    expected = f"{name} in its original layout" if layout else f"a folder for each scene of {name}"
    try:
        if not folder.is_dir():
            raise BadInputError(f"{folder}: no such folder; expected {expected}; nothing is downloaded")
        if layout is None:
            return _open_pictures(name, folder, split)
        return _open_layout(name, layout, folder, split)
    except OSError as error:
        raise BadInputError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error


def _open_layout(name: str, layout: DatasetLayout, folder: Path, split: SceneSplit) -> SceneDataset:
    split_folder = find_entry(folder, SPLIT_FOLDERS[split])
    if split_folder is None or not split_folder.is_dir():
        names = ", ".join(sorted(entry.name for entry in entries(folder))[:5]) or "nothing"
        raise BadInputError(f"{folder}: no folder {SPLIT_FOLDERS[split]} for {name} in it; found {names}")
    scenes = tuple(_scene(files) for files in find_scene_files(layout, split_folder))
    published = layout.published_scenes[split]
    if not scenes:
        raise BadInputError(f"{split_folder}: no scenes in it; {name} has {published} there, a folder for each")
    warnings = []
    if len(scenes) != published:
        warnings.append(f"{split_folder}: {counted(len(scenes), 'scene')}; the published set has {published}")
    return SceneDataset(name=name, split=split, folder=split_folder, scenes=scenes, warnings=tuple(warnings))


def _scene(files: SceneFiles) -> DatasetScene:
    evs = read_exposure_file(files.exposures, expected=len(files.frames))
    if any(later <= earlier for earlier, later in pairwise(evs)):
        raise ExposureError(
            f"{files.exposures}: {', '.join(f'{ev:g}' for ev in evs)} EV for "
            f"{', '.join(path.name for path in files.frames)}; expected EVs that rise from short to long"
        )
    return DatasetScene(name=files.name, frames=files.frames, evs=tuple(evs), truth=files.truth)


def _open_pictures(name: str, folder: Path, split: SceneSplit) -> SceneDataset:
    if split == "training":
        raise BadInputError(f"--dataset {name}: has no ground truth to train on; it is for looking at results")
    scenes, warnings = [], []
    for place in subfolders(folder):
        source = find_scene([place])
        headers = [read_header(path) for path in source.files]
        for header in headers:
            _check_frame(header, headers[0])
        exposures, doubts = infer_exposures(headers, folder=place)
        by_ev = sorted(zip(exposures, source.files, strict=True), key=lambda pair: pair[0].ev)
        scenes.append(
            DatasetScene(
                name=place.name,
                frames=tuple(path for _, path in by_ev),
                evs=tuple(exposure.ev for exposure, _ in by_ev),
                truth=None,
            )
        )
        warnings += [f"{place}: {doubt}" for doubt in (*source.warnings, *doubts)]
    if not scenes:
        raise BadInputError(f"{folder}: no scenes in it; {name} has a folder of pictures for each")
    return SceneDataset(name=name, split=split, folder=folder, scenes=tuple(scenes), warnings=tuple(warnings))


def _check_frame(header: ImageHeader, first: ImageHeader) -> None:
    if header.dtype not in DISPLAY_DTYPES or header.channels != 3:
        kind = "grey" if header.channels == 1 else header.dtype
        raise BracketError(f"{header.path}: is {kind}; expected RGB of 8 or 16 bits")
    if (header.width, header.height) != (first.width, first.height):
        raise BracketError(
            f"{header.path}: {header.width} x {header.height} pixels; expected {first.width} x {first.height} "
            f"as {first.path.name}"
        )


def _size(picture: Array) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"

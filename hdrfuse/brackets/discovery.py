"""Discovery: every bracket below a folder, whether the folders are scenes or hold many brackets each."""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hdrfuse.brackets.companions import once_each
from hdrfuse.brackets.discovered import Discovery, FoundScene, Grouping, Leftover, LeftoverKind
from hdrfuse.brackets.exposure import EQUAL_EV, exposure_file, listed_evs
from hdrfuse.brackets.folders import is_card_folder, pool_folders, walk
from hdrfuse.brackets.naming import place_scenes
from hdrfuse.brackets.scene import find_scene, frames_of
from hdrfuse.brackets.segmentation import (
    Segmentation,
    as_found_scene,
    holds_one_scene,
    scene_of,
    segment,
    with_exposures,
)
from hdrfuse.brackets.shots import Shot, read_shots, restate_where_exif_is_one
from hdrfuse.brackets.unmatched import single, unreadable, what_went_wrong
from hdrfuse.errors import ExposureError
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.kinds import not_read
from hdrfuse.formats.writers import writable_suffixes

Counting = Callable[[int, int], None]
"""Told how many of how many files have been read."""


def find_scenes(
    root: Path, *, group: Grouping = "auto", exclude: Collection[Path] = (), progress: Counting | None = None
) -> Discovery:
    """Find the scenes below a folder, and what belongs to none of them.

    Folders in `exclude` are not looked into. Files and folders that cannot be read are leftovers. Raises
    BracketError where the root is missing, no folder or unreadable.
    """
    tree = walk(root, exclude)
    leftovers = list(tree.unreadable)
    unread = not_read(tree.unread) if tree.unread else None
    warnings = [] if unread is None else [unread]
    listings: dict[Path, list[Path]] = {}
    for folder in tree.folders:
        try:
            files, noted = frames_of(folder)
        except Exception as error:  # whatever it is, other folders have scenes
            reason = what_went_wrong(error).removeprefix(f"{folder}: ")
            leftovers.append(Leftover(paths=(folder,), kind=LeftoverKind.UNREADABLE, reason=reason))
            continue
        listings[folder] = _without_results(files)
        warnings += [f"{folder}: {warning}" for warning in noted]
    files = [path for listed in listings.values() for path in listed]
    shots = dict(zip(files, read_shots(files, progress), strict=True))
    for folder, listed in listings.items():
        known = {path: header.capture for path in listed if (header := shots[path].header) is not None}
        listings[folder], noted = once_each(listed, known)
        warnings += [f"{folder}: {warning}" for warning in noted]
    scenes: list[FoundScene] = []
    for folders in [(folder,) for folder in listings] if group == "folder" else pool_folders(list(listings)):
        pool = Pool(
            root=root,
            folders=folders,
            shots=restate_where_exif_is_one([shots[path] for folder in folders for path in listings[folder]]),
        )
        try:
            segmented = pool.segment(group)
        except Exception as error:  # files that went away meanwhile, or a header that nobody foresaw
            segmented = Segmentation(scenes=(), leftovers=(unreadable(pool.shots, error),))
        scenes += segmented.scenes
        leftovers += segmented.leftovers
    return Discovery(
        root=root,
        scenes=place_scenes(scenes, root),
        leftovers=tuple(leftovers),
        warnings=tuple(dict.fromkeys(warnings)),
        unread=unread,
    )


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Shots that may belong together: a folder's, or those of a card's folders."""

    root: Path
    folders: tuple[Path, ...]
    shots: Sequence[Shot]
    """In the natural order of their names."""

    def segment(self, group: Grouping) -> Segmentation:
        """Divide the shots into scenes and leftovers."""
        if len(self.shots) < 2:
            return Segmentation(scenes=(), leftovers=tuple(single(shot) for shot in self.shots))
        if group == "folder":
            return self._whole()
        text_file = exposure_file(self.folders[0]) if len(self.folders) == 1 else None
        count = group if isinstance(group, int) else None
        if text_file is not None:
            return self._by_text(text_file, count)
        one_scene = holds_one_scene(self.shots) if count is None else len(self.shots) == count
        if one_scene and not is_card_folder(self.folders[0]):
            return self._whole()
        return segment(self.shots, count=count)

    def _whole(self) -> Segmentation:
        """Take the folder for a scene, as a merge of the folder does."""
        (folder,) = self.folders
        scene = find_scene([folder])
        place = self.root if folder == self.root else folder.parent
        by_path = {shot.path: shot for shot in self.shots}
        shots = [by_path.get(path, Shot(path=path)) for path in scene.files]
        text_file = exposure_file(folder)
        evs = [] if text_file is None else _stated_evs(text_file)
        if len(evs) == len(shots):
            shots = with_exposures(shots, evs)
        whole = as_found_scene(scene, shots, folder=place, grouped_by="folder")
        return Segmentation(scenes=(replace(whole, exposure_file=text_file),), leftovers=())

    def _by_text(self, text_file: Path, count: int | None) -> Segmentation:
        """Divide by a text file: one EV a file, or the EVs of one bracket that the files repeat.

        Where the file is wrong the folder is a scene, and its merge says what is wrong.
        """
        evs = _stated_evs(text_file)
        length = len(evs)
        if length == len(self.shots) and (count or _repeats(evs)):
            shots = with_exposures(self.shots, evs)
            stated = {shot.path: shot.ev or 0.0 for shot in shots}
            segmented = segment(shots, count=count)
            scenes = tuple(
                replace(scene, exposures=tuple(stated[path] for path in scene.files), exposure_file=text_file)
                for scene in segmented.scenes
            )
            return replace(segmented, scenes=scenes)
        if 2 <= length < len(self.shots) and len(self.shots) % length == 0 and count in (None, length):
            scenes = tuple(
                scene_of(
                    with_exposures(self.shots[start : start + length], evs),
                    grouped_by="exposure.txt",
                    exposures=tuple(evs),
                )
                for start in range(0, len(self.shots), length)
            )
            return Segmentation(scenes=tuple(replace(scene, exposure_file=text_file) for scene in scenes), leftovers=())
        return self._whole()


def _stated_evs(text_file: Path) -> list[float]:
    """EVs of a text file, however many; none where it cannot be read."""
    try:
        return listed_evs(text_file)
    except ExposureError:
        return []


def _repeats(evs: Sequence[float]) -> bool:
    """Whether an EV comes twice, and not every time."""
    ordered = sorted(evs)
    equal = [after - before < EQUAL_EV for before, after in itertools.pairwise(ordered)]
    return any(equal) and not all(equal)


def _without_results(files: Sequence[Path]) -> list[Path]:
    """Drop earlier results where a folder holds nothing else: they are no frames of a batch."""
    written = writable_suffixes()
    return [path for path in files if path.suffix.lower() not in written or not _is_result(path)]


def _is_result(path: Path) -> bool:
    try:
        return bool(read_facts(path).provenance)
    except Exception:
        return False  # a damaged file is a frame, and its scene will say what is wrong with it

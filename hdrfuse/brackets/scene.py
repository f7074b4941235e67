"""A scene: which files of a folder are the frames of its bracket."""

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrfuse.brackets.companions import once_each
from hdrfuse.errors import BracketError, ImageError
from hdrfuse.formats import RAW_SUFFIXES, READABLE_SUFFIXES, SCENE_REFERRED_SUFFIXES, read_header
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.kinds import UNREAD_SUFFIXES, not_read, raw_is_readable
from hdrfuse.formats.names import fitting
from hdrfuse.formats.writers import writable_suffixes
from hdrfuse.text import counted, worded

NOT_FRAMES = (
    "HDRImg.hdr",
    "label.hdr",
    "*.gt.*",
    "*.preview.*",
    "*.ghost.*",
    "*.ghosts.*",
    "ghosts.*",
    "*ghost-map*",
    "*ghost_map*",
)
"""Names that hold ground truth or what an earlier merge wrote."""

NOT_A_FRAME = re.compile("|".join(fnmatch.translate(pattern.casefold()) for pattern in NOT_FRAMES))
"""All of them at once, for names in lower case: a folder may hold thousands."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The frames of one bracket, in the order in which exposures are given for them."""

    name: str
    files: tuple[Path, ...]
    folder: Path | None
    """The folder that the files were found in; None where they were named one by one."""
    warnings: tuple[str, ...] = ()

    def beside(self, ending: str) -> Path:
        """`<scene><ending>` beside the scene: beside its folder, or beside the first of its files."""
        place = self.files[0] if self.folder is None else self.folder.resolve()
        return place.with_name(fitting(self.name, ending))


def natural_key(path: Path) -> tuple[tuple[tuple[int, float | str], ...], str]:
    """Sort key under which frame2 comes before frame10, and 0.125 before 0.25."""
    parts = re.split(r"(\d+(?:\.\d+)?)", path.stem.casefold())  # text and numbers in turn
    key = tuple((0, float(part)) if index % 2 else (1, part) for index, part in enumerate(parts) if part)
    return key, path.name


def find_scene(paths: Sequence[Path]) -> Scene:
    """Resolve a folder, or two and more image files, into a scene.

    Files of a folder come in natural order, named ones in the order given. Raises BracketError where fewer than
    two frames are found or a path does not exist.
    """
    if len(paths) == 1 and paths[0].is_dir():
        return _scene_of_folder(paths[0])
    for path in paths:
        if not path.exists():
            raise BracketError(f"{path}: no such file or folder")
        if path.is_dir():
            raise BracketError(f"{path}: a folder among files; give one folder, or two and more image files")
    if unread := _unread(paths):
        raise BracketError(f"{paths[0]}: {unread}")
    if len(paths) < 2:
        name = paths[0] if paths else "nothing"
        raise BracketError(f"{name}: 1 image given; a bracket needs at least 2" if paths else "no images given")
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise BracketError(f"{path}: is given more than once")
        seen.add(path.resolve())
    return Scene(name=paths[0].stem, files=tuple(paths), folder=None)


def _scene_of_folder(folder: Path) -> Scene:
    chosen, warnings = frames_of(folder)
    if unread := _unread(path for path in folder.iterdir() if not path.name.startswith(".")):
        warnings.append(unread)
    chosen, noted = once_each(chosen, {})
    warnings += noted
    if len(chosen) < 2:
        images = {0: "no image", 1: f"1 image ({chosen[0].name})" if chosen else ""}[len(chosen)]
        raise BracketError(f"{folder}: {images} found; a bracket needs at least 2{unread and f'; {unread}'}")
    return Scene(name=folder.resolve().name or "scene", files=tuple(chosen), folder=folder, warnings=tuple(warnings))


def _unread(paths: Iterable[Path]) -> str:
    """How many files are pictures of formats that are not read, in words; nothing for none."""
    counts = Counter(name for path in paths if (name := UNREAD_SUFFIXES.get(path.suffix.lower())))
    return not_read(counts) if counts else ""


def frames_of(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the frames among a folder's files in natural order, however many there are, and warnings.

    A RAW file and its JPEG of another name are both among them: `once_each` has to look into the files.
    Raises BracketError for a folder that cannot be read.
    """
    try:
        files = sorted((entry for entry in folder.iterdir() if _may_be_frame(entry)), key=natural_key)
    except OSError as error:
        raise BracketError(f"{folder}: cannot be read: {error.strerror}") from error
    display = [path for path in files if path.suffix.lower() not in SCENE_REFERRED_SUFFIXES]
    chosen, warnings = _one_of_each_raw_pair(display or files)
    return _without_earlier_results(chosen), warnings


def _may_be_frame(path: Path) -> bool:
    name = path.name
    return (
        not name.startswith(".")
        and path.suffix.lower() in READABLE_SUFFIXES
        and not NOT_A_FRAME.match(name.casefold())
        and path.exists()
        and not path.is_dir()  # a special file is for the reader to refuse
    )


def _one_of_each_raw_pair(files: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """RAW beside another file of the same stem counts once: the RAW, or the other where rawpy is missing."""
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        by_stem[path.stem.casefold()].append(path)
    readable = raw_is_readable()
    chosen: list[Path] = []
    skipped = 0
    for group in by_stem.values():
        raws = [path for path in group if path.suffix.lower() in RAW_SUFFIXES]
        others = [path for path in group if path.suffix.lower() not in RAW_SUFFIXES]
        if raws and others and not readable:
            skipped += len(raws)
            chosen.extend(others)
        else:
            chosen.extend(raws or others)
    warnings = []
    if skipped:
        warnings.append(
            f"{counted(skipped, 'RAW file is', 'RAW files are')} left out for the pictures of the same name beside "
            f"{worded(skipped, 'it', 'them')}: "
            "reading RAW needs `pip install hdrfuse[raw]`"
        )
    return sorted(chosen, key=natural_key), warnings


def _without_earlier_results(files: list[Path]) -> list[Path]:
    """Drop merged results: linear files that say so, and float TIFFs beside integer images."""
    linear = [path for path in files if path.suffix.lower() in writable_suffixes()]
    floats = [path for path in linear if _is_float(path)]
    if len(floats) == len(files):
        floats = [path for path in floats if _is_result(path)]
    return [path for path in files if path not in floats] if len(floats) < len(files) else files


def _is_float(path: Path) -> bool:
    try:
        return read_header(path).dtype == "float32"
    except ImageError:
        return False  # a damaged file is a frame, and reading the bracket will say what is wrong with it


def _is_result(path: Path) -> bool:
    try:
        return bool(read_facts(path).provenance)
    except ImageError:
        return False  # as above

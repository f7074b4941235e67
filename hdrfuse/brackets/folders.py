"""Folders: which ones below a root are looked into, and which of a card's belong together."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrfuse.brackets.discovered import Leftover, LeftoverKind
from hdrfuse.brackets.scene import natural_key
from hdrfuse.errors import BracketError
from hdrfuse.formats.kinds import UNREAD_SUFFIXES

NOT_LOOKED_INTO = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"})
"""What systems and network drives keep beside pictures; hidden folders are not looked into either."""

CARD_FOLDER = re.compile(r"[1-9]\d\d[0-9A-Za-z_]{5}")
"""A camera's folder on a card (DCF 2.0): 100CANON, 101CANON, which one bracket may span."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The folders below a root, the root among them."""

    folders: tuple[Path, ...]
    """In natural order, a folder before what it holds."""
    unreadable: tuple[Leftover, ...]
    unread: dict[str, int]
    """How many pictures there are of formats that are not read, by the format's name."""


def walk(root: Path, exclude: Collection[Path] = ()) -> Tree:
    """Find every folder once, links to folders followed, `exclude` left out. Raises BracketError for a bad root."""
    if not root.is_dir():
        problem = "is a file; a folder was expected" if root.exists() else "no such folder"
        raise BracketError(f"{root}: {problem}")
    left_out = {path.resolve() for path in exclude}
    folders: list[Path] = []
    unreadable: list[Leftover] = []
    unread: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    pending: list[Path] = [root]
    links: list[Path] = []
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen or (folder != root and folder.resolve() in left_out):
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder == root:
                raise BracketError(f"{root}: cannot be read: {error.strerror}") from error
            reason = f"cannot be read: {error.strerror}"
            unreadable.append(Leftover(paths=(folder,), kind=LeftoverKind.UNREADABLE, reason=reason))
            continue
        folders.append(folder)
        for entry in listed:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if entry.name.lower() not in NOT_LOOKED_INTO:
                    (links if entry.is_symlink() else pending).append(folder / entry.name)
            elif name := UNREAD_SUFFIXES.get(Path(entry.name).suffix.lower()):
                unread[name] += 1
    folders.sort(key=lambda folder: [natural_key(Path(part)) for part in folder.relative_to(root).parts])
    return Tree(folders=tuple(folders), unreadable=tuple(unreadable), unread=dict(unread))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


def pool_folders(folders: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Put a card's folders side by side into one pool; every other folder is alone."""
    pools: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for folder in folders:
        pools[(folder.parent, "card") if is_card_folder(folder) else (folder, "")].append(folder)
    return [tuple(pool) for pool in pools.values()]


def is_card_folder(folder: Path) -> bool:
    """Whether a camera made the folder on a card, to hold whatever comes."""
    return CARD_FOLDER.fullmatch(folder.name) is not None

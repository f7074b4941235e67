"""The files of the suite: how many of which, and how to make any of them again."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePath

from fuzz.idle_batch import write_frames, write_results
from fuzz.mutations import SOUND, mutated
from fuzz.sound_images import SOUND_IMAGES
from fuzz.sound_texts import SOUND_TEXTS

JOURNAL = "journal.jsonl"
NOT_READ = frozenset({"jpeg.tif"})
"""Sound files of a kind that is refused."""

NAMES = (*SOUND_IMAGES, *SOUND_TEXTS, JOURNAL)

OF_EACH = {
    ".jpg": 125, ".png": 80, ".tif": 70, ".dng": 150, ".exr": 40, ".hdr": 120, ".txt": 200, ".json": 200, ".toml": 200,
    ".jsonl": 150, ".safetensors": 200,
}  # fmt: skip
"""Mutations of each sound file, by its suffix: more than 6,000 in all, in a minute of one core at most."""


@cache
def sound(name: str) -> bytes:
    """Return the sound file of a name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if name == JOURNAL:
            return write_results(Path(folder) / "out")
        (SOUND_IMAGES | SOUND_TEXTS)[name](path)
        return path.read_bytes()


def of_suffix(suffix: str) -> list[str]:
    """Return the names of the sound files with a suffix."""
    return [name for name in NAMES if PurePath(name).suffix == suffix]


def prepared(name: str, folder: Path) -> Path:
    """Return where a file of this name is read, with beside it what its reader expects there."""
    if name == JOURNAL:
        write_results(folder / "out")
        return folder / "out" / name
    if PurePath(name).suffix in (".txt", ".toml"):
        write_frames(folder)
    return folder / name


def files(suffix: str, *, first: int = 0, share: float = 1.0) -> Iterator[tuple[str, int, bytes, str]]:
    """Yield (name, number, bytes, how it was made): each sound file and a share of its mutations, from a number on."""
    for name in of_suffix(suffix):
        yield name, SOUND, sound(name), "sound"
        for number in range(first, first + max(1, round(OF_EACH[suffix] * share))):
            yield name, number, *mutated(name, sound(name), number)

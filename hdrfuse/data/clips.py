"""Clips: videos decoded once into memory-mapped files, so that training spends no time on decoding."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.packing import Sources, source_name
from hdrfuse.data.patches import make_folder
from hdrfuse.data.splits import Split, split_of
from hdrfuse.errors import BadInputError
from hdrfuse.formats.atomic import LONGEST_STEM, replacing
from hdrfuse.formats.names import cut
from hdrfuse.formats.quiet import silenced
from hdrfuse.formats.regular import check_regular
from hdrfuse.text import counted

Codes = NDArray[np.uint8]

SHRUNK = 0.5
"""At most: two pixels to one hide the blocks of compression and colour that is stored for four pixels at once."""
LONGEST_PX = 640
MOST_FRAMES = 600
"""Of one clip, its first ones: 415 MB at 640 x 360."""
FEWEST_FRAMES = 3
LEAST_DECODED = 0.9
"""Share of the frames that a file states; players cut a few off where a clip was trimmed."""
PACKING = "1"
"""Changes with the form of the packed files, so that older ones are not read."""
ONE_THREAD = [cv2.CAP_PROP_N_THREADS, 1]
"""Others would go on, and print, between two frames."""
FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""What an MPEG-4 or QuickTime file begins with."""


@dataclass(frozen=True, kw_only=True)
class PackedClip:
    """One decoded clip on disk."""

    name: str
    frames: Path
    """.npy, (N, H, W, 3) uint8, display-encoded sRGB."""

    def codes(self) -> Codes:
        """Return all frames (N, H, W, 3) as a view of the map."""
        codes: Codes = np.load(self.frames, mmap_mode="r")
        return codes


def open_clips(
    sources: Sources, cache: Path, split: Split, report: Callable[[str], None] = lambda name: None
) -> tuple[tuple[PackedClip, ...], tuple[str, ...]]:
    """Return a split's clips, packed into a cache folder first if need be, and a line for each that cannot be read.

    Clips of other splits are never opened. Raises OutputError or WriteError if the folder takes nothing.
    """
    packed, skipped = [], []
    for path in sources.clips():
        if split_of(source_name(path)) != split:
            continue
        try:
            stem = f"{cut(source_name(path), LONGEST_STEM)}-{state_of(path)}"
            clip = PackedClip(name=source_name(path), frames=cache / f"{stem}.npy")
            if not clip.frames.is_file():
                report(path.name)
                make_folder(cache)
                pack_clip(path, clip.frames)
            packed.append(clip)
        except BadInputError as error:
            skipped.append(str(error))
    return tuple(packed), tuple(skipped)


def state_of(path: Path) -> str:
    """Return a short digest of where a clip lies, how long it is and when it was changed. Raises BadInputError."""
    try:
        check_regular(path)
        state = path.stat()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    facts = f"{PACKING} {path.resolve()} {state.st_size} {state.st_mtime_ns}"
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def pack_clip(path: Path, target: Path) -> None:
    """Decode a clip into a .npy file, whole or not at all. Raises BadInputError or WriteError."""
    with replacing(target, overwrite=True) as temporary, temporary.open("wb") as file:
        shape, count = (0, 0, 3), 0
        for count, frame in enumerate(clip_frames(path), start=1):
            if count == 1:
                shape = frame.shape
                write_header(file, 0, shape)
            file.write(frame.tobytes())
        file.seek(0)
        write_header(file, count, shape)


def write_header(file: BinaryIO, count: int, shape: tuple[int, ...]) -> None:
    """Write the header of so many frames; numpy keeps it as long for any number, so that it can be replaced."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, header)


def clip_frames(path: Path) -> Iterator[Codes]:
    """Decode a clip frame by frame -> (H, W, 3) uint8, display-encoded sRGB, at most half as large as the clip's.

    Raises BadInputError if it is damaged, no video or too short.
    """
    try:
        with path.open("rb") as file:
            check_whole(path, file)
            file.seek(0)
            yield from decoded_frames(path, file)
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    except cv2.error as error:
        raise BadInputError(f"{path}: no video that can be decoded") from error


def decoded_frames(path: Path, file: BinaryIO) -> Iterator[Codes]:
    """Decode an open clip as `clip_frames` does."""
    count, source = 0, cast(Any, file)  # which OpenCV's stubs do not know it takes
    with silenced():
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, ONE_THREAD)
    try:
        stated = min(capture.get(cv2.CAP_PROP_FRAME_COUNT), MOST_FRAMES)
        while count < MOST_FRAMES:
            with silenced():
                decoded, bgr = capture.read()
            if not decoded:
                break
            count += 1
            yield shrunk(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    finally:
        with silenced():
            capture.release()
    if not count:
        raise BadInputError(f"{path}: no video that can be decoded")
    if count < LEAST_DECODED * stated:
        raise BadInputError(f"{path}: damaged: {count} of {counted(int(stated), 'frame')} can be decoded")
    if count < FEWEST_FRAMES:
        raise BadInputError(f"{path}: {counted(count, 'frame')}; a bracket needs {FEWEST_FRAMES}")


def shrunk(frame: NDArray[Any]) -> Codes:
    """Average pixels (H, W, 3) uint8 so that half of them are left a side, at most 640."""
    scale = min(SHRUNK, LONGEST_PX / max(frame.shape[:2]))
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def check_whole(path: Path, file: BinaryIO) -> None:
    """Follow the boxes of an MPEG-4 or QuickTime file to its end (ISO/IEC 14496-12, 4.2): a decoder does not tell.

    Raises BadInputError for another kind of file, or one that ends inside a box.
    """
    there, offset = file.seek(0, 2), 0
    while offset + 8 <= there:
        file.seek(offset)
        head = file.read(16)
        if offset == 0 and head[4:8] not in FIRST_BOXES:
            raise BadInputError(f"{path}: no MPEG-4 or QuickTime file")
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: the last box goes on to the end
            return
        offset += length
    if offset > there or not there:
        raise BadInputError(f"{path}: cut off: {counted(there, 'byte')} of {max(offset, 8)}")

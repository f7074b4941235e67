"""Shots: what the headers of frames say that decides which of them form a bracket."""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cached_property
from pathlib import Path

from hdrfuse.brackets.exposure import EQUAL_EV
from hdrfuse.brackets.named_exposure import ev_of_name, wording_without_ev
from hdrfuse.errors import ImageError
from hdrfuse.formats import Capture, ImageHeader, read_header
from hdrfuse.formats.reading import first_line
from hdrfuse.threads import in_threads

THREADS = 8
"""Headers that are read at once where files are waited for, as a card reader's or a server's are."""

TRIED, ROUND = 4, 256
"""Of so many headers the first few are read alone, to see whether files are waited for. Where they are not, threads
only take turns: 8,000 headers of a warm disk took 4.3 to 5.2 s in eight threads and 1.9 to 2.4 s in none."""

COUNTED_NAME = re.compile(r"(.*?)(\d+)$", re.DOTALL)
SIGNED_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One frame by its header. What is worked out of it is kept: each of many runs of frames asks for it again."""

    path: Path
    header: ImageHeader | None = None
    """None for a file that cannot be read."""
    problem: str | None = None
    """What is wrong with such a file."""
    ev: float | None = None
    """log2(t ISO / N^2), or what takes its place."""
    ev_source: str | None = None
    """"EXIF", "EXIF bias", "file name" or "exposure.txt"."""
    clock_s: float | None = None
    """When it was taken, by the camera's clock."""

    @cached_property
    def capture(self) -> Capture:
        """What the camera wrote."""
        return Capture() if self.header is None else self.header.capture

    @cached_property
    def shutter_ev(self) -> float | None:
        """log2 of the exposure time."""
        return math.log2(self.capture.exposure_time_s) if self.capture.exposure_time_s else None

    @cached_property
    def shift_ev(self) -> float | None:
        """How far the exposure was moved on purpose: the maker note's word, else EXIF's bias."""
        capture = self.capture
        return capture.exposure_bias_ev if capture.bracket_shift_ev is None else capture.bracket_shift_ev

    @cached_property
    def counter(self) -> tuple[str, int] | None:
        """What a file's name counts, and the number: ("img_", 12) of IMG_0012."""
        match = COUNTED_NAME.match(self.path.stem.casefold())
        return (match.group(1), int(match.group(2))) if match else None

    @cached_property
    def wording(self) -> str:
        """A file's name without its numbers: "beach_EV" of beach_-2EV."""
        return SIGNED_NUMBER.sub("", wording_without_ev(self.path))


def read_shots(files: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> list[Shot]:
    """Read the headers of files, several at a time; a file that cannot be read becomes a shot with its problem."""
    shots: list[Shot] = []
    for start in range(0, len(files), ROUND):
        for shot in _read_round(files[start : start + ROUND]):
            shots.append(shot)
            if progress is not None:
                progress(len(shots), len(files))
    return shots


def _read_round(files: Sequence[Path]) -> Iterator[Shot]:
    """Read headers in threads where the first few took longer than the work on them."""
    began_s, work_began_s = time.perf_counter(), time.thread_time()
    yield from [read_shot(path) for path in files[:TRIED]]
    elapsed_s, worked_s = time.perf_counter() - began_s, time.thread_time() - work_began_s
    rest = files[TRIED:]
    yield from in_threads(read_shot, rest, count=THREADS) if elapsed_s > 2.0 * worked_s else map(read_shot, rest)


def read_shot(path: Path) -> Shot:
    """Read one file's header; whatever goes wrong with it concerns no other file."""
    try:
        return _read_shot(path)
    except ImageError as error:
        return Shot(path=path, problem=str(error).removeprefix(f"{path}: "))
    except Exception as error:  # a reader's own mistake, or what the file made it run out of
        return Shot(path=path, problem=f"cannot be read: {type(error).__name__}: {first_line(error)}")


def _read_shot(path: Path) -> Shot:
    header = read_header(path)
    capture = header.capture
    moment = capture.captured_at
    clock_s = None if moment is None else moment.replace(tzinfo=UTC).timestamp()  # what the clock showed
    ev = ev_of_capture(capture)
    for source, value in (
        ("EXIF", ev),
        ("file name", ev_of_name(path)),
        ("EXIF bias", capture.exposure_bias_ev),
    ):
        if value is not None:
            if not math.isfinite(value):
                return Shot(path=path, problem=f"states an exposure of {value} EV; expected a number")
            return Shot(path=path, header=header, ev=value, ev_source=source, clock_s=clock_s)
    return Shot(path=path, header=header, clock_s=clock_s)


def ev_of_capture(capture: Capture) -> float | None:
    """log2(t ISO / N^2), what is not stated left out; None without a time."""
    if not capture.exposure_time_s:
        return None
    gain = math.log2(capture.iso / 100.0) if capture.iso else 0.0
    aperture = 2.0 * math.log2(capture.f_number) if capture.f_number else 0.0
    return math.log2(capture.exposure_time_s) + gain - aperture


def restate_where_exif_is_one(shots: Sequence[Shot]) -> list[Shot]:
    """Take biases, else EVs of file names, where EXIF states one exposure for all: a placeholder, or a copy.

    In manual mode cameras write what their meter thinks for a bias.
    """
    read = [shot for shot in shots if shot.header is not None]
    stated = [shot.ev for shot in read]
    if not _all_known(stated) or _differ(stated):
        return list(shots)
    manual = any(shot.capture.exposure_mode == "manual" for shot in read)
    biases = {shot.path: None if manual else shot.capture.exposure_bias_ev for shot in read}
    names = {shot.path: ev_of_name(shot.path) for shot in read}
    for source, evs in (("EXIF bias", biases), ("file name", names)):
        if _all_known(list(evs.values())) and _differ(list(evs.values())):
            return [
                shot if shot.header is None else replace(shot, ev=evs[shot.path], ev_source=source) for shot in shots
            ]
    return list(shots)


def _all_known(evs: Sequence[float | None]) -> bool:
    return bool(evs) and None not in evs


def _differ(evs: Sequence[float | None]) -> bool:
    known = [ev for ev in evs if ev is not None]
    return max(known) - min(known) >= EQUAL_EV

"""The child process: reads one file after another as a user's commands would, and reports what each did to it.

`python -m fuzz.reader SECONDS DESCRIPTOR` takes a path a line on standard input and answers each with one line of JSON
on the descriptor. What anything prints on standard output or error is a fault, which the parent sees in the file
behind them.
"""

import contextlib
import faulthandler
import io
import json
import math
import os
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hdrfuse.errors import HdrfuseError

ADDRESS_SPACE_BYTES = 4 * 2**30
"""What a file may ask for beyond what the idle process has, even if it never touches it."""

RESETTING_THE_PEAK = "5"
"""What Linux's /proc/PID/clear_refs takes to forget the largest resident set (proc(5))."""


class FaultError(Exception):
    """A file was read, and what came of it makes no sense."""


def read_picture(path: Path) -> None:
    """Read header, pixels and facts, and take from them what a merge and a batch would."""
    from hdrfuse.brackets.shots import read_shot
    from hdrfuse.formats import REC709, read_header, read_image
    from hdrfuse.formats.facts import read_facts
    from hdrfuse.imaging.color import primaries_matrix

    refusals = []
    for step in (read_header, read_image, read_facts, read_shot):
        try:
            found = step(path)
        except HdrfuseError as error:
            refusals.append(error)
            continue
        if step is read_header:
            header = found
            primaries_matrix(header.chromaticities, REC709)
        elif step is read_image:
            check_picture(found)
            if refusals or found.header != header:
                raise FaultError(f"the pixels are read and the header is not, or another: {refusals}")
    for error in refusals:
        check_message(error, path)
    if refusals:
        raise refusals[0]


def check_picture(image: Any) -> None:
    """Raise FaultError for pixels that are not what the header says."""
    import numpy as np

    header, pixels = image.header, image.pixels
    if pixels.shape != (header.height, header.width, 3) or str(pixels.dtype) != header.dtype:
        raise FaultError(
            f"{pixels.shape} {pixels.dtype}; the header says {header.width}x{header.height} {header.dtype}"
        )
    if not np.isfinite(pixels).all() or not image.white > 0:
        raise FaultError(f"pixels that are no numbers, or white {image.white}")


def read_exposures(path: Path) -> None:
    """Read EVs as a merge does, and as a batch that looks for scenes."""
    from hdrfuse.brackets.discovery import find_scenes
    from hdrfuse.brackets.exposure import read_exposure_file

    find_scenes(path.parent)
    if not all(math.isfinite(ev) for ev in read_exposure_file(path, expected=3)):
        raise FaultError("EVs that are no numbers")


def read_response(path: Path) -> None:
    """Load a curve, and look at it."""
    import numpy as np

    from hdrfuse.imaging.calibration.response import load_response

    table = load_response(path).table
    if not np.isfinite(table).all() or (np.diff(table, axis=1) < 0).any() or table.min() < 0 or table.max() > 1:
        raise FaultError(f"a curve from {table.min()} to {table.max()} that is none")


def read_preset(path: Path) -> None:
    """Plan a batch by a preset."""
    import typer

    from hdrfuse.cli.app import app, outcome_of
    from hdrfuse.cli.console import Console

    words = ["batch", str(path.parent), "--preset", str(path), "--dry-run"]
    try:
        # What a preset makes of a scene is printed for the scene, as for a batch that is not a rehearsal.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            typer.main.get_command(app).main(words, prog_name="hdrfuse", standalone_mode=False, obj=Console())
    except typer.TyperException as error:
        raise HdrfuseError(outcome_of(error)[1]) from error


def read_journal(path: Path) -> None:
    """Run a batch over results that a journal speaks of; what it calls undone is not merged."""
    from fuzz.idle_batch import nobody, request_of
    from hdrfuse.batch.request import run_batch

    run_batch(request_of(path.parent), schedule=nobody)


def read_weights(path: Path) -> None:
    """Load a network, and what the file says of it."""
    from hdrfuse.inspection import inspect_weights

    tile_px = inspect_weights(path).metadata.tile_px
    if tile_px < 1:
        raise FaultError(f"tiles of {tile_px} pixels")


def canary(path: Path) -> None:
    """Do the harm that the file names: what the parent must notice."""
    match path.read_text():
        case "processor":
            while True:
                pass
        case "memory":
            bytearray(os.urandom(1)) * (700 << 20)
        case "address space":
            try:
                bytearray(ADDRESS_SPACE_BYTES)
            except MemoryError as error:
                raise HdrfuseError(f"{path}: its pixels do not fit into memory") from error
        case "foreign":
            raise KeyError("nobody caught this")
        case "nameless":
            raise HdrfuseError("cannot be read: ")
        case "noise":
            os.write(2, b"libpng error\n")
        case "hang":
            signal.pause()
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)


PICTURES = (".jpg", ".png", ".tif", ".dng", ".exr", ".hdr")
READERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(PICTURES, read_picture), ".txt": read_exposures, ".json": read_response, ".toml": read_preset,
    ".jsonl": read_journal, ".safetensors": read_weights, ".canary": canary,
}  # fmt: skip


def speaks_of_preset(message: str, path: Path) -> bool:
    """Whether a message names an option, a file that a preset names, or counts scenes that were named already."""
    named = message.partition(":")[0]
    return message.startswith("--") or message.endswith("cannot be merged") or named in path.read_text(errors="replace")


def check_message(error: HdrfuseError, path: Path) -> None:
    """Raise FaultError for a message that is not one line naming the file and a reason; the console cleans it."""
    message = str(error)
    names_it = path.name in message or (path.suffix == ".toml" and speaks_of_preset(message, path))
    if {"\n", "\r"} & set(message) or not names_it or message.rstrip().endswith((":", " ()")):
        raise FaultError(f"a message that is not one line, names no file or gives no reason: {message!r}")
    if isinstance(error.__cause__, MemoryError) or "can't allocate memory" in message:  # the latter is PyTorch's
        raise FaultError(f"more than {ADDRESS_SPACE_BYTES >> 30} GiB asked for: {message}")


def read(path: Path, *, processor_s: float) -> dict[str, Any]:
    """Read one file -> what happened, processor seconds, peak memory in MB."""
    began_s = processor_seconds()
    Path("/proc/self/clear_refs").write_text(RESETTING_THE_PEAK)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(began_s + processor_s) + 1, resource.RLIM_INFINITY))
    fault, outcome = None, "read"
    try:
        READERS[path.suffix](path)
    except HdrfuseError as error:
        outcome = str(error)
        try:
            check_message(error, path)
        except FaultError as described:
            fault = str(described)
    except BaseException as error:
        fault = f"{type(error).__name__} at {place_of(error)}: {str(error)[:300]}"
    sys.stdout.flush()
    return {
        "outcome": outcome,
        "fault": fault,
        "processor_s": processor_seconds() - began_s,
        "peak_mb": memory_mb("VmHWM"),
    }


def place_of(error: BaseException) -> str:
    """Return where an exception came from: the last line of the package on its way, and the very last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/hdrfuse/" in frame.filename] or frames
    places = dict.fromkeys(
        f"{'/'.join(Path(each.filename).parts[-2:])}:{each.lineno}" for each in (ours[-1], frames[-1])
    )
    return " < ".join(reversed(places))


def processor_seconds() -> float:
    """Return what this process's threads have used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb(name: str) -> float:
    """Return a number of /proc/self/status in MB."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Read the sound file first, which imports what is needed; then say how large the idle process is, and go on."""
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # as the command line does
    processor_s = float(sys.argv[1])
    with os.fdopen(int(sys.argv[2]), "w") as reports:
        for number, line in enumerate(sys.stdin):
            report = read(Path(line.rstrip("\n")), processor_s=processor_s)
            if number == 0:
                idle_mb = memory_mb("VmRSS")
                space = int(memory_mb("VmSize")) * 2**20 + ADDRESS_SPACE_BYTES
                resource.setrlimit(resource.RLIMIT_AS, (space, resource.RLIM_INFINITY))
            reports.write(json.dumps(report | {"idle_mb": idle_mb}) + "\n")
            reports.flush()


if __name__ == "__main__":
    main()

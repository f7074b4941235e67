"""Speed: hdrfuse's and OpenCV's whole way from JPEG files to an HDR file, each run in a fresh process."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import hdrfuse
from hdrfuse.benchmark.photographs import photograph_size
from hdrfuse.data.demo import EVS, REFERENCE_TIME_S
from hdrfuse.deghosting.methods import ready_methods
from hdrfuse.errors import HdrfuseError
from hdrfuse.pipeline import Progress

OPENCV, HELP = "OpenCV AlignMTB + MergeDebevec", "hdrfuse --help"

THIS_HDRFUSE = (sys.executable, "-m", "hdrfuse")
THIS_BENCHMARK = (sys.executable, "-m", "hdrfuse.benchmark")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One command in a process of its own."""

    seconds: float
    """From start to end, the interpreter's start-up included."""
    processor_s: float
    """Of all cores together: unlike the seconds it hardly grows on a busy machine."""
    peak_memory_mb: float
    output: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A tool on one bracket, over all repetitions."""

    tool: str
    megapixels: float
    """Of each of the frames; 0 where no picture is worked on."""
    frames: int
    seconds: tuple[float, ...]
    processor_s: float
    """Median, of all cores together."""
    peak_memory_mb: float
    """The most of all runs."""
    stages: dict[str, float]
    """Median seconds of what the tool reports of itself."""
    ratio: float | None = None
    """Median seconds over OpenCV's on the same files."""

    @property
    def median_s(self) -> float:
        """Median of the seconds."""
        return median(self.seconds)


def measure_speed(
    megapixels: Sequence[float], *, repetitions: int, progress: Progress = lambda stage, share: None
) -> list[Timing]:
    """Time both tools on generated brackets, turn by turn, and `hdrfuse --help`.

    Raises HdrfuseError with the last line of what a process wrote where it fails.
    """
    with TemporaryDirectory(prefix="hdrfuse-bench-") as temporary:
        progress("starting hdrfuse", 0.0)
        help_runs = [run_in_fresh_process([*THIS_HDRFUSE, "--help"]) for _ in range(max(3, repetitions))]
        timings = [_timing(HELP, 0.0, help_runs, [{}])]
        for done, size in enumerate(megapixels):
            folder = Path(temporary) / f"{size:g}"
            progress(f"taking photographs of {size:g} MP", done / len(megapixels))
            run_in_fresh_process([*THIS_BENCHMARK, "generate", str(folder), str(size)])
            timings += _bracket_timings(folder, size, repetitions, progress, (done + 0.5) / len(megapixels))
    return timings


def run_in_fresh_process(command: Sequence[str]) -> Run:
    """Run a command with nothing inherited but the environment; HdrfuseError where it does not exit 0."""
    package_root = str(Path(hdrfuse.__file__).parents[1])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [*THIS_BENCHMARK, "measure", *command],
        env={**os.environ, "PYTHONPATH": search_path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as measuring:  # fmt: skip
        try:
            out, err = measuring.communicate()
        except BaseException:
            os.killpg(measuring.pid, signal.SIGKILL)  # what it measures goes with it
            raise
    measured: dict[str, Any] = json.loads(out) if measuring.returncode == 0 else {"status": measuring.returncode}
    if (status := measured.pop("status")) != 0:
        last_line = (err.strip().splitlines() or ["no message"])[-1]
        raise HdrfuseError(f"{' '.join(command)}: exited {status} where 0 was expected: {last_line}")
    return Run(**measured)


def hdrfuse_command(folder: Path, method: str) -> list[str]:
    """What a user runs: merge a folder into EXR half ZIP and a preview."""
    out = str(folder / f"{method}.exr")
    return [
        *THIS_HDRFUSE,
        "merge",
        str(folder),
        "--out",
        out,
        "--method",
        method,
        "--overwrite",
        "--json",
        "--quiet",
    ]


def opencv_command(folder: Path) -> list[str]:
    """The same files through OpenCV; it reads no EXIF, so the times are given."""
    paths = sorted(folder.glob("*.jpg"))[: len(EVS)]
    times_s = [float(REFERENCE_TIME_S * Fraction(2) ** round(ev)) for ev in EVS]
    frames = [f"{time_s}={path}" for time_s, path in zip(times_s, paths, strict=True)]
    return [*THIS_BENCHMARK, "opencv", str(folder / "opencv.hdr"), *frames]


def _bracket_timings(folder: Path, size: float, repetitions: int, progress: Progress, share: float) -> list[Timing]:
    ours = {f"hdrfuse {method.name}": hdrfuse_command(folder, method.name) for method in ready_methods()}
    commands = {**ours, OPENCV: opencv_command(folder)}
    runs: dict[str, list[Run]] = {tool: [] for tool in commands}
    for repetition in range(repetitions):
        for tool, command in commands.items():
            progress(f"{size:g} MP, {tool}, {repetition + 1} of {repetitions}", share)
            runs[tool].append(run_in_fresh_process(command))
    exact = math.prod(photograph_size(size)) / 1e6
    against = median(run.seconds for run in runs[OPENCV])
    stages = {
        **{tool: [json.loads(run.output)["seconds"] for run in runs[tool]] for tool in ours},
        OPENCV: [json.loads(run.output) for run in runs[OPENCV]],
    }
    return [_timing(tool, exact, runs[tool], stages[tool], against) for tool in commands]


def _timing(
    tool: str, megapixels: float, runs: Sequence[Run], stages: Sequence[dict[str, float]], against: float | None = None
) -> Timing:
    seconds = tuple(round(run.seconds, 3) for run in runs)
    return Timing(
        tool=tool,
        megapixels=round(megapixels, 2),
        frames=len(EVS) if megapixels else 0,
        seconds=seconds,
        processor_s=round(median(run.processor_s for run in runs), 3),
        peak_memory_mb=round(max(run.peak_memory_mb for run in runs), 1),
        stages={name: round(median(each[name] for each in stages), 3) for name in stages[0] if name != "total"},
        ratio=None if against is None else round(median(seconds) / against, 2),
    )

"""What the benchmark runs in processes of their own: `measure COMMAND...`, `generate ...`, `opencv ...`.

Nothing is imported before it is needed: the start-up of a process is part of what is measured.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def measure(command: Sequence[str]) -> int:
    """Run a command and print its seconds, processor time, peak memory, status and output as JSON.

    A process inherits the peak of the one that started it (Linux counts the memory before exec), so that this
    small one stands between the benchmark and what it measures.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        output = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    unit_mb = 1e-6 if sys.platform == "darwin" else 1024e-6
    document = {
        "seconds": seconds,
        "processor_s": usage.ru_utime + usage.ru_stime,
        "peak_memory_mb": usage.ru_maxrss * unit_mb,
        "status": child.returncode,
        "output": output,
    }
    sys.stdout.write(json.dumps(document))
    return 0


def generate(folder: str, megapixels: str) -> int:
    """Write a bracket of JPEG photographs of a size into a folder."""
    from hdrfuse.benchmark.photographs import write_photographs

    write_photographs(Path(folder), megapixels=float(megapixels))
    return 0


def opencv(out: str, *frames: str) -> int:
    """Merge `SECONDS=FILE` frames as OpenCV's documentation shows, into a .hdr; print seconds a stage as JSON."""
    from hdrfuse.benchmark.opencv_merge import merge_files

    times_s, paths = zip(*(frame.split("=", 1) for frame in frames), strict=True)
    sys.stdout.write(json.dumps(merge_files(paths, [float(time_s) for time_s in times_s], out)))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run one of the entries -> exit status."""
    name, *rest = arguments
    if name == "measure":
        return measure(rest)
    return generate(*rest) if name == "generate" else opencv(*rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

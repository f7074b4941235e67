"""The machine and the versions that a measurement is true of."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hdrfuse import __version__
from hdrfuse.text import counted

LIBRARIES = ("numpy", "opencv-python-headless", "OpenEXR", "Pillow", "simplejpeg")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where and with what something was measured."""

    processor: str
    cores: int
    """That this process may use."""
    system: str
    versions: dict[str, str]

    def __str__(self) -> str:
        """Return all of it in one line."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"{self.processor}, {counted(self.cores, 'core')}, {self.system}; {versions}"


def this_machine() -> Machine:
    """Describe the machine that runs this."""
    versions = {"hdrfuse": __version__, "Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        processor=processor_name(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
    )


def processor_name() -> str:
    """Name of the processor as the system states it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

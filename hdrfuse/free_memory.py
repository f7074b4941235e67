"""Memory that this process can still take: the least of what the system, its control group and its limits leave it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CONTROL_GROUPS = (
    ("", "sys/fs/cgroup", "memory.max", "memory.current", ""),
    ("memory", "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)
"""Versions 2 and 1 (cgroups(7)): controller, where it is mounted, files of limit and usage, prefix in memory.stat."""

RECLAIMED = ("inactive_file", "active_file")
"""Cached files count as used, and give way where memory is needed."""


def free_bytes(root: Path = Path("/")) -> int | None:
    """Return what can still be allocated; None where the system does not say."""
    return min((*_available(root), *_left_by_groups(root), *_left_of_addresses(root)), default=None)


def _available(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _left_by_groups(root: Path) -> Iterator[int]:
    """What each control group above this process leaves; a group that names no limit leaves everything."""
    groups = dict[str, str]()
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups |= dict.fromkeys(controllers.split(","), path.strip("/"))
    for controller, mount, limit, usage, prefix in CONTROL_GROUPS:
        own = Path(groups.get(controller, ""))
        for group in (own, *own.parents) if own.parts else (own,):
            folder = root / mount / group
            with suppress(OSError, ValueError):  # not there, or "max": no limit
                left = int((folder / limit).read_text()) - int((folder / usage).read_text())
                yield max(0, left + _reclaimable(folder / "memory.stat", prefix))


def _reclaimable(statistics: Path, prefix: str) -> int:
    total = 0
    with suppress(OSError, ValueError):
        for line in statistics.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name.startswith(prefix) and name.removeprefix(prefix) in RECLAIMED:
                total += int(count)
    return total


def _left_of_addresses(root: Path) -> Iterator[int]:
    """What RLIMIT_AS (`ulimit -v`) leaves."""
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource  # Windows has none

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            taken_pages = int((root / "proc/self/statm").read_text().split()[0])
            yield max(0, limit - taken_pages * os.sysconf("SC_PAGE_SIZE"))

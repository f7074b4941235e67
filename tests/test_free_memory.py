"""What is free is the least of several answers, each of which a system may owe."""

import subprocess
import sys
from pathlib import Path

import pytest

from hdrfuse.free_memory import free_bytes

GB = 10**9


@pytest.fixture
def root(tmp_path) -> Path:
    """A system with 2 GB available and no control groups."""
    state(tmp_path, "proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable:    1953125 kB\n")
    return tmp_path


def state(root: Path, name: str, text: object) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_what_the_system_has_available_is_free(root):
    assert free_bytes(root) == 2 * GB


def test_a_system_that_says_nothing_has_no_answer(tmp_path):
    assert free_bytes(tmp_path) is None


@pytest.mark.parametrize("group", ["", "a.slice", "a.slice/b.service"])
def test_the_narrowest_group_above_the_process_counts(root, group):
    state(root, "proc/self/cgroup", "0::/a.slice/b.service")
    state(root, "sys/fs/cgroup/a.slice/b.service/memory.max", "max")
    state(root, f"sys/fs/cgroup/{group}/memory.max", 3 * GB // 2)
    state(root, f"sys/fs/cgroup/{group}/memory.current", GB // 2)
    assert free_bytes(root) == GB


def test_files_that_a_group_has_cached_are_free(root):
    state(root, "sys/fs/cgroup/memory.max", GB)
    state(root, "sys/fs/cgroup/memory.current", GB)
    state(root, "sys/fs/cgroup/memory.stat", f"anon {GB // 2}\ninactive_file {GB // 4}\nactive_file {GB // 8}")
    assert free_bytes(root) == GB // 4 + GB // 8


def test_groups_of_the_first_version_count(root):
    state(root, "proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/")
    folder = "sys/fs/cgroup/memory"
    state(root, f"{folder}/memory.limit_in_bytes", 2**63 - 4096)
    state(root, f"{folder}/memory.usage_in_bytes", GB)
    assert free_bytes(root) == 2 * GB
    state(root, f"{folder}/docker/x/memory.limit_in_bytes", GB)
    state(root, f"{folder}/docker/x/memory.usage_in_bytes", GB)
    state(root, f"{folder}/docker/x/memory.stat", f"inactive_file 5\ntotal_inactive_file {GB // 4}")
    assert free_bytes(root) == GB // 4


@pytest.mark.skipif(sys.platform != "linux", reason="of a limit that Linux keeps")
def test_what_a_limit_on_addresses_leaves_counts():
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, resource.RLIM_INFINITY));"
        "from hdrfuse.free_memory import free_bytes; print(free_bytes())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 2**29 < int(told.stdout) < 2**30

"""`hdrfuse batch` through kills, interrupts and full disks: nothing that was reported done is lost."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hdrfuse.batch.engine import BatchListener
from hdrfuse.batch.journal import JOURNAL, open_journal
from hdrfuse.batch.request import BatchRequest, run_batch
from hdrfuse.batch.settings import BatchSettings
from hdrfuse.options import MergeOptions

from .brackets import listing, write_bracket

SCENES = tuple(f"scene{index}" for index in range(3))
CLASSICAL = ("--method", "classical", "--workers", "1", "--no-report")


@pytest.fixture
def shoot(tmp_path):
    for index, name in enumerate(SCENES):
        write_bracket(tmp_path / "shoot" / name, size=(96 + 4 * index, 128))
    return tmp_path / "shoot"


@pytest.fixture
def small_shoot(tmp_path):
    """Two scenes, the second for what goes wrong."""
    for name in SCENES[:2]:
        write_bracket(tmp_path / "shoot" / name)
    return tmp_path / "shoot"


def results(out):
    """Every file of a scene, whole or not."""
    names = listing(out).items() if out.is_dir() else ()
    return {name: data for name, data in names if data and name.split("/")[-1].lstrip(".").startswith("scene")
            and not name.startswith(".report")}  # fmt: skip


def done(out):
    """Scenes that the journal calls done."""
    path = out / JOURNAL
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    return [entry["scene"] for entry in map(json.loads, lines) if entry["event"] == "done"]


def wait_until(condition, process):
    ends = time.monotonic() + 6000
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.02)


def running_below(process):
    """Processes that a process started and that still run."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(path) as children:  # noqa: PTH123
        return [int(child) for child in children.read().split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc")  # noqa: PTH110
@pytest.mark.parametrize("moments", [(1,), (0, 1, 2)])
def test_killed_at_any_moment_it_goes_on_to_the_same_files(run, start, shoot, tmp_path, moments):
    """A moment is when so many scenes are done."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run("batch", shoot, "--out", whole, *CLASSICAL).code == 0
    expected = results(whole)
    for count in moments:
        process = start("batch", shoot, "--out", killed, *CLASSICAL)
        wait_until(lambda count=count: len(done(killed)) >= count and (killed / JOURNAL).is_file(), process)
        if count:
            wait_until(lambda process=process: running_below(process), process)
        workers = running_below(process)
        process.kill()
        process.communicate()
        found = results(killed)
        for scene in done(killed):
            for end in (".exr", ".preview.jpg"):
                assert found[f"{scene}{end}"] == expected[f"{scene}{end}"]
        named = {name: data for name, data in found.items() if not name.startswith(".")}
        assert named == {name: expected[name] for name in named}
        ends = time.monotonic() + 600
        while any(is_alive(pid) for pid in workers):
            assert time.monotonic() < ends
            time.sleep(0.02)
    outcome = run("batch", shoot, "--out", killed, *CLASSICAL)
    assert outcome.code == 0, outcome.err
    assert results(killed) == expected


def test_an_interrupt_keeps_what_is_done_and_leaves_nothing_half_done(run, start, shoot, tmp_path):
    out = tmp_path / "out"
    process = start("batch", shoot, "--out", out, *CLASSICAL)
    wait_until(lambda: done(out), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    kept = done(out)
    assert (
        err.splitlines()[-1] == f"error: interrupted: {len(kept)} of 3 scenes are done; the same command does the rest"
    )
    assert "Traceback" not in err
    assert set(results(out)) == {f"{scene}{end}" for scene in kept for end in (".exr", ".preview.jpg")}
    outcome = run("batch", shoot, "--out", out, *CLASSICAL)
    assert outcome.code == 0
    assert f"{3 - len(kept)} merged" in outcome.out


LIMITED = """
import resource, sys
from hdrfuse.cli import main
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000))
    sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(run, tmp_path):
    shoot = tmp_path / "shoot"
    write_bracket(shoot / "scene0")
    write_bracket(shoot / "scene-large", size=(144, 192))
    out = tmp_path / "out"
    command = [sys.executable, "-c", LIMITED, "batch", shoot, "--out", out, *CLASSICAL]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 3, result
    assert "error: scene-large: " in result.stderr
    assert "scene-large.exr" in result.stderr
    assert done(out) == ["scene0"]
    assert set(results(out)) == {"scene0.exr", "scene0.preview.jpg"}
    outcome = run("batch", shoot, "--out", out, *CLASSICAL)
    assert outcome.code == 0
    assert "1 merged, 1 done before" in outcome.out


class Killer(BatchListener):
    """Kills the worker that begins some scene, some times."""

    def __init__(self, scene, times):
        self.scene, self.times = scene, times

    def started(self, event):
        if event.key == self.scene and self.times:
            self.times -= 1
            os.kill(event.worker, signal.SIGKILL)


def request(shoot, out):
    options = MergeOptions(method="classical")
    return BatchRequest(root=shoot, out=out, settings=BatchSettings(options=options), workers=1, page=False)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_scene_a_second_try(small_shoot, tmp_path):
    account = run_batch(request(small_shoot, tmp_path / "out"), Killer("scene1", 1))
    assert account.failures == []
    assert account.merged == 2


def test_a_scene_that_takes_every_worker_down_fails_alone(small_shoot, tmp_path):
    account = run_batch(request(small_shoot, tmp_path / "out"), Killer("scene1", 2))
    ((scene, reason),) = account.failures
    assert scene == "scene1"
    assert "SIGKILL" in reason
    assert "a second time" in reason
    assert account.merged == 1
    with open_journal(tmp_path / "out") as journal:
        assert set(journal.past.done) == {"scene0"}
    assert run_batch(request(small_shoot, tmp_path / "out")).kept == 1


HALF_DONE = """
import os, sys
from hdrfuse.cli import main
replace = os.replace
def fail_for_radiance(source, target):
    if str(target).endswith(".exr"):
        raise OSError(5, "Input/output error")
    replace(source, target)
os.replace = fail_for_radiance
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_rename_that_fails_while_overwriting_leaves_a_scene_s_old_files(run, tmp_path):
    shoot, out, program = (tmp_path / name for name in ("shoot", "out", "program.py"))
    write_bracket(shoot / "scene0")
    assert run("batch", shoot, "--out", out, *CLASSICAL, "--ghost-maps").code == 0
    before = results(out)
    program.write_text(HALF_DONE)
    command = [sys.executable, program, "batch", shoot, "--out", out, *CLASSICAL, "--ghost-maps", "--tonemap", "drago"]
    result = subprocess.run([*command, "--overwrite"], capture_output=True, text=True, check=False)
    assert result.returncode == 3, result
    assert "scene0.exr: cannot be written: Input/output error" in result.stderr
    assert results(out) == before

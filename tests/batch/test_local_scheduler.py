"""Worker processes: what they do side by side, and what becomes of work that hangs, crashes or is stopped."""

import os
import time
from contextlib import closing

import pytest

from hdrfuse.batch.local import LocalScheduler
from hdrfuse.batch.scheduler import Advanced, Failed, Finished, Lost, Started
from hdrfuse.batch.worker import outcome_of
from hdrfuse.errors import HdrfuseError, OutOfMemoryError, UsageError

from . import toys
from .toys import Toy


def outcomes(scheduler, *works, until_s=600.0):
    """Everything that is told until all work has an outcome."""
    for work in works:
        scheduler.submit(work)
    told, ends = [], time.monotonic() + until_s
    while sum(isinstance(each, Finished | Failed | Lost) for each in told) < len(works):
        assert time.monotonic() < ends, told
        told += scheduler.collect()
    return told


def by_key(told, kind):
    return {event.key: event for event in told if isinstance(event, kind)}


def test_workers_work_side_by_side_and_failures_hold_up_nothing(tmp_path):
    works = [Toy(key=f"scene{index}", does="well" if index > 1 else "meets", notes=tmp_path) for index in range(6)]
    works[2] = Toy(key="scene2", does="unreadable")
    works[3] = Toy(key="scene3", does="unforeseen")
    works[4] = Toy(key="scene4", does="memory")
    with closing(LocalScheduler([toys.ready, toys.ready], timeout_s=600)) as scheduler:
        assert scheduler.slots == 6
        told = outcomes(scheduler, *works)
    finished, failed = by_key(told, Finished), by_key(told, Failed)
    assert set(finished) == {"scene0", "scene1", "scene5"}
    assert len({event.result["process"] for event in finished.values()}) == 2
    assert os.getpid() not in {event.result["process"] for event in finished.values()}
    assert failed["scene2"].reason == "scene2.jpg: is empty"
    assert failed["scene2"].traceback is None
    assert failed["scene3"].reason == "unexpected ZeroDivisionError: no luck"
    assert "do_the_unforeseen" in failed["scene3"].traceback
    assert by_key(told, Lost)["scene4"].reason == "out of memory"
    assert set(by_key(told, Started)) == {work.key for work in works}
    assert "scene0" in by_key(told, Advanced)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(), OutOfMemoryError("a.exr: cannot be written: out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)  # fmt: skip
def test_a_scene_without_memory_is_tried_again_alone_whichever_library_says_so(error):
    outcome = outcome_of("scene", error)
    assert isinstance(outcome, Lost)
    assert outcome.reason.endswith("out of memory")


def test_what_dies_with_its_worker_is_lost_and_the_next_worker_goes_on():
    with closing(LocalScheduler([toys.ready])) as scheduler:
        told = outcomes(scheduler, Toy(key="bad", does="dies"))
        assert "SIGKILL" in by_key(told, Lost)["bad"].reason
        assert by_key(told, Lost)["bad"].suspect
        assert set(by_key(outcomes(scheduler, Toy(key="good")), Finished)) == {"good"}


def test_what_hangs_fails_and_its_neighbours_are_innocent():
    with closing(LocalScheduler([toys.ready], timeout_s=3)) as scheduler:
        told = outcomes(scheduler, Toy(key="bad", does="hangs"), Toy(key="behind"))
        assert "3 s of merging" in by_key(told, Failed)["bad"].reason
        assert not by_key(told, Lost)["behind"].suspect
        assert set(by_key(outcomes(scheduler, Toy(key="behind")), Finished)) == {"behind"}


def test_stopping_lets_files_be_finished_and_forgets_the_rest(tmp_path):
    with closing(LocalScheduler([toys.ready])) as scheduler:
        for work in (Toy(key="written", does="slow to write", notes=tmp_path), Toy(key="hanging", does="hangs")):
            scheduler.submit(work)
        while not (tmp_path / "writing").exists():
            scheduler.collect()
        assert [event.key for event in scheduler.stop()] == ["written"]
        assert (tmp_path / "written").exists()
        assert scheduler.workers == []


def test_alone_means_in_the_only_worker():
    with closing(LocalScheduler([toys.ready, toys.ready])) as scheduler:
        outcomes(scheduler, Toy(key="a"), Toy(key="b"))
        assert len(scheduler.workers) == 2
        scheduler.submit(Toy(key="c"), alone=True)
        assert len(scheduler.workers) == 1
        assert set(by_key(outcomes(scheduler), Finished)) <= {"c"}


def test_options_that_no_worker_can_use_end_the_batch():
    with closing(LocalScheduler([toys.refuse])) as scheduler, pytest.raises(UsageError, match="--steps 0"):
        outcomes(scheduler, Toy(key="a"))


def test_workers_that_never_get_ready_end_the_batch():
    with (
        closing(LocalScheduler([toys.die_young])) as scheduler,
        pytest.raises(HdrfuseError, match="no worker can start"),
    ):
        outcomes(scheduler, Toy(key="a"))

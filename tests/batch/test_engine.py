"""The engine with another scheduler than the local one: what it submits, notes and does again."""

from collections import deque
from pathlib import Path

import pytest

from hdrfuse.batch.engine import BatchListener, Engine
from hdrfuse.batch.identity import FileIdentity
from hdrfuse.batch.journal import Origin, open_journal
from hdrfuse.batch.placement import PlannedScene
from hdrfuse.batch.scheduler import Failed, Finished, Lost, Started
from hdrfuse.batch.work import SceneWork, WrittenScene
from hdrfuse.brackets.discovered import FoundScene
from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import WriteError
from hdrfuse.formats import atomic
from hdrfuse.job import MergeJob
from hdrfuse.outputs import Outputs

from .toys import REPORT


class Elsewhere:
    """A scheduler of two slots whose works end as a script says, one a call."""

    slots = 2

    def __init__(self, script):
        self.script = {key: deque(ends) for key, ends in script.items()}
        self.waiting, self.seen, self.most, self.is_closed = deque(), [], 0, False

    def submit(self, work, *, alone=False):
        assert not (alone and self.waiting)
        self.waiting.append(work)
        self.seen.append((work.key, alone))
        self.most = max(self.most, len(self.waiting))

    def collect(self):
        work = self.waiting.popleft()
        started = Started(key=work.key, worker=0)
        ends = self.script.get(work.key)
        return [started, ends.popleft() if ends else Finished(key=work.key, result=result(work))]

    def stop(self):
        return [Finished(key=work.key, result=result(work)) for work in self.waiting][:1]

    def close(self):
        self.is_closed = True


def result(work):
    path = work.job.outputs.radiance
    path.write_bytes(b"picture")
    return WrittenScene(inputs=(), outputs={path: FileIdentity.of(path)}, report=REPORT)


def planned(out, name):
    scene = Scene(name=name, files=(Path(f"{name}-1.jpg"), Path(f"{name}-2.jpg")), folder=None)
    work = SceneWork(key=name, job=MergeJob(scene=scene, outputs=Outputs(radiance=out / f"{name}.exr")))
    found = FoundScene(scene=scene, folder=Path(), grouped_by="folder", evs=(0.0, 1.0))
    return PlannedScene(found=found, work=work, outputs=(f"{name}.exr",), origin=Origin(root="/shoot"))


def run(out, names, script=None, stop=lambda: False):
    scheduler = Elsewhere(script or {})
    with open_journal(out) as journal:
        engine = Engine(
            scheduler=scheduler, journal=journal, out=out, settings="s", listener=BatchListener(), stop=stop
        )  # fmt: skip
        ended = engine.run((scene, scene.work) for scene in [planned(out, name) for name in names])
        return scheduler, engine, ended, journal.past


def test_works_fill_the_slots_and_everything_is_noted(tmp_path):
    scheduler, engine, ended, past = run(tmp_path, "abcde", {"c": [Failed(key="c", reason="is empty")]})
    assert ended
    assert scheduler.most == scheduler.slots
    assert scheduler.is_closed
    assert set(past.done) == set("abde")
    assert past.begun == {}
    assert [(each.scene.key, each.reason) for each in engine.results if each.failed] == [("c", "is empty")]


def test_the_lost_are_done_again_alone_when_all_others_are_done(tmp_path):
    lost = Lost(key="a", reason="its worker was killed")
    scheduler, engine, _, past = run(tmp_path, "abc", {"a": [lost]})
    assert scheduler.seen == [("a", False), ("b", False), ("c", False), ("a", True)]
    assert set(past.done) == set("abc")
    assert engine.works["a"].job.outputs.overwrite


def test_the_lost_are_given_up_the_second_time(tmp_path):
    lost = Lost(key="a", reason="its worker was killed")
    scheduler, engine, ended, past = run(tmp_path, "abc", {"a": [lost, lost]})
    assert ended
    assert len(scheduler.seen) == 4
    (failed,) = (each for each in engine.results if each.failed)
    assert failed.reason == "its worker was killed, a second time with nothing beside it"
    assert set(past.done) == set("bc")


def test_the_innocent_are_done_again_as_often_as_it_takes(tmp_path):
    innocent = Lost(key="a", reason="its worker was needed elsewhere", suspect=False)
    scheduler, _, _, past = run(tmp_path, "ab", {"a": [innocent] * 3})
    assert scheduler.seen.count(("a", False)) == 4
    assert set(past.done) == set("ab")


def test_when_stopped_what_was_done_meanwhile_is_noted_and_the_rest_swept_up(tmp_path):
    asked = iter([False, True])
    half = atomic._temporary_name(tmp_path / "b.exr")
    half.write_bytes(b"half")
    scheduler, engine, ended, past = run(tmp_path, "abcd", stop=lambda: next(asked))
    assert not ended
    assert scheduler.is_closed
    assert set(past.done) == {each.scene.key for each in engine.results}
    assert 1 <= len(past.done) < 4
    assert past.begun or len(past.done) == 2
    assert half.exists() == (not past.begun)


def test_a_journal_that_cannot_be_written_ends_the_batch(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        run(tmp_path, "ab")

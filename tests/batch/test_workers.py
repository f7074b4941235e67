"""How many workers a machine takes."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from hdrfuse.batch import request as run
from hdrfuse.batch import workers as workers
from hdrfuse.batch.work import SceneWork
from hdrfuse.brackets.scene import Scene
from hdrfuse.deghosting.methods import find_method
from hdrfuse.errors import UsageError
from hdrfuse.job import MergeJob
from hdrfuse.options import MergeOptions
from hdrfuse.outputs import Outputs

CLASSICAL = find_method("classical")
BY_CLASSICAL = MergeOptions(method="classical")


@pytest.fixture
def scene(tmp_path):
    """Three frames of 24 megapixels, by their headers."""
    files = tuple(tmp_path / f"{index}.jpg" for index in range(3))
    for path in files:
        Image.new("L", (6000, 4000)).save(path)
    return Scene(name="scene", files=files, folder=None)


def test_a_worker_a_core_where_memory_allows(scene, monkeypatch):
    monkeypatch.setattr(workers, "usable_cores", lambda: 8)
    needed_mb = workers.worker_mb(CLASSICAL, [scene] * 40)
    assert 2000 < needed_mb < 5000
    for free_mb, count in ((None, 8), (1e6, 8), (needed_mb * 3.5 / workers.USABLE, 3), (100.0, 1)):
        monkeypatch.setattr(workers, "free_bytes", lambda free_mb=free_mb: free_mb and int(free_mb * 1e6))
        assert len(workers.plan_workers(BY_CLASSICAL, [scene])) == count
    assert [each.threads for each in workers.plan_workers(BY_CLASSICAL, [scene], workers=2)] == [4, 4]
    assert [each.gpu for each in workers.plan_workers(BY_CLASSICAL, [scene], workers=3)] == [None] * 3


def test_a_worker_a_gpu(scene, monkeypatch):
    monkeypatch.setattr(workers, "find_gpus", lambda options: [0, 1])
    assert [each.gpu for each in workers.plan_workers(MergeOptions(), [scene])] == [0, 1]
    assert [each.gpu for each in workers.plan_workers(MergeOptions(), [scene], workers=3)] == [0, 1, 0]


def test_a_frame_that_cannot_be_read_costs_no_batch(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"")
    assert workers.worker_mb(CLASSICAL, [Scene(name="a", files=(path, path), folder=None)]) > 0


def test_options_are_checked_before_a_worker_starts():
    with pytest.raises(UsageError, match="--steps"):
        workers.check_here(MergeOptions(method="classical", steps=0))
    with pytest.raises(UsageError, match="--device"):
        workers.check_here(MergeOptions(method="classical", device="tpu"))


def test_no_more_workers_are_prepared_than_there_are_scenes(scene, monkeypatch):
    asked = []
    monkeypatch.setattr(run, "plan_workers", lambda options, scenes, workers: asked.append(workers) or [None] * workers)
    works = [
        SceneWork(key=name, job=MergeJob(scene=scene, outputs=Outputs(radiance=Path(f"{name}.exr")))) for name in "ab"
    ]
    request = run.BatchRequest(root=Path("shoots"), out=Path("out"), workers=1000)
    with open(os.devnull) as nothing:  # noqa: PTH123
        _, count = run._locally(request)(works, SimpleNamespace(descriptor=nothing.fileno()))
    assert asked == [count] == [2]

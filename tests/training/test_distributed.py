"""Two processes under gloo, as torchrun starts them."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from daily import daily
from flat_brackets import FlatBrackets, tiny_config

from hdrfuse.errors import DeviceError
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.weights import read_tensors
from hdrfuse.training.distributed import World, joined_world, training_device
from hdrfuse.training.loop import Pace, train
from hdrfuse.training.losses import ReconstructionLoss
from hdrfuse.training.recipe import OBJECTIVES_NEED_STAGE_1, PRIOR_OF_OBJECTIVE, Recipe
from hdrfuse.training.task import Task
from hdrfuse.training.validation import validation_set

STEPS = 4


def flat_task(objective="stage1", *, batch, earlier=None):
    brackets = FlatBrackets()
    return Task(
        recipe=Recipe(
            objective=objective, preset="tiny", batch=batch, crop_px=32, steps=STEPS, learning_rate=2e-3,
            schedule="cosine", perceptual_weight=0.0,
        ),
        brackets=brackets,
        validation=validation_set(brackets, 1),
        reconstruction_loss=ReconstructionLoss(),
        earlier_run=earlier,
    )  # fmt: skip


def joining(rank, port):
    torch.set_num_threads(1)
    PRESETS["tiny"] = tiny_config()
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    return joined_world()


def every_stage(rank, port, folder):
    pace = Pace(log_every_steps=1, workers=0)
    with joining(rank, port) as world:
        tensors = [torch.full((2, 3), float(rank)), torch.tensor([10.0 * rank])]
        world.average(tensors)
        assert torch.equal(tensors[0], torch.full((2, 3), 0.5))
        assert torch.equal(tensors[1], torch.tensor([5.0]))
        assert world.sums([1.0, rank]) == [2.0, 1.0]
        assert world.leads == (rank == 0)
        for objective in PRIOR_OF_OBJECTIVE:
            earlier = folder / "stage1" if objective in OBJECTIVES_NEED_STAGE_1 else None
            task = flat_task(objective, batch=4, earlier=earlier)
            assert train(task, folder / objective, pace=pace, world=world).step == STEPS
        asked = train(
            replace(flat_task(batch=4)), folder / "asked", pace=pace, world=world, stop=lambda: world.rank == 1
        )
        assert (asked.interrupted, asked.step) == (True, 1)  # whichever process is asked, all end at one step
    (folder / f"threads-{rank}.txt").write_text("\n".join(thread_names()))


def thread_names() -> list[str]:
    """Names of this process's threads, where the system tells them (Linux)."""
    return sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    mp.spawn(every_stage, args=(port, folder), nprocs=2)
    return folder


def curve(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["reconstruction"] for line in lines if "reconstruction" in line]


def curve_alone(objective, two_processes, folder):
    """What one process does with the double of the others' share of a batch: 4 to their 2."""
    earlier = two_processes / "stage1" if objective in OBJECTIVES_NEED_STAGE_1 else None
    train(
        flat_task(objective, batch=4, earlier=earlier), folder, pace=Pace(log_every_steps=1, workers=0), world=World()
    )
    return curve(folder)


@pytest.mark.parametrize("objective", daily(1, ["stage1", "baseline", "direct"]))
def test_two_processes_follow_one_with_the_double_batch(two_processes, tmp_path, objective):
    assert curve(two_processes / objective) == pytest.approx(curve_alone(objective, two_processes, tmp_path), rel=1e-2)


def test_they_do_so_within_the_noise_that_a_diffusion_draws(two_processes, tmp_path):
    both, alone = curve(two_processes / "stage2"), curve_alone("stage2", two_processes, tmp_path)
    assert both[0] == pytest.approx(alone[0], rel=0.05)
    assert sum(both) == pytest.approx(sum(alone), rel=0.3)


def test_every_stage_leaves_a_whole_run(two_processes):
    for objective in PRIOR_OF_OBJECTIVE:
        tensors, metadata = read_tensors(two_processes / objective / "weights.safetensors")
        assert json.loads(metadata["training"])["progress"]["step"] == STEPS
        assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


def test_leaving_ends_every_thread_of_gloo(two_processes):
    """A thread that lets go of a tensor while Python exits aborts the process: now and then, on a busy machine."""
    for rank in range(2):
        assert "gloo" not in (two_processes / f"threads-{rank}.txt").read_text()


def test_a_process_alone_changes_nothing():
    tensors = [torch.ones(3)]
    World().average(tensors)
    assert torch.equal(tensors[0], torch.ones(3))
    assert World().sums([2.5]) == [2.5]
    module = torch.nn.Linear(1, 1)
    assert World().shared(module) is module


def test_processes_without_a_gpu_each_are_told_so(monkeypatch):
    assert training_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with pytest.raises(DeviceError, match="expected one for each"):
        training_device("cuda")

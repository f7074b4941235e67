"""Several processes that train one network: each its share of a batch, gradients averaged."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hdrfuse.errors import DeviceError
from hdrfuse.text import counted


@dataclass(frozen=True, kw_only=True)
class World:
    """Which process this is and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates, logs and writes."""
        return self.rank == 0

    def shared(self, module: nn.Module) -> nn.Module:
        """Return a module whose gradients are averaged over all processes as they come."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, gradient_as_bucket_view=True)

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return each value summed over all processes, the same in every one."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(shared)
        return shared.tolist()

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their mean over all processes, in one exchange."""
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            self.sums([0.0])


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the processes that torchrun started, or be alone; leave them at the end.

    Numbers on the CPU are exchanged by gloo, those on GPUs by NCCL. Leaving waits for the threads of gloo, as long as
    nothing keeps the group (torch 2.13): one that lets go of a tensor while Python exits ends the process by an abort.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    import_module("torch.distributed.nn.functional")  # its defaults keep the group that is there when it is imported
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield World(rank=dist.get_rank(), size=size)
    finally:
        dist.destroy_process_group()


def is_first_process() -> bool:
    """Whether no other of torchrun's processes speaks for this one."""
    return os.environ.get("RANK", "0") == "0"


def default_workers(device: torch.device) -> int:
    """Return how many processes shall make samples for each that trains: a GPU eats what several make."""
    if device.type == "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1))


def training_device(device: str) -> torch.device:
    """Return the device of this process for `auto`, `cpu`, `cuda` or `cuda:N`; under torchrun, each its own GPU.

    Raises DeviceError where the machine has fewer GPUs than processes.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return torch.device("cpu")
    local, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if device == "cuda" and local >= count:
        raise DeviceError(
            f"--device cuda: process {local} of this machine finds {counted(count, 'GPU')}; expected one for each"
        )
    found = torch.device("cuda", local) if device == "cuda" else torch.device(device)
    torch.cuda.set_device(found)
    return found

"""Workers: how many a machine takes, and what each of them gets of it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hdrfuse.brackets.scene import Scene
from hdrfuse.deghosting.methods import DeghostingMethod, find_method, register
from hdrfuse.errors import HdrfuseError
from hdrfuse.formats import read_header
from hdrfuse.free_memory import free_bytes
from hdrfuse.options import MergeOptions, check_device, check_options

PIXEL_BYTES, FRAME_PIXEL_BYTES = 60.0, 24.0
"""Memory that a merge takes for each pixel, and for each pixel of each frame: read-ahead and writing included."""

USABLE = 0.8
"""Share of the free memory that workers may take."""

SAMPLED_SCENES = 16
"""Scenes whose first frame's header is read to see how large the frames are."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a worker does once: take its share of the machine, check the options, load the network.

    It brings the method's row along: a fresh process knows of none that the program registered.
    """

    method: DeghostingMethod
    options: MergeOptions
    threads: int
    gpu: int | None = None

    def __call__(self) -> None:
        """Raise UsageError, DeviceError or WeightsError where no scene could be merged."""
        import cv2

        cv2.setNumThreads(self.threads)
        register(self.method)
        if self.method.uses_torch:
            import torch

            torch.set_num_threads(self.threads)
            if self.gpu is not None:
                torch.cuda.set_device(self.gpu)
        check_options(self.options)


def plan_workers(options: MergeOptions, scenes: Sequence[Scene], *, workers: int | None = None) -> list[Preparation]:
    """Return what each worker does first: a worker a GPU, or as many as cores and memory allow, or as many as asked."""
    method = find_method(options.method)
    gpus = find_gpus(options)
    cores = usable_cores()
    count = workers or (len(gpus) or workers_of_the_processor(method, scenes, cores))
    return [
        Preparation(
            method=method, options=options, threads=max(1, cores // count),
            gpu=gpus[index % len(gpus)] if gpus else None,
        )
        for index in range(count)
    ]  # fmt: skip


def check_here(options: MergeOptions) -> None:
    """Refuse options that make no sense, in this process, which shall take no memory of a GPU.

    Raises UsageError, DeviceError, WeightsError or ImageError, as `check_options` does.
    """
    check_device(options.device)
    if find_method(options.method).uses_torch and options.device != "cpu":
        precision = "auto" if options.precision == "fp16" else options.precision
        options = replace(options, device="cpu", precision=precision)
    check_options(options)


def find_gpus(options: MergeOptions) -> list[int]:
    """GPUs that workers share out among them; none where the processor does the work or the user chose one."""
    if not find_method(options.method).uses_torch or options.device not in ("auto", "cuda"):
        return []
    import torch

    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []


def workers_of_the_processor(method: DeghostingMethod, scenes: Sequence[Scene], cores: int) -> int:
    """One a core, but no more than have room in the memory that is free."""
    free = free_bytes()
    if free is None:
        return cores
    return max(1, min(cores, int(USABLE * free / 1e6 / worker_mb(method, scenes))))


def worker_mb(method: DeghostingMethod, scenes: Sequence[Scene]) -> float:
    """Memory that one worker may need, by the largest of a few frames."""
    step = max(1, len(scenes) // SAMPLED_SCENES)
    pixel_mb = 0.0
    for scene in scenes[::step]:
        with suppress(HdrfuseError):
            header = read_header(scene.files[0])
            each_bytes = PIXEL_BYTES + FRAME_PIXEL_BYTES * len(scene.files)
            pixel_mb = max(pixel_mb, header.width * header.height * each_bytes / 1e6)
    return method.worker_mb + pixel_mb


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

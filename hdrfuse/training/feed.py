"""Batches from a list of samples, made by other processes in an order that depends on the step alone."""

import signal
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hdrfuse.data.sample import Brackets, BracketSample
from hdrfuse.errors import HdrfuseError
from hdrfuse.stopping import SIGNALS, signals_ignored
from hdrfuse.training.objectives import Batch
from hdrfuse.training.packed_blocks import BlockBatch, BlockSample, PackedBlocks


class _Samples(Dataset[dict[str, torch.Tensor]]):
    def __init__(self, brackets: Brackets | PackedBlocks) -> None:
        self.brackets = brackets

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return tensors(self.brackets[index])


def tensors(sample: BracketSample | BlockSample) -> dict[str, torch.Tensor]:
    """What a sample has of a Batch, channels before rows, or of a BlockBatch."""
    if isinstance(sample, BlockSample):
        return {"blocks": torch.from_numpy(sample.blocks)}
    planes = {"ldr": sample.ldr, "radiance": sample.radiance}
    found = {name: torch.from_numpy(np.ascontiguousarray(np.moveaxis(plane, -1, -3))) for name, plane in planes.items()}
    return found | {"exposure": torch.from_numpy(sample.exposure)}


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    for number in SIGNALS:  # whoever ends the run by a signal to all its processes: the samples still come
        signal.signal(number, signal.SIG_IGN)


def batches(
    brackets: Brackets | PackedBlocks, *, first_step: int, batch: int, rank: int, ranks: int, workers: int
) -> Iterator[Batch | BlockBatch]:
    """Start to make samples; give this rank's share of every batch from a step on, endlessly.

    Step s of batch size B holds the samples s * B to s * B + B - 1, dealt out to the ranks in turn.
    Raises HdrfuseError, while it gives, if a process that makes samples dies.
    """
    indices = ([step * batch + k for k in range(rank, batch, ranks)] for step in range(first_step, 2**31 // batch))
    loader = DataLoader(
        _Samples(brackets),
        batch_sampler=indices,
        num_workers=workers,
        worker_init_fn=_one_thread if workers else None,
        multiprocessing_context="spawn" if workers else None,  # a fork of OpenCV's threads hangs
    )
    with signals_ignored():
        samples = iter(loader)
    return _given(samples)


def _given(samples: Iterator[dict[str, torch.Tensor]]) -> Iterator[Batch | BlockBatch]:
    while True:
        try:
            found = next(samples)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            reason = " ".join(str(error).split())[:160]
            raise HdrfuseError(f"a process that makes samples died, for lack of memory perhaps: {reason}") from error
        yield BlockBatch(**found) if "blocks" in found else Batch(**found)

"""Table 2: parameters, operations, seconds and memory of a frame, on this device."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.deghosting.triplet import Triplet
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, ResultsFolder
from hdrfuse.evaluation.published import TABLE_2
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.progress import Progress, peak_memory_mb

if TYPE_CHECKING:
    import torch

    from hdrfuse.lfdiff.config import LFDiffConfig

SIZE = (1500, 1000)
"""Width and height of Kalantari's frames, which the papers time."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One run."""

    seconds: float
    processor_s: float
    """Of all cores together: unlike the seconds it hardly grows on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one frame costs a method."""

    method: str
    parameters: int | None
    macs: float | None
    """Multiply-accumulates of one pass over the whole frame."""
    runs: tuple[Timed, ...]
    """Each after a first that does not count."""
    peak_memory_mb: float
    memory_of: str
    """GPU: what tensors took; process: the most that this process ever held."""
    measured: str
    """What was timed, in a few words."""


def measure_costs(
    methods: Sequence[Method], *, size: tuple[int, int] = SIZE, repetitions: int = 3,
    progress: Progress = lambda stage, share: None,
) -> list[Cost]:  # fmt: skip
    """Time each method on one procedural bracket in memory; folders of results cost nothing and are left out."""
    timed = [method for method in methods if not isinstance(method, ResultsFolder)]
    progress("making a bracket", 0.0)
    bracket = KnownBracket.of(procedural_bracket(0, motion="moving", size=size))
    costs = []
    for index, method in enumerate(timed):
        progress(f"timing {method.name}", index / len(timed))
        costs.append(_cost(method, bracket, repetitions))
    return costs


def _cost(method: Method, bracket: KnownBracket, repetitions: int) -> Cost:
    if not isinstance(method, HdrfuseMethod) or (network := method.network) is None:
        runs = time_runs(lambda: method.merge("", bracket), repetitions)
        return Cost(
            method=method.name, parameters=None, macs=None, runs=runs, peak_memory_mb=peak_memory_mb(),
            memory_of="process", measured="whole merge",
        )  # fmt: skip
    import torch

    from hdrfuse.deghosting.tiled import deghost

    options = method.options
    on_gpu = network.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(network.device)
    triplet = triplet_of(bracket)

    def run() -> None:
        if options.blend:
            method.merge("", bracket)
        else:
            deghost(triplet, network, tile_px=options.tile, seed=options.noise_seed)

    runs = time_runs(run, repetitions, network.device)
    height, width = bracket.truth.shape[:2]
    return Cost(
        method=method.name,
        parameters=parameters_of(network.metadata.config),
        macs=multiply_accumulates(network.metadata.config, height, width, options.steps),
        runs=runs,
        peak_memory_mb=round(torch.cuda.max_memory_allocated(network.device) / 1e6, 1) if on_gpu else peak_memory_mb(),
        memory_of="GPU" if on_gpu else "process",
        measured="whole merge" if options.blend else f"network, {network.precision}",
    )


def time_runs(run: Callable[[], object], repetitions: int, device: "torch.device | None" = None) -> tuple[Timed, ...]:
    """Time some runs after one that warms up; the device has finished before the clock is read."""

    def finished() -> tuple[float, float]:
        if device is not None and device.type == "cuda":
            import torch

            torch.cuda.synchronize(device)
        return time.perf_counter(), time.process_time()

    run()
    runs = []
    for _ in range(repetitions):
        started, processor_started = finished()
        run()
        ended, processor_ended = finished()
        runs.append(Timed(seconds=ended - started, processor_s=processor_ended - processor_started))
    return tuple(runs)


def triplet_of(bracket: KnownBracket) -> Triplet:
    """The network's frames under gamma 2.2, exposures as stated."""
    curve = KNOWN_CURVES["gamma"]()
    frames = [
        CalibratedFrame(
            pixels=frame, lookup=curve.lookup(frame.dtype), white=float(np.iinfo(frame.dtype).max),
            ev=ev - bracket.evs[bracket.reference], noise=NoiseModel(shot=1e-5, read=1e-7), exact=True,
        )
        for frame, ev in zip(bracket.frames, bracket.evs, strict=True)
    ]  # fmt: skip
    return Triplet.of(frames, bracket.reference)


def parameters_of(config: "LFDiffConfig") -> int:
    """How many numbers the network of a configuration learns."""
    import torch

    from hdrfuse.lfdiff.model import LFDiff

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in LFDiff(config).parameters())


def multiply_accumulates(config: "LFDiffConfig", height: int, width: int, steps: int) -> float:
    """Multiply-accumulates of the matrix products and convolutions of one pass over a whole frame; none is computed."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hdrfuse.lfdiff.model import LFDiff

    with torch.device("meta"), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        stride = config.prior_stride
        noise = torch.empty(1, config.prior_channels, -(-height // stride), -(-width // stride))
        LFDiff(config)(torch.empty(1, 3, 6, height, width), noise if config.prior == "diffusion" else None, steps)
    return counter.get_total_flops() / 2


def cost_table(costs: Sequence[Cost], *, size: tuple[int, int], device: str) -> Table:
    """Return table 2; published seconds are an A100's."""
    width, height = size
    columns = ("method", "parameters (M)", "GMACs", "seconds", "least", "most", "CPU s", "peak memory (MB)", "measured")
    published = [
        Row(cells=(name, "" if millions is None else f"{millions:.2f}", "", f"{seconds:.2f}", "", "", "", "", ""),
            kind="published")
        for name, (millions, seconds) in TABLE_2.items()
    ]  # fmt: skip
    ours = [
        Row(
            cells=(
                cost.method,
                "" if cost.parameters is None else f"{cost.parameters / 1e6:.2f}",
                "" if cost.macs is None else f"{cost.macs / 1e9:.1f}",
                *(f"{choose(run.seconds for run in cost.runs):.3f}" for choose in (median, min, max)),
                f"{median(run.processor_s for run in cost.runs):.2f}",
                f"{cost.peak_memory_mb:.0f} ({cost.memory_of})",
                cost.measured,
            )
        )
        for cost in costs
    ]
    runs = len(costs[0].runs) if costs else 0
    notes = (
        f"Ours: {width} x {height} pixels in memory on {device}; one run to warm up, then the median of {runs}, device "
        "synchronised. CPU s: of all cores together; a busy machine stretches the seconds. GMACs: one pass over the "
        "whole frame, convolutions and matrix products. Memory of the process: the most that it held until then.",
        "Published: 1500 x 1000 pixels on an NVIDIA A100 (CPU where it says so), which compares with no other device.",
    )
    return Table(
        number=2,
        title=f"Table 2: cost of a frame of {width} x {height}",
        columns=columns,
        rows=(*published, *ours),
        notes=notes,
    )

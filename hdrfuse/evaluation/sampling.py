"""Table 4: how many sampling steps the diffusion needs, and what they cost."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from hdrfuse.deghosting.methods import PAPERS_FORM
from hdrfuse.errors import UsageError
from hdrfuse.evaluation.cost import time_runs
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, make_method
from hdrfuse.evaluation.published import METRICS, TABLE_4
from hdrfuse.evaluation.results import EvaluatedScene
from hdrfuse.evaluation.summary import failed_note, format_value, summaries
from hdrfuse.evaluation.table import Row, Table
from hdrfuse.options import MergeOptions

STEPS = tuple(TABLE_4)

COLUMNS = ("PSNR-mu", "PSNR-L", "SSIM-mu", "SSIM-L")


def sampling_methods(weights: Sequence[str | Path], merging: MergeOptions) -> list[Method]:
    """Return the first network with a diffusion at each number of steps.

    Raises WeightsError for what is no weights file, UsageError where none has a diffusion.
    """
    from hdrfuse.lfdiff.weights import find_weights, load_weights  # imports torch

    paths = [find_weights(each) for each in weights or (None,)]
    configs = {path: load_weights(path)[1].config for path in paths}
    with_diffusion = next((path for path in paths if configs[path].prior == "diffusion"), None)
    if with_diffusion is None:
        given = ", ".join(f"{path} (prior: {config.prior})" for path, config in configs.items())
        raise UsageError(f"--table 4: weights with a diffusion were expected (prior: diffusion); found {given}")
    steps = [count for count in STEPS if count <= configs[with_diffusion].diffusion_steps]
    return [
        make_method(PAPERS_FORM, replace(merging, steps=count), weights=with_diffusion, label=f"S = {count}")
        for count in steps
    ]


def diffusion_seconds(method: Method, *, size: tuple[int, int], repetitions: int) -> float:
    """Median seconds of the sampling chain alone, for the prior of a whole frame (width, height)."""
    import torch

    from hdrfuse.lfdiff.diffusion import ddim_sample

    assert isinstance(method, HdrfuseMethod)
    options, network = method.options, method.network
    assert network is not None
    model, device = network.model, network.device
    multiple, stride = model.config.multiple_of, model.config.prior_stride
    width, height = (-(-side // multiple) * multiple // stride for side in size)
    noise = torch.randn(1, model.config.prior_channels, height, width, generator=torch.Generator().manual_seed(0))
    start, condition = noise.to(device), torch.zeros_like(noise, device=device)

    def run() -> None:
        with torch.inference_mode(), torch.autocast(device.type, network.dtype, enabled=network.dtype != torch.float32):
            ddim_sample(model.denoiser, start, condition, model.schedule, options.steps)

    return median(timed.seconds for timed in time_runs(run, repetitions, device))


def sampling_table(
    dataset: str, methods: Sequence[Method], seconds: Sequence[float], scenes: Sequence[EvaluatedScene], *, device: str,
    size: tuple[int, int],
) -> Table:  # fmt: skip
    """Return table 4 of the scenes' scores and of each method's seconds of diffusion."""
    metrics = [metric for metric in METRICS if metric.name in COLUMNS]
    published = [
        Row(cells=(f"S = {steps}", *(format_value(value, m) for value, m in zip(values, metrics, strict=True)),
                   f"{time_s:.3f}", ""), kind="published")
        for steps, (*values, time_s) in TABLE_4.items()
    ]  # fmt: skip
    overall = {each.method: each for each in summaries(scenes)}  # the last group holds all scenes
    ours, notes = [], []
    for method, time_s in zip(methods, seconds, strict=True):
        summary = overall[method.name]
        figures = (format_value(summary.means[metric.name].value, metric) for metric in metrics)
        ours.append(Row(cells=(summary.method, *figures, f"{time_s:.3f}", summary.counted)))
        notes += [note] if (note := failed_note(summary)) else []
    notes.append(
        f"Seconds: the diffusion alone for a frame of {size[0]} x {size[1]}, ours on {device}, the published on an "
        f"A100. Published rows: Kalantari's test set; ours: {dataset}."
    )
    columns = ("sampling steps", *COLUMNS, "diffusion (s)", "scenes")
    return Table(
        number=4,
        title=f"Table 4: sampling steps, {dataset}",
        columns=columns,
        rows=(*published, *ours),
        notes=tuple(notes),
    )

"""`hdrfuse train`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.console import console_of
from hdrfuse.errors import StoppedError
from hdrfuse.seeds import MOST_SEED

if TYPE_CHECKING:
    from hdrfuse.training.session import Outcome

Stage = Literal["1", "2", "block-means"]
Row = Literal["baseline", "stage1", "split", "direct", "stage2"]
Preset = Literal["fast", "paper"]
Dataset = Literal["synthetic", "kalantari", "hu", "tel", "challenge123"]
Schedule = Literal["step", "cosine", "trapezoid"]
Numbers = Literal["fp32", "bf16"]

DATA, RECIPE, MACHINE = "Data", "Recipe (default: the preset's)", "Machine"

OutOption = Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run.", show_default=False)]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --out; it remembers every option but its pace.")
]
StageOption = Annotated[
    Stage | None,
    typer.Option(help="1: the true prior; 2: its diffusion; block-means: a prior for weights without one.",
                 show_default=False),
]  # fmt: skip
Table3Option = Annotated[
    Row | None, typer.Option(help="Another row of the paper's table 3 than the two stages.", show_default=False)
]
PresetOption = Annotated[Preset | None, typer.Option(help="Size of the network and recipe.", show_default="fast")]
Stage1Option = Annotated[
    Path | None,
    typer.Option("--stage1", metavar="RUN", help="Folder of the stage-1 run that stage 2 follows.", show_default=False),
]
StartOption = Annotated[
    Path | None,
    typer.Option("--start-from", metavar="FILE", help="Weights to start from, those of another run for instance.",
                 show_default="chance"),
]  # fmt: skip
VggOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="VGG19's first convolutions, .safetensors, for the perceptual term of the loss.",
                 show_default=False),
]  # fmt: skip

DatasetOption = Annotated[
    Dataset | None,
    typer.Option(help="synthetic makes brackets from HDR images; the others are public sets in their own layout.",
                 show_default="synthetic", rich_help_panel=DATA),
]  # fmt: skip
DataOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Folder of HDR images (may be repeated), or of the public set.",
                 show_default=False, rich_help_panel=DATA),
]  # fmt: skip
MoversOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Synthetic: cut-outs (.png with alpha) and photos that move in front.",
                 show_default=False, rich_help_panel=DATA),
]  # fmt: skip
CacheOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Decoded images; runs on the same data may share it.",
                 show_default="cache in RUN", rich_help_panel=DATA),
]  # fmt: skip
ValidationOption = Annotated[
    int | None,
    typer.Option(min=0, max=10_000, metavar="N", help="Held-back brackets that validation scores.", show_default="20",
                 rich_help_panel=DATA),
]  # fmt: skip


def recipe_option(flag: str, help_text: str, **more: Any) -> Any:  # noqa: ANN401
    """Return an option that changes one number of the recipe."""
    return typer.Option(flag, help=help_text, show_default=False, rich_help_panel=RECIPE, **more)


StepsOption = Annotated[int | None, recipe_option("--steps", "Steps of the whole run.", min=1, max=10**9)]
BatchOption = Annotated[
    int | None, recipe_option("--batch", "Samples a step, of all processes together.", min=1, max=65_536)
]
CropOption = Annotated[int | None, recipe_option("--crop", "Side of a sample in pixels.", min=1, max=4096)]
CameraShareOption = Annotated[
    float | None,
    recipe_option("--camera-share", "Share of samples as cameras' JPEG files leave them, after calibration.",
                  min=0, max=1, callback=o.finite),
]  # fmt: skip
RateOption = Annotated[float | None, recipe_option("--learning-rate", "At its highest.", callback=o.finite)]
ScheduleOption = Annotated[
    Schedule | None, recipe_option("--schedule", "How the learning rate falls; step: x0.1 a sixth.")
]
WarmUpOption = Annotated[
    int | None, recipe_option("--warm-up", "Steps until the full learning rate.", min=0, max=10**9)
]
SeedOption = Annotated[int | None, recipe_option("--seed", "Of weights, samples and noise.", min=0, max=MOST_SEED)]
PrecisionOption = Annotated[Numbers | None, recipe_option("--precision", "bf16 where the machine computes in it.")]

MaxMinutesOption = Annotated[
    float | None,
    typer.Option(min=0, callback=o.finite, metavar="M",
                 help="End after so many minutes of training, with a checkpoint.",
                 show_default="when all steps are done", rich_help_panel=MACHINE),
]  # fmt: skip
SaveOption = Annotated[
    float,
    typer.Option(
        min=0, callback=o.finite, metavar="M", help="Minutes from checkpoint to checkpoint.", rich_help_panel=MACHINE
    ),
]
ValidateOption = Annotated[
    float,
    typer.Option(
        min=0, callback=o.finite, metavar="M", help="Minutes from validation to validation.", rich_help_panel=MACHINE
    ),
]
LogOption = Annotated[
    int, typer.Option(min=1, max=10**9, help="Steps from log line to log line.", rich_help_panel=MACHINE)
]
DeviceOption = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where it trains.", rich_help_panel=MACHINE)
]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=0, max=1024, help="Processes that make samples, for each that trains.",
                 show_default="1; on a GPU up to 8", rich_help_panel=MACHINE),
]  # fmt: skip


def train(
    context: typer.Context,
    out: OutOption,
    stage: StageOption = None,
    table3: Table3Option = None,
    preset: PresetOption = None,
    stage1: Stage1Option = None,
    start: StartOption = None,
    vgg: VggOption = None,
    resume: ResumeOption = False,
    dataset: DatasetOption = None,
    data: DataOption = None,
    movers: MoversOption = None,
    cache: CacheOption = None,
    validation: ValidationOption = None,
    steps: StepsOption = None,
    batch: BatchOption = None,
    crop: CropOption = None,
    camera_share: CameraShareOption = None,
    learning_rate: RateOption = None,
    schedule: ScheduleOption = None,
    warm_up: WarmUpOption = None,
    seed: SeedOption = None,
    precision: PrecisionOption = None,
    max_minutes: MaxMinutesOption = None,
    save_every: SaveOption = 5.0,
    validate_every: ValidateOption = 10.0,
    log_every: LogOption = 50,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Train the network on brackets made from HDR images, or on a public set; `torchrun -m hdrfuse` on many GPUs.

    Example: hdrfuse train --stage 1 --data hdr-images --out runs/stage1
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.cli.train_progress import train_progress
    from hdrfuse.options import check_device
    from hdrfuse.training.distributed import is_first_process
    from hdrfuse.training.loop import Pace
    from hdrfuse.training.request import TrainingRequest
    from hdrfuse.training.session import run_session

    console.quiet |= not is_first_process()
    check_device(device)
    request = TrainingRequest(
        stage=stage, table3=table3, preset=preset, dataset=dataset, data=tuple(data or ()), movers=tuple(movers or ()),
        cache=cache, stage1=stage1, start=start, vgg=vgg, validation_brackets=validation,
        recipe={
            "steps": steps, "batch": batch, "crop_px": crop, "camera_share": camera_share,
            "learning_rate": learning_rate, "schedule": schedule, "warm_up_steps": warm_up, "seed": seed,
            "precision": precision,
        },
    )  # fmt: skip
    pace = Pace(
        max_minutes=math.inf if max_minutes is None else max_minutes, save_every_minutes=save_every,
        validate_every_minutes=validate_every, log_every_steps=log_every,
        workers=workers,
    )  # fmt: skip
    with train_progress(console) as listener:
        outcome = run_session(request, out, pace=pace, device=device, resume=resume, listener=listener)
    if not outcome.leads:
        return
    step, steps_planned = outcome.session.step, outcome.plan.recipe.steps
    if outcome.session.interrupted:
        raise StoppedError(f"interrupted at step {step} of {steps_planned}; {out} holds a checkpoint, --resume goes on")
    console.json(report(outcome, out)) if json else console.result(summary(outcome, out))


def report(outcome: "Outcome", out: Path) -> dict[str, Any]:
    """What `--json` prints."""
    from dataclasses import asdict

    from hdrfuse.training.journal import CHECKPOINT, LOG, WEIGHTS

    session = outcome.session
    return {
        "weights": str(out / WEIGHTS), "checkpoint": str(out / CHECKPOINT), "log": str(out / LOG),
        "step": session.step, "steps": outcome.plan.recipe.steps, "minutes": round(session.minutes, 3),
        "psnr_mu": session.psnr_mu, "skipped": outcome.skipped, "recipe": asdict(outcome.plan.recipe),
    }  # fmt: skip


def summary(outcome: "Outcome", out: Path) -> str:
    """The weights and how they came about, in a line."""
    facts = report(outcome, out)
    parts = [f"step {facts['step']} of {facts['steps']}", f"{facts['minutes']:.1f} min"]
    if facts["psnr_mu"] is not None:
        parts.append(f"validation PSNR-mu {facts['psnr_mu']:.2f} dB")
    if facts["skipped"]:
        parts.append(f"{facts['skipped']} damaged left out")
    if facts["step"] < facts["steps"]:
        parts.append("--resume goes on")
    return f"{facts['weights']}  {', '.join(parts)}"

"""`hdrfuse train`."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.command import Command
from hdrfuse.cli.console import console_of
from hdrfuse.cli.training_options import Pacing, RecipeChanges
from hdrfuse.errors import StoppedError

if TYPE_CHECKING:
    from hdrfuse.training.session import Outcome

Stage = Literal["1", "2", "block-means"]
Row = Literal["baseline", "stage1", "split", "direct", "stage2"]
Preset = Literal["fast", "paper"]
Dataset = Literal["synthetic", "kalantari", "hu", "tel", "challenge123"]

DATA = "Data"

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
    typer.Option(metavar="DIR", help="Folder of HDR images and clips (.mp4; may be repeated), or of the public set.",
                 show_default=False, rich_help_panel=DATA),
]  # fmt: skip
MoversOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Synthetic: cut-outs (.png with alpha) and photos that move in front; clips.",
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


@Command
def train(
    context: typer.Context,
    *,
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
    recipe: RecipeChanges,
    pacing: Pacing,
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
    check_device(pacing.device)
    request = TrainingRequest(
        stage=stage, table3=table3, preset=preset, dataset=dataset, data=tuple(data or ()), movers=tuple(movers or ()),
        cache=cache, stage1=stage1, start=start, vgg=vgg, validation_brackets=validation,
        recipe=asdict(recipe),
    )  # fmt: skip
    pace = Pace(
        max_minutes=math.inf if pacing.max_minutes is None else pacing.max_minutes,
        save_every_minutes=pacing.save_every, validate_every_minutes=pacing.validate_every,
        log_every_steps=pacing.log_every, workers=pacing.workers,
    )  # fmt: skip
    with train_progress(console) as listener:
        outcome = run_session(request, out, pace=pace, device=pacing.device, resume=resume, listener=listener)
    if not outcome.leads:
        return
    step, steps_planned = outcome.session.step, outcome.plan.recipe.steps
    if outcome.session.interrupted:
        raise StoppedError(f"interrupted at step {step} of {steps_planned}; {out} holds a checkpoint, --resume goes on")
    console.json(report(outcome, out)) if json else console.result(summary(outcome, out))


def report(outcome: "Outcome", out: Path) -> dict[str, Any]:
    """What `--json` prints."""
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

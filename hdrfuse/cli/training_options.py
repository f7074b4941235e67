"""Options of a training run's recipe and pace."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from hdrfuse.cli.options import finite
from hdrfuse.command_option import CommandOption
from hdrfuse.seeds import MOST_SEED

RECIPE, MACHINE = "Recipe (default: the preset's)", "Machine"

Schedule = Literal["step", "cosine", "trapezoid"]
Numbers = Literal["fp32", "bf16"]


def change(text: str, flag: str, **more: Any) -> CommandOption:  # noqa: ANN401
    """Return an option that changes one field of the recipe."""
    return CommandOption(text, panel=RECIPE, flags=(flag,), show_default=False, **more)


@dataclass(frozen=True, kw_only=True)
class RecipeChanges:
    """Fields of the recipe that are not to be the preset's; None leaves them."""

    steps: Annotated[int | None, change("Steps of the whole run.", "--steps", least=1, most=10**9)] = None
    batch: Annotated[
        int | None, change("Samples a step, of all processes together.", "--batch", least=1, most=65_536)
    ] = None
    crop_px: Annotated[int | None, change("Side of a sample in pixels.", "--crop", least=1, most=4096)] = None
    packed_samples: Annotated[
        int | None,
        change(
            "block-means: samples whose reconstruction is packed once, to be learned from again and again.",
            "--packed-samples",
            least=0,
            most=10**6,
        ),
    ] = None
    camera_share: Annotated[
        float | None,
        change(
            "Share of samples as cameras' JPEG files leave them, after calibration.",
            "--camera-share",
            least=0,
            most=1,
            check=finite,
        ),
    ] = None
    collage_share: Annotated[
        float | None,
        change(
            "Share of samples as whole collages: cut-outs that move in front of an image.",
            "--collage-share",
            least=0,
            most=1,
            check=finite,
        ),
    ] = None
    learning_rate: Annotated[float | None, change("At its highest.", "--learning-rate", check=finite)] = None
    schedule: Annotated[Schedule | None, change("How the learning rate falls; step: x0.1 a sixth.", "--schedule")] = (
        None
    )
    warm_up_steps: Annotated[
        int | None, change("Steps until the full learning rate.", "--warm-up", least=0, most=10**9)
    ] = None
    seed: Annotated[int | None, change("Of weights, samples and noise.", "--seed", least=0, most=MOST_SEED)] = None
    precision: Annotated[Numbers | None, change("bf16 where the machine computes in it.", "--precision")] = None


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How long and where a run trains, and how often it logs, validates and saves."""

    max_minutes: Annotated[
        float | None,
        CommandOption(
            "End after so many minutes of training, with a checkpoint.",
            panel=MACHINE,
            metavar="M",
            show_default="when all steps are done",
            least=0,
            check=finite,
        ),
    ] = None
    save_every: Annotated[
        float,
        CommandOption("Minutes from checkpoint to checkpoint.", panel=MACHINE, metavar="M", least=0, check=finite),
    ] = 5.0
    validate_every: Annotated[
        float,
        CommandOption("Minutes from validation to validation.", panel=MACHINE, metavar="M", least=0, check=finite),
    ] = 10.0
    log_every: Annotated[int, CommandOption("Steps from log line to log line.", panel=MACHINE, least=1, most=10**9)] = (
        50
    )
    device: Annotated[str, CommandOption("Where it trains.", panel=MACHINE, metavar="auto|cpu|cuda[:N]")] = "auto"
    workers: Annotated[
        int | None,
        CommandOption(
            "Processes that make samples, for each that trains.",
            panel=MACHINE,
            show_default="1; on a GPU up to 8",
            least=0,
            most=1024,
        ),
    ] = None

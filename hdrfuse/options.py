"""The options of a merge, and which of them make sense.

A field that is annotated with a CommandOption is an option of every command that takes its dataclass.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, TypedDict, get_args

from hdrfuse import defaults
from hdrfuse.command_option import INPUT, NETWORK, OUTPUT, CommandOption
from hdrfuse.errors import DeviceError, UsageError

METHODS: tuple[str, ...] = get_args(defaults.Method)
RESPONSES = ("auto", "srgb", "gamma", "linear", "debevec")
Precision = Literal["auto", "fp32", "bf16", "fp16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
Tonemap = Literal["mu-law", "reinhard", "drago", "mantiuk"]

SMALLEST_TILE_PX, LARGEST_TILE_PX = 64, 4096
"""The shipped network takes 570 bytes a pixel of a tile of 1024 on a CPU: 10 GB for the largest."""

MOST_STEPS = 1000

NETWORK_OPTIONS = {
    "weights": "--weights", "blend": "--no-blend", "precision": "--precision", "tile": "--tile", "steps": "--steps"
}  # fmt: skip
"""Fields of MergeOptions that only the network reads, and their names on the command line."""


def tile_px(text: str) -> int | None:
    """Side of the tiles in pixels, None for auto. Raises UsageError where it is no number."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--tile {text}: auto or a number of pixels was expected") from None


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """How to merge; the defaults are the command line's."""

    method: str = defaults.METHOD
    align: Annotated[bool, CommandOption("Undo the camera's motion.", panel=INPUT)] = True
    response: Annotated[
        str | Path,
        CommandOption(
            "The frames' response curve: calibrated from the bracket, a known one, or a saved one.",
            panel=INPUT,
            metavar="|".join((*RESPONSES, "FILE")),
            kind=str,
        ),
    ] = "auto"
    """One of RESPONSES, or a saved curve's file."""
    gains: bool = True
    """Correct the stated exposures by up to a sixth of a stop; with the response `auto` that is always done."""
    hold_white: bool = True
    """What the reference clips is at least its white; off, the network's own output is scored as it is."""
    blend: Annotated[
        bool,
        CommandOption(
            "Blend the noise-optimal radiance back in where the network agrees, or show the network alone.",
            panel=NETWORK,
        ),
    ] = True
    weights: Annotated[
        str | Path | None,
        CommandOption("Weights file, or a shipped name.", panel=NETWORK, metavar="FILE|NAME", kind=str | None),
    ] = None
    """A file or the name of shipped weights; None = the default ones."""
    device: Annotated[str, CommandOption("Where the network runs.", panel=NETWORK, metavar="auto|cpu|cuda[:N]")] = (
        "auto"
    )
    """auto, cpu, cuda or cuda:N."""
    precision: Annotated[str, CommandOption("The network's numbers.", panel=NETWORK, kind=Precision)] = "auto"
    """One of PRECISIONS."""
    tile: Annotated[
        int | None,
        CommandOption(
            "Side of the tiles that the network sees.",
            panel=NETWORK,
            metavar="auto|PIXELS",
            kind=str,
            spelled="auto",
            read=tile_px,
        ),
    ] = None
    """In pixels; None = the size that the weights were made for."""
    steps: Annotated[int, CommandOption("Sampling steps of the diffusion.", panel=NETWORK)] = 10
    seed: Annotated[int, CommandOption("Equal seeds give equal pictures.", panel=NETWORK)] = 0


@dataclass(frozen=True, kw_only=True)
class DisplayOptions:
    """What of a result is made for the screen."""

    preview: Annotated[bool, CommandOption("Write a JPEG to look at beside the result.", panel=OUTPUT)] = True
    tonemap: Annotated[str, CommandOption("How the preview is made.", panel=OUTPUT, kind=Tonemap)] = "reinhard"
    """A key of TONEMAPPERS."""


class MergeKeywords(TypedDict, total=False):
    """The fields of MergeOptions as keywords of a call."""

    method: str
    align: bool
    response: str | Path
    gains: bool
    hold_white: bool
    weights: str | Path | None
    blend: bool
    device: str
    precision: str
    tile: int | None
    steps: int
    seed: int


def available_methods() -> tuple[str, ...]:
    """Methods that run as hdrfuse is installed, without a weights file of one's own."""
    from hdrfuse.lfdiff.weights import DEFAULT_WEIGHTS, shipped_weights  # imports torch

    return tuple(name for name in METHODS if name != "lfdiff" or DEFAULT_WEIGHTS in shipped_weights())


def check_options(options: MergeOptions) -> None:
    """Refuse options that make no sense before anything is read.

    Raises UsageError, ImageError for what is no saved response curve, DeviceError for a GPU or a precision that is
    not there, WeightsError for weights that are not there or damaged.
    """
    if options.method not in METHODS:
        raise UsageError(f"--method {options.method}: one of {', '.join(METHODS)} was expected")
    if options.precision not in PRECISIONS:
        raise UsageError(f"--precision {options.precision}: one of {', '.join(PRECISIONS)} was expected")
    if options.tile is not None and not SMALLEST_TILE_PX <= options.tile <= LARGEST_TILE_PX:
        expected = f"auto or {SMALLEST_TILE_PX} to {LARGEST_TILE_PX} pixels"
        raise UsageError(f"--tile {options.tile}: {expected} were expected")
    if not 1 <= options.steps <= MOST_STEPS:
        raise UsageError(f"--steps {options.steps}: 1 to {MOST_STEPS} were expected")
    if not 0 <= options.seed <= defaults.MOST_SEED:
        raise UsageError(f"--seed {options.seed}: 0 to {defaults.MOST_SEED} was expected")
    if str(options.response) not in RESPONSES:
        from hdrfuse.imaging.calibration.response import load_response  # imports numpy

        load_response(Path(options.response))
    check_device(options.device)
    if options.method == "lfdiff":
        _check_network(options)
    else:
        _check_no_network(options)


def check_device(device: str) -> None:
    """Raise UsageError for what names no device, DeviceError for a GPU that is not there."""
    if device in ("auto", "cpu"):
        return
    if re.fullmatch(r"cuda(:\d{1,4})?", device) is None:
        raise UsageError(f"--device {device}: auto, cpu, cuda or cuda:N was expected")
    import torch  # takes a second, and only this question needs it

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(device.partition(":")[2] or 0)
    if index >= count:
        raise DeviceError(f"--device {device}: {count} GPUs were found; auto and cpu work without one")


def _check_network(options: MergeOptions) -> None:
    from hdrfuse.lfdiff.inference import Network  # imports torch
    from hdrfuse.lfdiff.weights import find_weights

    weights = find_weights(options.weights)
    Network.load(weights, device=options.device, precision=options.precision, steps=options.steps)


def _check_no_network(options: MergeOptions) -> None:
    defaults = {field.name: field.default for field in fields(options)}
    changed = [name for field, name in NETWORK_OPTIONS.items() if getattr(options, field) != defaults[field]]
    if options.device.startswith("cuda"):
        changed.append(f"--device {options.device}")
    if changed:
        raise UsageError(f"{', '.join(changed)}: for the network only; --method {options.method} does without")

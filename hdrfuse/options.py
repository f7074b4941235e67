"""The options of a merge, and which of them make sense.

A field that is annotated with a CommandOption is an option of every command that takes its dataclass.
"""

import re
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Annotated, Literal, TypedDict, get_args, get_type_hints

from hdrfuse.command_option import INPUT, OUTPUT, CommandOption
from hdrfuse.deghosting.deghoster import LARGEST_TILE_PX, MOST_STEPS, PRECISIONS, SMALLEST_TILE_PX, MethodOptions
from hdrfuse.deghosting.methods import DEFAULT_METHOD, find_method
from hdrfuse.errors import DeviceError, UsageError
from hdrfuse.seeds import MOST_SEED
from hdrfuse.text import counted

RESPONSES = ("auto", "srgb", "gamma", "linear", "debevec")
Tonemap = Literal["mu-law", "reinhard", "drago", "mantiuk"]


@dataclass(frozen=True, kw_only=True)
class MergeOptions(MethodOptions):
    """How to merge; the defaults are the command line's."""

    method: str = DEFAULT_METHOD
    align: Annotated[bool, CommandOption("Undo the camera's motion.", panel=INPUT)] = True
    response: Annotated[
        str | Path,
        CommandOption(
            "The frames' response curve: calibrated from the bracket, a known one (gamma is 2.2), or a saved one.",
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
    prior: bool
    device: str
    precision: str
    tile: int | None
    steps: int
    seed: int
    sample: int | None


def check_options(options: MergeOptions) -> None:
    """Refuse options that make no sense before anything is read.

    Raises UsageError, ImageError for what is no saved response curve, DeviceError for a GPU or a precision that is
    not there, WeightsError for weights that are not there or damaged.
    """
    check_kinds(options)
    method = find_method(options.method)
    if options.precision not in PRECISIONS:
        raise UsageError(f"--precision {options.precision}: one of {', '.join(PRECISIONS)} was expected")
    if options.tile is not None and not SMALLEST_TILE_PX <= options.tile <= LARGEST_TILE_PX:
        expected = f"auto or {SMALLEST_TILE_PX} to {LARGEST_TILE_PX} pixels"
        raise UsageError(f"--tile {options.tile}: {expected} were expected")
    if not 1 <= options.steps <= MOST_STEPS:
        raise UsageError(f"--steps {options.steps}: 1 to {MOST_STEPS} were expected")
    for name, seed in (("--seed", options.seed), ("--sample", options.sample or 0)):
        if not 0 <= seed <= MOST_SEED:
            raise UsageError(f"{name} {seed}: 0 to {MOST_SEED} was expected")
    if options.sample is not None and (options.seed or not options.prior):
        other = f"--seed {options.seed}" if options.seed else "--no-prior"
        raise UsageError(f"--sample {options.sample}: draws from the prior, by its own seed; {other} was given too")
    if str(options.response) not in RESPONSES:
        from hdrfuse.imaging.calibration.response import load_response  # imports numpy

        path = Path(options.response)
        if path.is_dir():
            known = ", ".join(RESPONSES)
            raise UsageError(f"--response {path}: is a folder; one of {known} or a saved curve's file was expected")
        load_response(path)
    check_device(options.device)
    method.check(options)


def check_kinds(options: MergeOptions) -> None:
    """Raise UsageError for a value of another type than its field's: Python takes "no" for a switch that is on."""
    for name, hint in get_type_hints(MergeOptions).items():
        value, kinds = getattr(options, name), get_args(hint) or (hint,)
        kind = int if isinstance(value, Integral) and not isinstance(value, bool) else type(value)
        if not any(issubclass(kind, each) for each in kinds) or (kind is bool and bool not in kinds):
            expected = " or ".join(KINDS[each] for each in kinds)
            raise UsageError(f"{name}={repr(value)[:60]}: {expected} was expected")


KINDS = {bool: "True or False", int: "a whole number", str: "text", Path: "a path", type(None): "None"}
"""Types of the fields of MergeOptions, in words."""


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
        raise DeviceError(f"--device {device}: {counted(count, 'GPU')} found; auto and cpu work without one")

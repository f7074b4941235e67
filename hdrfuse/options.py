"""The options of a merge, and which of them make sense."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypedDict, get_args

from hdrfuse import defaults
from hdrfuse.errors import DeviceError, UsageError
from hdrfuse.imaging.calibration.response import KNOWN_CURVES, load_response

METHODS: tuple[str, ...] = get_args(defaults.Method)
RESPONSES = ("auto", *KNOWN_CURVES, "debevec")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

SMALLEST_TILE_PX, LARGEST_TILE_PX = 64, 4096
"""The shipped network takes 570 bytes a pixel of a tile of 1024 on a CPU: 10 GB for the largest."""

MOST_STEPS = 1000

NETWORK_OPTIONS = {
    "weights": "--weights", "blend": "--no-blend", "precision": "--precision", "tile": "--tile", "steps": "--steps"
}  # fmt: skip
"""Fields of MergeOptions that only the network reads, and their names on the command line."""


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """How to merge; the defaults are the command line's."""

    method: str = defaults.METHOD
    align: bool = True
    response: str | Path = "auto"
    """One of RESPONSES, or a saved curve's file."""
    gains: bool = True
    """Correct the stated exposures by up to a sixth of a stop; with the response `auto` that is always done."""
    hold_white: bool = True
    """What the reference clips is at least its white; off, the network's own output is scored as it is."""
    weights: str | Path | None = None
    """A file or the name of shipped weights; None = the default ones."""
    blend: bool = True
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: str = "auto"
    tile: int | None = None
    """Side of the network's tiles in pixels; None = the size that the weights were made for."""
    steps: int = 10
    seed: int = 0


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

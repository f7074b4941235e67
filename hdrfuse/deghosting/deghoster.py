"""What every deghosting method is given, asked for and held to, whatever runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, get_args

from hdrfuse.command_option import NETWORK, CommandOption
from hdrfuse.errors import UsageError

if TYPE_CHECKING:
    from hdrfuse.imaging.merging.consistency import Tolerance
    from hdrfuse.imaging.merging.detection import GhostDetection
    from hdrfuse.imaging.radiometry import CalibratedFrame, Plane
    from hdrfuse.merge_report import NetworkReport
    from hdrfuse.progress import Clock


Precision = Literal["auto", "fp32", "bf16", "fp16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)

SMALLEST_TILE_PX, LARGEST_TILE_PX = 64, 4096
"""The shipped network takes 570 bytes a pixel of a tile of 1024 on a CPU: 10 GB for the largest."""

MOST_STEPS = 1000


def tile_px(text: str) -> int | None:
    """Side of the tiles in pixels, None for auto. Raises UsageError where it is no number."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--tile {text}: auto or a number of pixels was expected") from None


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """What a method may be asked; which of it, its row in the registry says."""

    blend: Annotated[
        bool,
        CommandOption(
            "Blend the frames' merged radiance back in where the network agrees, or show the network alone.",
            panel=NETWORK,
        ),
    ] = True
    prior: Annotated[
        bool,
        CommandOption(
            "Let the weights' low-frequency prior correct hidden light, or leave that to the reconstruction alone.",
            panel=NETWORK,
        ),
    ] = True
    """Of weights that have one; off, those that cannot reconstruct without it are refused."""
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
    sample: Annotated[
        int | None,
        CommandOption(
            "Draw one of the pictures that hidden light may be, by this seed, in the place of their mean.",
            panel=NETWORK,
            metavar="SEED",
            show_default="the mean",
        ),
    ] = None
    """Of weights whose prior is a diffusion; None = the mean of all."""

    @property
    def noise_seed(self) -> int:
        """Seed of the noise that a diffusion starts from."""
        return self.seed if self.sample is None else self.sample


@dataclass(frozen=True, kw_only=True, eq=False)
class RegisteredBracket:
    """A bracket that is calibrated, registered and searched for ghosts."""

    frames: "Sequence[CalibratedFrame]"
    """Darkest first."""
    names: Sequence[str]
    """Of the frames, as a report has them."""
    reference: int
    """Index of the frame whose motion the result shows."""
    detection: "GhostDetection"
    tolerance: "Sequence[Tolerance]"
    """What each frame may differ by without anything having moved."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DeghostedRadiance:
    """What a method made of a bracket."""

    radiance: "Plane"
    """(H, W, 3) float32, 1.0 = the reference's white, no negatives; the pipeline may change it in place."""
    warnings: Sequence[str] = ()
    network: "NetworkReport | None" = None


class Deghoster(Protocol):
    """What runs a method. A class that names this one as its base has the defaults below; it is made without arguments.

    It keeps nothing between merges: whatever is loaded once is kept by whoever loads it.
    """

    def is_ready(self) -> bool:
        """Whether the method runs as it is installed, without a weights file of the user's own."""
        return True

    def check(self, options: MethodOptions) -> None:
        """Refuse what is known to fail. Raises UsageError, WeightsError or DeviceError."""

    def identity(self, options: MethodOptions) -> dict[str, str]:
        """What shapes the result beside the options, which may name files that change: a digest of the weights."""
        return {}

    def caption(self, options: MethodOptions) -> str:
        """What the caption of a table of scores says of it: weights, precision, seed."""
        return "no network"

    def load(self, options: MethodOptions) -> Any:  # noqa: ANN401 - whatever `merge` takes
        """Load what takes long, beside the search for ghosts; `merge` is given it."""
        return None

    def merge(
        self, bracket: RegisteredBracket, options: MethodOptions, loaded: Any, clock: "Clock"  # noqa: ANN401
    ) -> DeghostedRadiance:  # fmt: skip
        """Make the radiance, in stages of the clock, the last of which ends at 1.0. Raises MemoryError."""
        raise NotImplementedError

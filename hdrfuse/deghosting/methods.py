"""The deghosting methods: one row each. Merge, batch, bench and eval offer whatever stands here.

A package adds a method by an entry point of the group `hdrfuse.methods`, which names its row:

    [project.entry-points."hdrfuse.methods"]
    median = "hdrfuse_median.row:MEDIAN"

    # hdrfuse_median/row.py, which every start of hdrfuse imports: no numpy, no torch
    MEDIAN = DeghostingMethod(name="median", help="the median of all frames", run_by="hdrfuse_median.run:Median")

    # hdrfuse_median/run.py, imported when the method is asked for
    class Median(Deghoster):
        def merge(self, bracket, options, loaded, clock):
            with clock.stage("median", 1.0):
                radiances = [frame.exposure() / np.float32(frame.gain) for frame in bracket.frames]
                return DeghostedRadiance(radiance=np.median(radiances, axis=0))

`register` does the same for a row of the running program; the workers of a batch are told of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from hdrfuse.deghosting.deghoster import Deghoster, MethodOptions
from hdrfuse.errors import BracketError, UsageError

ENTRY_POINTS = "hdrfuse.methods"

ALONE = ":network"
"""Added to a method's name: the network's own output, without the merge of the frames."""

BASELINES = ("opencv-debevec", "reference")
"""Names of what an evaluation scores beside the methods; a merge has no use for them."""

NAME = r"[a-z0-9][a-z0-9._-]*"
"""What a method may be called: it becomes the name of files."""

ON_THE_COMMAND_LINE = {
    "weights": "--weights", "blend": "--no-blend", "prior": "--no-prior", "sample": "--sample",
    "precision": "--precision", "tile": "--tile", "steps": "--steps",
}  # fmt: skip
"""Fields of MethodOptions that a method may do without, and what asks for them."""


@dataclass(frozen=True, kw_only=True)
class DeghostingMethod:
    """A row: what is known of a method before anything is loaded. Plain, as it goes to worker processes."""

    name: str
    """As `--method` takes it."""
    help: str
    """What it does, in a line."""
    run_by: str
    """`module:class` of its Deghoster."""
    options: tuple[str, ...] = ()
    """Those of ON_THE_COMMAND_LINE that may be asked of it; with `blend`, its network's own output is scored too."""
    uses_torch: bool = False
    """Whether it computes by torch where `--device` says: a worker of a batch then has a GPU to itself."""
    worker_mb: float = 250.0
    """Memory of a worker process without pixels."""
    preparation: float = 0.65
    """Share of a merge's time that is over, as progress shows it, when the frames are registered and searched."""
    least_frames: int = 2
    most_frames: int | None = None
    """How many frames of a bracket it takes; None = any number."""
    formerly: Mapping[str, str] = field(default_factory=dict)
    """Names that an evaluation once had for its forms, with those that they have now."""

    def __post_init__(self) -> None:
        """Raise UsageError for a name that could mean something else."""
        if re.fullmatch(NAME, self.name) is None or self.name in BASELINES:
            taken = " or ".join(BASELINES)
            raise UsageError(f"method {self.name!r}: a name of a-z, 0-9, . _ and - was expected, and not {taken}")
        if unknown := set(self.options) - set(ON_THE_COMMAND_LINE):
            raise UsageError(f"method {self.name}: no option of a method: {', '.join(sorted(unknown))}")

    @property
    def has_own_output(self) -> bool:
        """Whether there is a network whose output can be had without the merge."""
        return "blend" in self.options

    @property
    def scored_as(self) -> tuple[str, ...]:
        """Names of its forms in an evaluation."""
        return (self.name, self.name + ALONE) if self.has_own_output else (self.name,)

    def deghoster(self) -> Deghoster:
        """Import what runs it. Raises UsageError where that fails."""
        module, _, name = self.run_by.partition(":")
        try:
            found: Deghoster = getattr(import_module(module), name)()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"--method {self.name}: {self.run_by} cannot be loaded: {error}") from error
        return found

    def check(self, options: MethodOptions) -> None:
        """Refuse what may not be asked of it, or is known to fail. Raises UsageError, WeightsError or DeviceError."""
        usual = MethodOptions()
        refused = [
            name
            for asked, name in ON_THE_COMMAND_LINE.items()
            if asked not in self.options and getattr(options, asked) != getattr(usual, asked)
        ]
        if options.device.startswith("cuda") and not self.uses_torch:
            refused.append(f"--device {options.device}")
        if refused:
            raise UsageError(f"{', '.join(refused)}: for the network only; --method {self.name} does without")
        self.deghoster().check(options)

    def check_frames(self, count: int) -> None:
        """Raise BracketError for a bracket of fewer or more frames than it takes."""
        if count < self.least_frames:
            raise BracketError(f"--method {self.name}: takes {self.least_frames} frames at least; found {count}")
        if self.most_frames is not None and count > self.most_frames:
            raise BracketError(f"--method {self.name}: takes {self.most_frames} frames at most; found {count}")


LFDIFF = DeghostingMethod(
    name="lfdiff",
    help="a neural network and the classical merge, each where it is better",
    run_by="hdrfuse.deghosting.lfdiff_method:LFDiffMethod",
    options=("weights", "blend", "prior", "sample", "precision", "tile", "steps"),
    uses_torch=True,
    worker_mb=600.0,
    preparation=0.21,
    formerly={"lfdiff": "lfdiff:network", "lfdiff-blend": "lfdiff"},
)

CLASSICAL = DeghostingMethod(
    name="classical",
    help="the classical merge alone, without a network",
    run_by="hdrfuse.deghosting.classical:Classical",
)

DEFAULT_METHOD = LFDIFF.name

PAPERS_FORM = LFDIFF.name + ALONE
"""What an evaluation scores unless told otherwise: papers report the network's own output."""

METHODS: dict[str, DeghostingMethod] = {row.name: row for row in (LFDIFF, CLASSICAL)}
"""Ask `known_methods` for them: it knows those of other packages too."""

UNLOADABLE: dict[str, str] = {}
"""Methods of other packages that cannot be had, and why."""


def register(row: DeghostingMethod) -> None:
    """Offer a method in this process. Raises UsageError where another has its name."""
    if known_methods().get(row.name, row) != row:
        raise UsageError(f"method {row.name}: another one of this name is registered")
    UNLOADABLE.pop(row.name, None)
    METHODS[row.name] = row


def unregister(name: str) -> None:
    """Take a method out again."""
    del METHODS[name]


def known_methods() -> Mapping[str, DeghostingMethod]:
    """Every method, by name: those of hdrfuse first."""
    _add_those_of_other_packages()
    return METHODS


def find_method(name: str) -> DeghostingMethod:
    """The method of a name. Raises UsageError, which lists what there is."""
    known = known_methods()
    if name in UNLOADABLE:
        raise UsageError(f"--method {name}: cannot be loaded: {UNLOADABLE[name]}")
    if name not in known:
        raise UsageError(f"--method {name}: one of {', '.join(known)} was expected")
    return known[name]


def scored_names() -> tuple[str, ...]:
    """Names of all that an evaluation can score without files made elsewhere."""
    return (*(name for row in known_methods().values() for name in row.scored_as), *BASELINES)


def ready_methods() -> tuple[DeghostingMethod, ...]:
    """Those that run as hdrfuse is installed, without a weights file of one's own."""
    return tuple(row for row in known_methods().values() if row.deghoster().is_ready())


@cache
def _add_those_of_other_packages() -> None:
    """Import the rows that installed packages name; one that fails costs nothing but itself."""
    from importlib.metadata import entry_points  # takes a while, and `hdrfuse --help` does without

    for entry in entry_points(group=ENTRY_POINTS):
        try:
            row = entry.load()
            if not isinstance(row, DeghostingMethod) or row.name != entry.name:
                raise TypeError(f"{entry.value} is no DeghostingMethod of this name")  # noqa: TRY301 - one way out
            METHODS.setdefault(row.name, row)
        except Exception as error:
            UNLOADABLE[entry.name] = f"{type(error).__name__}: {error}"

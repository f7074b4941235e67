"""A session from request to weights: alone or as one of torchrun's processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrfuse.errors import OutputError, WeightsError
from hdrfuse.stopping import stop_requests
from hdrfuse.training.distributed import World, joined_world, training_device
from hdrfuse.training.journal import WEIGHTS
from hdrfuse.training.loop import Pace, Tick, TrainingSession, open_run, train
from hdrfuse.training.plan import Plan, load_plan
from hdrfuse.training.recipe import RECIPES
from hdrfuse.training.request import TrainingRequest
from hdrfuse.training.task import Task, planned_task

CACHE = "cache"


class TrainingListener:
    """Told how a session goes; this one keeps it to itself."""

    def decode(self, name: str) -> None:
        """An image is decoded."""

    def warn(self, message: str) -> None:
        """Something is not as the user may expect."""

    def begin(self, plan: Plan, pace: Pace) -> None:
        """Training begins."""

    def line(self, entry: dict[str, Any]) -> None:
        """A line was added to the log."""

    def step(self, tick: Tick) -> None:
        """A step was taken."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a session came to."""

    plan: Plan
    session: TrainingSession
    skipped: int
    """Damaged images or scenes that were left out."""
    leads: bool
    """Whether this process is the one that tells."""


def run_session(
    request: TrainingRequest, folder: Path, *, pace: Pace, device: str, resume: bool, listener: TrainingListener
) -> Outcome:
    """Train what is asked for, in a folder of its own; with `resume`, go on with what lies there.

    A run goes on with its own plan; what the request says otherwise is changed, with a warning. Ctrl-C, SIGTERM
    and SIGHUP end it after the step that is under way, with a checkpoint.
    Raises whatever TrainingRequest.plan, planned_task and train raise, DeviceError and WriteError.
    """
    with joined_world() as world:
        if not world.leads:
            listener = TrainingListener()
        chosen = training_device(device)
        earlier = load_plan(folder) if resume else None
        plan = request.plan(earlier)
        for difference in () if earlier is None else earlier.differences(plan):
            listener.warn(f"the run goes on with another plan: {difference}")
        if plan.vgg is None and RECIPES[plan.recipe.preset](plan.recipe.objective).perceptual_weight:
            listener.warn("the loss has no perceptual term: --vgg FILE adds it")
        check_files(plan)
        open_run(folder, resume=resume)
        task = task_in_turn(plan, folder, world, listener)
        for message in (*task.warnings, *(f"left out: {reason}" for reason in task.skipped)):
            listener.warn(message)
        if world.leads:
            plan.save(folder)
        listener.begin(plan, pace)
        with stop_requests() as stop:
            session = train(
                task, folder, pace=pace, world=world, resume=resume, device=chosen,
                report=listener.line, watch=listener.step, stop=stop,
            )  # fmt: skip
        return Outcome(plan=plan, session=session, skipped=len(task.skipped), leads=world.leads)


def check_files(plan: Plan) -> None:
    """Raise WeightsError for a stage-1 run or a VGG19 file that is missing, before minutes go into decoding."""
    if plan.stage1 is not None and not (Path(plan.stage1) / WEIGHTS).is_file():
        raise WeightsError(f"{plan.stage1}: no {WEIGHTS} in it; expected the folder of a stage-1 run")
    if plan.start is not None and not Path(plan.start).is_file():
        raise WeightsError(f"{plan.start}: no such file; expected weights to start from")
    if plan.vgg is not None and not Path(plan.vgg).is_file():
        raise WeightsError(f"{plan.vgg}: no such file; expected VGG19's first convolutions")


def task_in_turn(plan: Plan, folder: Path, world: World, listener: TrainingListener) -> Task:
    """Return the task; the first process decodes images, the others find them decoded."""
    cache = folder / CACHE if plan.cache is None else Path(plan.cache)
    if cache.is_file():
        raise OutputError(f"{cache}: is a file; expected a folder for decoded images")
    if not world.leads:
        world.wait()
    task = planned_task(plan, cache, report=listener.decode)
    if world.leads:
        world.wait()
    return task

"""`hdrfuse merge`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.command import Command
from hdrfuse.cli.console import Console, console_of
from hdrfuse.deghosting.methods import DEFAULT_METHOD
from hdrfuse.formats.writers import Storage, default_writer
from hdrfuse.options import DisplayOptions, MergeOptions
from hdrfuse.text import in_columns

if TYPE_CHECKING:
    from hdrfuse.job import MergeJob
    from hdrfuse.merge_plan import MergePlan
    from hdrfuse.merge_report import MergeReport

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Read the frames, show what would be merged into what, and write nothing.")
]


@Command
def merge(
    context: typer.Context,
    scene: o.SceneArgument,
    *,
    out: o.OutOption = None,
    method: o.MethodOption = DEFAULT_METHOD,
    exposures: o.ExposuresOption = None,
    reference: o.ReferenceOption = "auto",
    options: MergeOptions,
    display: DisplayOptions,
    ghost_map: o.GhostMapOption = None,
    save_response: o.SaveResponseOption = None,
    storage: Storage,
    overwrite: o.OverwriteOption = False,
    dry_run: DryRunOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Merge one bracket into an HDR image.

    Example: hdrfuse merge shots/beach --out beach.exr
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.brackets.exposure import parse_exposures  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.brackets.scene import find_scene
    from hdrfuse.formats.names import fitting
    from hdrfuse.job import MergeJob
    from hdrfuse.outputs import Outputs

    found = find_scene(scene)
    radiance = out or found.beside(default_writer().suffixes[0])
    job = MergeJob(
        scene=found,
        exposures=None if exposures is None else parse_exposures(exposures),
        reference=reference,
        options=replace(options, method=method),
        outputs=Outputs(
            radiance=radiance,
            preview=radiance.with_name(fitting(radiance.stem, ".preview.jpg")) if display.preview else None,
            ghost_map=ghost_map,
            response=save_response,
            tonemap=display.tonemap,
            storage=storage,
            overwrite=overwrite,
        ),
    )
    job.check()
    if dry_run:
        show_plan(console, job, json=json)
        return
    with console.progress() as progress:
        report = job.run(progress, placed=console.finish)
    console.detail(*details(report))
    for warning in report.warnings:
        console.warn(warning)
    if json:
        console.json(report.as_json())
    else:
        console.result(*summary(report))


def show_plan(console: Console, job: "MergeJob", *, json: bool) -> None:
    """Read the frames and print what would be merged into what."""
    with console.progress() as progress:
        plan = job.rehearse(progress)
    for warning in plan.bracket.warnings:
        console.warn(warning)
    if json:
        console.json(plan.as_json())
    else:
        console.result(*plan_lines(plan))


def plan_lines(plan: "MergePlan") -> list[str]:
    """What would be made, a line a file, then the frames, darkest first, with EVs beyond the reference's."""
    width, height = plan.size_px
    bracket = plan.bracket
    reference = bracket.frames[bracket.reference]
    rows = [
        (frame.name, f"{ev:+.2f} EV", frame.ev_source, "reference" if frame is reference else "")
        for frame, ev in zip(bracket.frames, bracket.relative_evs, strict=True)
    ]
    radiance, *others = map(str, plan.outputs.values())
    return [
        f"{radiance}  {width} x {height}, {len(rows)} frames, by {plan.method}; nothing is written", *others,
        *in_columns(rows),
    ]  # fmt: skip


def summary(report: "MergeReport") -> list[str]:
    """What was made, in a line, and the other files, each in one below it."""
    width, height = report.size_px
    evs = " ".join(f"{frame.ev - report.reference_frame.ev:+.1f}" for frame in report.frames)
    radiance, *others = map(str, report.outputs.values())
    facts = (
        f"{width} x {height}, {len(report.frames)} frames ({evs} EV), {report.ghost_fraction:.1%} moved, "
        f"{report.seconds['total']:.1f} s"
    )
    return [f"{radiance}  {facts}", *others]


def details(report: "MergeReport") -> list[str]:
    """What `-v` shows: each frame's exposure and motion, the response, the seconds of each stage."""
    lines = [
        f"{frame.name}: {frame.ev:+.2f} EV ({frame.ev_source}), gain {frame.gain_ev:+.2f} EV, "
        f"shift {frame.shift_px or 0.0:.1f} px ({frame.registration or 'not aligned'}), "
        f"{frame.ghost_fraction:.1%} moved"
        for frame in report.frames
    ]
    lines.append(f"reference: {report.reference_frame.name}")
    lines.append(f"response: {report.response.curve}, residual {report.response.residual_ev} EV")
    if network := report.network:
        tiles = f"{network.tiles} of {network.tiles + network.settled_tiles} tiles of {network.tile_px} px"
        lines.append(
            f"network: {network.weights}, {tiles}, {network.precision} on {network.device}, "
            f"saw {', '.join(network.frames)}"
        )
    lines.append("seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items()))
    return lines

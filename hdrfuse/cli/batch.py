"""`hdrfuse batch`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.command import Command
from hdrfuse.cli.console import Console, console_of
from hdrfuse.cli.preset import OF_ONE_RUN, apply_preset
from hdrfuse.command_option import INPUT, OUTPUT, CommandOption
from hdrfuse.deghosting.methods import DEFAULT_METHOD
from hdrfuse.errors import PartialBatchError
from hdrfuse.formats.writers import WRITERS, Storage, default_writer
from hdrfuse.options import DisplayOptions, MergeOptions
from hdrfuse.text import counted

if TYPE_CHECKING:
    from hdrfuse.batch.request import BatchRequest
    from hdrfuse.batch.summary import Account

RUN = "Run"

DEFAULT_FORMATS = [default_writer().name]

RootArgument = Annotated[
    Path, typer.Argument(metavar="ROOT", help="The folder below which brackets are looked for.", show_default=False)
]
OutFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="Where results go, ROOT's folders mirrored; default: ROOT/hdr.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
PresetOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml", help="Options from a file, `tonemap = \"drago\"`; those given here go before them.",
        callback=apply_preset, is_eager=True, rich_help_panel=RUN,
    ),
]  # fmt: skip
GroupOption = Annotated[
    str,
    typer.Option(
        metavar="auto|folder|N", rich_help_panel=INPUT,
        help="What makes a scene: exposures and camera, a folder, or so many frames in turn.",
    ),
]  # fmt: skip
NameOption = Annotated[
    str,
    typer.Option(
        metavar="PATTERN", rich_help_panel=OUTPUT,
        help="Names of results, from {scene}, {first}, {last} (files) and {date} or {date:%Y%m%d}.",
    ),
]  # fmt: skip
FormatOption = Annotated[
    list[str],
    CommandOption(
        "Format; several with commas or repeated.", panel=OUTPUT, metavar=lambda: "|".join(WRITERS), flags=("--format",)
    ),
]
GhostMapsOption = Annotated[
    bool, typer.Option("--ghost-maps", help="Write <scene>.ghost.png for every scene.", rich_help_panel=OUTPUT)
]
ReportOption = Annotated[
    bool, typer.Option("--report/--no-report", help="Write report.html to look through.", rich_help_panel=OUTPUT)
]
RedoOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Merge everything again and replace whatever is there.", rich_help_panel=OUTPUT),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        metavar="N", show_default=False, rich_help_panel=RUN,
        help="Processes; default: one a GPU, or as many as cores and memory allow.",
    ),
]  # fmt: skip
TimeoutOption = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", callback=o.finite, help="Give a scene up that takes longer.", show_default=False,
                 rich_help_panel=RUN),
]  # fmt: skip
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be merged into what, and write nothing.", rich_help_panel=RUN)
]


@Command
def batch(
    context: typer.Context,
    root: RootArgument,
    *,
    out: OutFolderOption = None,
    preset: PresetOption = None,
    group: GroupOption = "auto",
    dry_run: DryRunOption = False,
    method: o.MethodOption = DEFAULT_METHOD,
    exposures: o.ExposuresOption = None,
    reference: o.ReferenceOption = "auto",
    options: MergeOptions,
    name: NameOption = "{scene}",
    format_: FormatOption = DEFAULT_FORMATS,
    display: DisplayOptions,
    ghost_maps: GhostMapsOption = False,
    report: ReportOption = True,
    storage: Storage,
    overwrite: RedoOption = False,
    workers: WorkersOption = None,
    timeout: TimeoutOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Merge every bracket below a folder; a second run does what is new, changed or failed.

    Example: hdrfuse batch shoots --out shoots-hdr
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.batch.patterns import NamePattern
    from hdrfuse.batch.request import OUT, BatchRequest, run_batch
    from hdrfuse.batch.settings import BatchSettings
    from hdrfuse.brackets.discovered import parse_grouping  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.brackets.exposure import parse_exposures
    from hdrfuse.cli.batch_progress import batch_progress

    request = BatchRequest(
        root=root,
        out=root / OUT if out is None else out,
        settings=BatchSettings(
            options=replace(options, method=method),
            exposures=None if exposures is None else parse_exposures(exposures), reference=reference,
            name=NamePattern(name), formats=tuple(word for words in format_ for word in words.split(",")),
            ghost_maps=ghost_maps, display=display, storage=storage,
        ),
        group=parse_grouping(group), workers=workers, timeout_s=timeout, overwrite=overwrite, page=report,
        shown=changed_options(context),
    )  # fmt: skip
    if dry_run:
        show_plan(console, request, json=json)
        return
    with batch_progress(console) as listener:
        account = run_batch(request, listener)
    if json:
        console.json(account.as_json())
    else:
        console.result(summary(account))
    report_failures(console, account)


def changed_options(context: typer.Context) -> dict[str, str]:
    """Options that are not the defaults, as a page shows them."""
    changed = {}
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.param_type_name == "option" and parameter.name not in OF_ONE_RUN | {"out"}:
            shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            if value not in (parameter.default, None) and value != DEFAULT_FORMATS:
                changed[max(parameter.opts, key=len)] = shown
    return changed


def show_plan(console: Console, request: "BatchRequest", *, json: bool) -> None:
    """Print what would be merged into what. Raises PartialBatchError where some scenes cannot be."""
    from hdrfuse.batch.listing import plan_of, table_lines
    from hdrfuse.batch.request import rehearse

    plan = rehearse(request)
    for warning in plan.warnings:
        console.warn(warning)
    if json:
        outputs = {scene.found: [request.out / name for name in scene.outputs] for scene in plan.scenes}
        problems = {scene.found: plan.problems.get(scene.key) for scene in plan.scenes}
        console.json(plan_of(plan.discovery, outputs, problems))
    else:
        pictures = {scene.found: [request.out / scene.outputs[0]] for scene in plan.scenes}
        console.result(*table_lines(plan.discovery, pictures))
    for name, reason in plan.problems.items():
        console.error(f"{name}: {reason}")
    if plan.problems:
        raise PartialBatchError(f"{len(plan.problems)} of {counted(len(plan.scenes), 'scene')} cannot be merged")


def summary(account: "Account") -> str:
    """What was done, in a line, and the files that tell more."""
    failed = f", {len(account.failures)} failed" if account.failures else ""
    kept = f", {account.kept} done before" if account.kept else ""
    left_over = f", {counted(account.left_over, 'file')} in no bracket" if account.left_over else ""
    return f"{account.out}  {account.merged} merged{kept}{failed}{left_over}, {account.seconds:.1f} s"


def report_failures(console: Console, account: "Account") -> None:
    """List what failed and why. Raises PartialBatchError where anything did."""
    for result in account.results:
        if result.traceback is not None:
            console.detail(*result.traceback.split("\n"))
    if not account.failures:
        return
    for name, reason in account.failures:
        console.error(f"{name}: {reason}")
    scenes, done = len(account.results), account.merged + account.kept
    raise PartialBatchError(
        f"{len(account.failures)} failed, {done} of {counted(scenes, 'scene is', 'scenes are')} done"
    )

"""`hdrfuse eval`."""

import shutil
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hdrfuse.cli import options as o
from hdrfuse.cli.command import Command, Without
from hdrfuse.cli.console import Console, console_of
from hdrfuse.cli.made_scenes import PANEL, MadeScenes, SeedsOption, parse_size
from hdrfuse.cli.method_option import complete_scored, help_scored
from hdrfuse.command_option import CommandOption
from hdrfuse.deghosting.methods import PAPERS_FORM
from hdrfuse.errors import ExitCode, UsageError
from hdrfuse.options import MergeOptions

if TYPE_CHECKING:
    from hdrfuse.evaluation.request import EvaluationRequest
    from hdrfuse.evaluation.results import Evaluation
    from hdrfuse.evaluation.scenes import SyntheticSet

Dataset = Literal["kalantari", "hu", "tel", "challenge123", "synthetic"]
VdpPreset = Literal["safnet", "deephdrvideo", "sctnet", "calibrated"]


class MotionName(StrEnum):
    """What moves: nothing, the scene, the camera, both. A choice that may be repeated has to be an enumeration."""

    STATIC = "static"
    MOVING = "moving"
    HANDHELD = "handheld"
    HANDHELD_MOVING = "handheld-moving"


class SplitName(StrEnum):
    """Which HDR images a synthetic set is made from."""

    TEST = "test"
    RESERVED = "reserved"


class PriorName(StrEnum):
    """Where the prior comes from: the frames, the truth, its mean, another scene's truth, nowhere."""

    OWN = "own"
    TRUTH = "truth"
    CONSTANT = "constant"
    FOREIGN = "foreign"
    NULL = "null"


DEFAULT_MOTIONS = (MotionName.STATIC, MotionName.MOVING)

DATA, RULES, OUTPUT = "Data", "Rules", "Output"

DatasetOption = Annotated[Dataset | None, typer.Option(help="What is evaluated.", rich_help_panel=DATA)]
DataOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The set in its published layout; synthetic: a folder of HDR images.",
                 rich_help_panel=DATA),
]  # fmt: skip
MethodsOption = Annotated[
    list[str] | None,
    CommandOption(
        help_scored, flags=("--method",), metavar="NAME|DIR", show_default=PAPERS_FORM, panel=DATA,
        complete=complete_scored,
    ),
]  # fmt: skip
TablesOption = Annotated[
    list[int] | None,
    typer.Option(
        "--table", min=1, max=4, show_default="1", rich_help_panel=DATA,
        help="1: quality beside the papers'; 2: parameters and seconds; 3: what the prior is worth; "
        "4: sampling steps. Several times for several.",
    ),
]  # fmt: skip
WeightsOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE|NAME", help="Weights; several times for several (--table 3: one a row).",
                 show_default=False, rich_help_panel=DATA),
]  # fmt: skip
PriorOption = Annotated[
    list[PriorName] | None,
    typer.Option("--prior", show_default=False, rich_help_panel=DATA,
                 help="Table 3 inside hidden light, with the prior predicted from the frames (own), of the truth, its "
                 "mean everywhere (constant), another scene's (foreign), none (null). Several times for several."),
]  # fmt: skip
EvaluationVggOption = Annotated[
    Path | None,
    typer.Option("--vgg", metavar="FILE", show_default=False, rich_help_panel=DATA,
                 help="With --prior: VGG19's first convolutions, for a perceptual distance inside hidden light."),
]  # fmt: skip
ClipOption = Annotated[
    bool, typer.Option("--clip/--no-clip", help="Clip results to [0, 1] before they are scored.", rich_help_panel=RULES)
]
VdpPresetOption = Annotated[VdpPreset, typer.Option(help="Viewing conditions of HDR-VDP-2.", rich_help_panel=RULES)]
AlignOption = Annotated[
    bool, typer.Option("--align/--no-align", help="Undo the camera's motion first.", rich_help_panel=RULES)
]
ResponseOption = Annotated[
    str,
    typer.Option(
        metavar="gamma|auto|srgb|linear|debevec|FILE", rich_help_panel=RULES,
        help="The frames' curve: gamma 2.2 with exposures as stated, or what merge would take.",
    ),
]  # fmt: skip
MotionOption = Annotated[
    list[MotionName] | None,
    typer.Option("--motion", show_default="static, moving", rich_help_panel=PANEL,
                 help="What moves; several times for several."),
]  # fmt: skip
SplitOption = Annotated[
    list[SplitName] | None,
    typer.Option("--split", show_default="test", rich_help_panel=PANEL,
                 help="HDR images of the test split or of the one reserved for a last word; both: several times."),
]  # fmt: skip
CacheOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where decoded images are kept.", show_default="OUT/cache",
                 rich_help_panel=PANEL),
]  # fmt: skip
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", show_default="eval-DATASET", rich_help_panel=OUTPUT,
                 help="Scores, tables, pictures, page; a second run measures only what is not in there yet."),
]  # fmt: skip
PicturesOption = Annotated[
    bool, typer.Option("--pictures/--no-pictures", help="Crops, error maps and the page.", rich_help_panel=OUTPUT)
]
KeepOption = Annotated[
    bool, typer.Option("--keep-results", help="Keep every merged picture as .exr.", rich_help_panel=OUTPUT)
]
PasteOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.md", show_default=False, rich_help_panel=OUTPUT,
                 help="Also: put the tables between a document's markers."),
]  # fmt: skip
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Measure everything anew.", rich_help_panel=OUTPUT)]
RepeatOption = Annotated[
    int, typer.Option(min=1, max=1000, help="Tables 2 and 4: runs that are timed.", rich_help_panel=RULES)
]
TimedSizeOption = Annotated[
    str, typer.Option(metavar="WxH", help="Tables 2 and 4: size of the frame that is timed.", rich_help_panel=RULES)
]


@Command
def evaluate(
    context: typer.Context,
    *,
    dataset: DatasetOption = None,
    data: DataOption = None,
    method: MethodsOption = None,
    table: TablesOption = None,
    weights: WeightsOption = None,
    prior: PriorOption = None,
    vgg: EvaluationVggOption = None,
    clip: ClipOption = True,
    vdp_preset: VdpPresetOption = "safnet",
    align: AlignOption = False,
    response: ResponseOption = "gamma",
    repeat: RepeatOption = 3,
    timed_size: TimedSizeOption = "1500x1000",
    seeds: SeedsOption = 12,
    motion: MotionOption = None,
    split: SplitOption = None,
    made: MadeScenes,
    cache: CacheOption = None,
    options: Annotated[MergeOptions, Without("blend")],
    out: OutOption = None,
    pictures: PicturesOption = True,
    keep_results: KeepOption = False,
    paste: PasteOption = None,
    overwrite: OverwriteOption = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> int:
    """Score merges of a data set as the papers do, and print their tables with ours beside them.

    Example: hdrfuse eval --dataset kalantari --data Kalantari --method classical --method reference
    """
    console = console_of(context, quiet=quiet, verbose=verbose)
    from hdrfuse.evaluation.documents import check_markers  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.evaluation.protocol import Protocol
    from hdrfuse.evaluation.request import EvaluationRequest, planned

    place = out or Path("eval" if dataset is None else f"eval-{dataset}")
    merging = replace(options, align=align, response=response, gains=response != "gamma")
    request = EvaluationRequest(
        out=place, dataset=dataset, data=data,
        synthetic=synthetic_set(dataset, data, replace(made, seeds=seeds), motion, split, cache or place / "cache"),
        methods=tuple(method or (PAPERS_FORM,)),
        weights=tuple(weights or ()), tables=asked_tables(table, prior),
        priors=tuple(dict.fromkeys(each.value for each in prior or ())), vgg=vgg,
        protocol=Protocol(clip=clip, vdp_preset=vdp_preset, merging=merging), pictures=pictures,
        keep_results=keep_results, anew=overwrite, repetitions=repeat,
        timed_size=parse_size(timed_size, "--timed-size"),
    )  # fmt: skip
    if paste is not None:
        check_markers(paste, dataset or "any", request.tables)
    work = planned(request)
    for note in request.notes():
        console.warn(note)
    with console.progress() as progress:
        evaluation = work.run(progress)
        progress("done", 1.0)
    written = written_files(evaluation, request, paste)
    tell(console, evaluation, written, json=json)
    return ExitCode.PARTIAL_BATCH if evaluation.failures else ExitCode.DONE


def asked_tables(tables: list[int] | None, prior: list[PriorName] | None) -> tuple[int, ...]:
    """Numbers of the tables; sources of the prior ask for the third."""
    usual = [1] if prior is None else []
    return tuple(sorted({*(tables or usual), *([] if prior is None else [3])}))


def synthetic_set(
    dataset: Dataset | None, images: Path | None, made: MadeScenes, motion: list[MotionName] | None,
    split: list[SplitName] | None, cache: Path,
) -> "SyntheticSet | None":  # fmt: skip
    """What the synthetic set is made of, if that is evaluated. Raises UsageError for its options with another set."""
    from hdrfuse.evaluation.scenes import SyntheticSet

    given = [name for name, value in (("--movers", made.movers), ("--motion", motion), ("--split", split)) if value]
    if given and dataset != "synthetic":
        raise UsageError(f"{given[0]}: for --dataset synthetic only, whose brackets are made")
    if dataset != "synthetic" or images is None:
        return None
    return SyntheticSet(
        images=images, movers=made.movers, cache=cache, seeds=made.seeds,
        motions=tuple(each.value for each in motion or DEFAULT_MOTIONS),
        size=made.size or SyntheticSet.size, bits=made.bits, noise=made.noise,
        splits=tuple(each.value for each in SplitName if each in (split or [SplitName.TEST])),
    )  # fmt: skip


def written_files(evaluation: "Evaluation", request: "EvaluationRequest", paste: Path | None) -> list[Path]:
    """Write scores, tables and the page -> where they are."""
    from hdrfuse.evaluation.documents import PAGE, write_documents, write_text
    from hdrfuse.evaluation.documents import paste as paste_into
    from hdrfuse.report.eval_page import eval_page

    written = [*write_documents(evaluation, request.out)]
    if evaluation.scenes and request.pictures:
        written.append(request.out / PAGE)
        write_text(written[-1], eval_page(evaluation))
    if paste is not None:
        paste_into(evaluation, paste)
        written.append(paste)
    return written


def tell(console: Console, evaluation: "Evaluation", written: list[Path], *, json: bool) -> None:
    """Print the tables, or everything as JSON, and what went wrong."""
    from hdrfuse.evaluation.documents import as_json

    for warning in evaluation.warnings:
        console.warn(warning)
    for scene in evaluation.scenes:
        for score in scene.scores:
            for warning in score.warnings:
                console.detail(f"{scene.name}, {score.method}: {warning}")
    if json:
        document: dict[str, Any] = {**as_json(evaluation), "files": [str(path) for path in written]}
        console.json(document)
    else:
        console.result(*as_text(evaluation, width=max(120, shutil.get_terminal_size().columns)).split("\n"))
        console.result(*map(str, written))
    for scene_name, score in evaluation.failures:
        console.warn(f"{scene_name}, {score.method}: failed: {score.failure}")


def as_text(evaluation: "Evaluation", *, width: int) -> str:
    """The tables for a terminal, the caption below."""
    return "\n\n".join([*(table.as_text(width=width) for table in evaluation.tables), "\n".join(evaluation.caption)])

"""An evaluation from what was asked for to what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from hdrfuse.data.layouts import LAYOUTS
from hdrfuse.deghosting.methods import PAPERS_FORM
from hdrfuse.errors import UsageError
from hdrfuse.evaluation.ablation import Ablation, ablation_table, find_ablations
from hdrfuse.evaluation.cost import SIZE, cost_table, measure_costs
from hdrfuse.evaluation.hidden_light import HiddenLight
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, current_name, labels_of, make_method, note_on, row_of
from hdrfuse.evaluation.prior_sources import PriorRows, Source, prior_rows
from hdrfuse.evaluation.prior_table import prior_tables
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.published import METRICS
from hdrfuse.evaluation.records import Records, make_folder
from hdrfuse.evaluation.results import EvaluatedScene, Evaluation
from hdrfuse.evaluation.sampling import diffusion_seconds, sampling_methods, sampling_table
from hdrfuse.evaluation.scenes import SceneSet, SyntheticSet, captured_set, synthetic_set
from hdrfuse.evaluation.session import Evaluating
from hdrfuse.evaluation.summary import quality_tables
from hdrfuse.evaluation.table import Table
from hdrfuse.evaluation.told_prior import ToldPrior
from hdrfuse.machine import this_machine
from hdrfuse.progress import Progress
from hdrfuse.text import counted

SCORED = (1, 3, 4)
"""Tables that need scenes."""


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What an evaluation is to measure, on what, and where to."""

    out: Path
    dataset: str | None = None
    """A key of LAYOUTS, or `synthetic`; needed by all tables but the second."""
    data: Path | None = None
    synthetic: SyntheticSet | None = None
    methods: tuple[str, ...] = (PAPERS_FORM,)
    weights: tuple[str, ...] = ()
    tables: tuple[int, ...] = (1,)
    priors: tuple[Source, ...] = ()
    """Sources of the prior that table 3 compares inside hidden light."""
    vgg: Path | None = None
    """VGG19's first convolutions, for a distance there."""
    protocol: Protocol = field(default_factory=Protocol)
    pictures: bool = True
    keep_results: bool = False
    anew: bool = False
    repetitions: int = 3
    """Of what is timed."""
    timed_size: tuple[int, int] = SIZE
    """Width and height of the frame that is timed."""

    @property
    def hidden(self) -> HiddenLight | None:
        """How hidden light is scored, if priors are compared."""
        return HiddenLight(vgg=self.vgg) if self.priors else None

    def scene_set(self) -> SceneSet:
        """List the scenes. Raises UsageError where none are named, BadInputError for a wrong folder."""
        if self.dataset is None or self.data is None:
            raise UsageError("--dataset and --data say what is evaluated; --table 2 alone needs neither")
        if self.dataset == "synthetic":
            assert self.synthetic is not None
            return synthetic_set(self.synthetic, registered=self.protocol.merging.align)
        if self.dataset not in LAYOUTS:
            raise UsageError(f"--dataset {self.dataset}: synthetic, {', '.join(LAYOUTS)} was expected")
        return captured_set(self.dataset, self.data)

    def notes(self) -> list[str]:
        """Say which of the methods are called something else now."""
        return [note for name in self.methods if (note := note_on(name)) is not None]

    def compared(self, all_weights: Sequence[str | Path]) -> list[Method]:
        """Return the methods of tables 1 and 2; several weights make a row each. Raises UsageError."""
        merging, weights = self.protocol.merging, all_weights or (None,)
        names = [current_name(name) for name in self.methods]
        if len(set(names)) < len(names):
            renamed = "".join(
                f"; {old} is {new} now" for old, new in zip(self.methods, names, strict=True) if old != new
            )
            raise UsageError(f"--method {' '.join(self.methods)}: each once was expected{renamed}")
        found = []
        for name in names:
            row = row_of(name)
            if row is None or "weights" not in row.options:
                found.append(make_method(name, merging))
                continue
            found += [
                make_method(name, merging, weights=each, label=label)
                for each, label in zip(weights, labels_of(name, weights), strict=True)
            ]
        return found


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """What a request comes to, checked: nothing that is known to fail is begun."""

    request: EvaluationRequest
    scenes: SceneSet
    compared: tuple[Method, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    sampled: tuple[Method, ...] = ()
    priors: PriorRows = field(default_factory=PriorRows)

    @property
    def methods(self) -> tuple[Method, ...]:
        """All that run on the scenes."""
        compared = self.compared if 1 in self.request.tables else ()
        return (*compared, *(ablation.method for ablation in self.ablations), *self.priors.methods, *self.sampled)

    def run(self, progress: Progress = lambda stage, share: None) -> Evaluation:
        """Measure everything that is not recorded yet. Raises OutputError or WriteError."""
        request = self.request
        timed = 0.1 if {2, 4} & set(request.tables) else 0.0
        records = Records(folder=request.out, anew=request.anew)
        how = Evaluating(
            protocol=request.protocol, records=records, pictures=request.pictures, keep_results=request.keep_results,
            hidden=request.hidden,
        )  # fmt: skip
        make_folder(request.out)
        results = how.run(self.scenes.scenes, self.methods, lambda stage, share: progress(stage, share * (1 - timed)))
        progress("tables", 1 - timed)
        tables = [table for number in sorted(set(request.tables)) for table in self._tables(number, results, progress)]
        return Evaluation(
            dataset=self.scenes.name,
            metrics=(*METRICS, *(() if request.hidden is None else request.hidden.metrics)),
            methods=tuple(method.name for method in self.methods),
            scenes=results,
            tables=tuple(tables),
            caption=tuple(self.caption()),
            warnings=self.scenes.warnings,
            sources=self.scenes.sources,
        )

    def _tables(self, number: int, results: Sequence[EvaluatedScene], progress: Progress) -> list[Table]:
        request = self.request
        if number == 1:
            compared = of_methods(results, self.compared)
            return quality_tables(self.scenes.name, compared, request.protocol, self.scenes.split)
        if number == 2:
            costs = measure_costs(
                self.compared, size=request.timed_size, repetitions=request.repetitions,
                progress=lambda stage, share: progress(stage, 0.9 + 0.1 * share),
            )  # fmt: skip
            return [cost_table(costs, size=request.timed_size, device=self.device())]
        if number == 3:
            return self._tables_of_priors(results)
        progress("timing the diffusion", 0.95)
        seconds = [
            diffusion_seconds(method, size=request.timed_size, repetitions=request.repetitions)
            for method in self.sampled
        ]
        return [
            sampling_table(
                self.scenes.name, self.sampled, seconds, results, device=self.device(), size=request.timed_size
            )
        ]

    def _tables_of_priors(self, results: Sequence[EvaluatedScene]) -> list[Table]:
        """The published table, which weights of other priors are no rows of, and hidden light where it was asked."""
        name, hidden = self.scenes.name, self.request.hidden
        published = [ablation_table(name, self.ablations, results)] if self.ablations or hidden is None else []
        return published if hidden is None else [*published, *prior_tables(name, self.priors, results, hidden)]

    def caption(self) -> list[str]:
        """Say by what rules, by which weights and on which machine everything was measured."""
        scored = bool({*SCORED} & set(self.request.tables))
        methods = self.methods if scored else self.compared
        ablated = (row.method for row in self.ablations)
        machine = this_machine()
        versions = ", ".join(
            f"{name} {number}" for name, number in {**machine.versions, "torch": version("torch")}.items()
        )
        return [
            *(self.request.protocol.sentences() if scored else ()),
            *self.scenes.sentences,
            *(() if self.request.hidden is None else (self.request.hidden.sentence(),)),
            *merged_sentences(methods),
            *(
                [f"Diffusion: {counted(self.request.protocol.merging.steps, 'sampling step')}."]
                if any(map(diffuses, (*self.compared, *ablated, *self.priors.methods)))
                else []
            ),
            f"Measured on {self.device()} ({machine.processor}, {counted(machine.cores, 'core')}, {machine.system}); "
            f"{versions}.",
        ]

    def device(self) -> str:
        """Name of the device that networks run on; the processor's where none does."""
        networks = [method for method in (*self.compared, *self.methods) if isinstance(method, HdrfuseMethod)]
        if not any(method.row.uses_torch for method in networks):
            return this_machine().processor
        import torch

        from hdrfuse.lfdiff.inference import find_device

        device = find_device(self.request.protocol.merging.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else this_machine().processor


def merged_sentences(methods: Sequence[Method]) -> list[str]:
    """What a caption says of the methods, those of which it says the same together."""
    names: dict[str, list[str]] = {}
    for method in methods:
        names.setdefault(method.sentence.removeprefix(f"{method.name}: "), []).append(method.name)
    return [f"{', '.join(alike)}: {sentence}" for sentence, alike in names.items()]


def diffuses(method: Method) -> bool:
    """Whether a method samples its prior."""
    if not isinstance(method, HdrfuseMethod) or isinstance(method, ToldPrior):
        return False
    network = method.network
    return network is not None and network.metadata.config.prior == "diffusion"


def planned(request: EvaluationRequest) -> EvaluationPlan:
    """See what a request comes to. Raises a BadInputError of its kind for whatever cannot be done."""
    tables = set(request.tables)
    scored = bool({*SCORED} & tables)
    scenes = request.scene_set() if scored else SceneSet(name=request.dataset or "any", scenes=())
    merging = request.protocol.merging
    if 3 in tables and not request.weights and not request.priors:
        raise UsageError("--table 3 needs --weights, one for each row that was trained: `hdrfuse train --table3 ROW`")
    if request.vgg is not None and not request.priors:
        raise UsageError("--vgg: measures inside hidden light, for --prior only")
    others = bool(request.priors)
    ablations = find_ablations(request.weights, merging, leave_out_others=others) if 3 in tables else []
    first_stage = {str(row.weights) for row in ablations if isinstance(row.method, ToldPrior)}
    alone = [each for each in request.weights if str(each) not in first_stage]  # the others need the truth
    compared = tuple(request.compared(alone)) if tables & {1, 2} else ()
    for method in compared:
        method.check()
    sampled = sampling_methods(request.weights, merging) if 4 in tables else []
    priors = PriorRows()
    if request.hidden is not None:
        request.hidden.check()
        priors = prior_rows(request.methods, request.priors, request.weights, merging, scenes.scenes)
    for method in (*(ablation.method for ablation in ablations), *priors.methods, *sampled):
        method.check()
    return EvaluationPlan(
        request=request, scenes=scenes, compared=compared, ablations=tuple(ablations), sampled=tuple(sampled),
        priors=priors,
    )  # fmt: skip


def of_methods(scenes: Sequence[EvaluatedScene], methods: Sequence[Method]) -> list[EvaluatedScene]:
    """The scenes with the scores of some methods alone."""
    names = {method.name for method in methods}
    return [replace(scene, scores=tuple(score for score in scene.scores if score.method in names)) for scene in scenes]

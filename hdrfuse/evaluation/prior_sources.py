"""Where a prior may come from in an evaluation, and the rows of a table that compares them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from hdrfuse.deghosting.methods import LFDIFF, PAPERS_FORM
from hdrfuse.errors import UsageError
from hdrfuse.evaluation.methods import HdrfuseMethod, Method, current_name, labels_of, make_method
from hdrfuse.evaluation.scenes import KnownScene
from hdrfuse.evaluation.told_prior import ToldPrior, ToldSource
from hdrfuse.options import MergeOptions

Source = Literal["own", "truth", "constant", "foreign", "null"]
"""Predicted from the frames; the ground truth's; its mean everywhere; the next scene's; none."""

SOURCES: tuple[Source, ...] = get_args(Source)
TOLD: tuple[ToldSource, ...] = get_args(ToldSource)

TAKEN: dict[str, tuple[Source, ...]] = {
    "none": ("null",), "ground-truth": TOLD, "direct": ("own",), "diffusion": ("own",), "block-means": SOURCES,
}  # fmt: skip
"""By the weights' prior."""

TAKEN_BY_MERGE: tuple[Source, ...] = ("own", "null")
"""What merge gives sees no truth."""


@dataclass(frozen=True, kw_only=True)
class PriorRow:
    """A form of the method by some weights, with a prior of one source."""

    form: str
    """As tables show it."""
    source: Source
    method: Method


@dataclass(frozen=True, kw_only=True)
class PriorRows:
    """What is compared, and what of what was asked for cannot be."""

    rows: tuple[PriorRow, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[Method, ...]:
        """In the order of the rows."""
        return tuple(row.method for row in self.rows)


def prior_rows(
    names: Sequence[str], sources: Sequence[Source], weights: Sequence[str | Path], merging: MergeOptions,
    scenes: Sequence[KnownScene],
) -> PriorRows:  # fmt: skip
    """Every form of the methods that was asked for by all weights (the default ones) with every source.

    Merged forms take TAKEN_BY_MERGE; what is left out is noted. Raises UsageError for a source that weights do not
    take and where nothing is left, WeightsError for what is no weights file.
    """
    from hdrfuse.lfdiff.weights import find_weights, load_weights  # imports torch

    forms = [current_name(name) for name in names]
    given: Sequence[str | Path | None] = weights or (None,)
    paths = [find_weights(each) for each in given]
    kinds = [load_weights(path)[1].config.prior for path in paths]
    for path, kind in zip(paths, kinds, strict=True):
        check_sources(path, kind, sources)
    rows = []
    for form in forms:
        taken = sources if form == PAPERS_FORM else [each for each in sources if each in TAKEN_BY_MERGE]
        if form in LFDIFF.scored_as:
            for path, kind, label in zip(paths, kinds, labels_of(form, given), strict=True):
                rows += [prior_row(form, source, path, kind, label, merging, scenes) for source in taken]
    left_out = [source for source in sources if source not in TAKEN_BY_MERGE]
    others = [form for form in forms if form not in LFDIFF.scored_as]
    notes = []
    if LFDIFF.name in forms and left_out:
        takes = f"what merge gives takes {' and '.join(TAKEN_BY_MERGE)}"
        notes.append(f"{LFDIFF.name}: {takes}, not {', '.join(left_out)}: those are {PAPERS_FORM}'s.")
    if others:
        notes.append(f"Without a prior: {', '.join(others)}.")
    if not rows:
        raise UsageError(f"--prior {' '.join(sources)}: nothing to compare; {' '.join(notes)}")
    return PriorRows(rows=tuple(rows), notes=tuple(notes))


def check_sources(weights: Path, kind: str, sources: Sequence[Source]) -> None:
    """Raise UsageError for a source that weights with a kind of prior do not take."""
    taken = TAKEN.get(kind, ("own",))
    for source in sources:
        if source not in taken:
            raise UsageError(f"--prior {source}: {weights} (prior: {kind}) takes {', '.join(taken)}")


def prior_row(
    form: str, source: Source, weights: Path, kind: str, label: str, merging: MergeOptions, scenes: Sequence[KnownScene]
) -> PriorRow:
    """One row; `label` is how tables call the form."""
    name = f"{label}, {source} prior"
    method = make_method(form, replace(merging, prior=source != "null"), weights=weights, label=name)
    if source in TOLD:
        assert isinstance(method, HdrfuseMethod)
        method = ToldPrior(name, method.options, source, kind, tuple(scenes))
    return PriorRow(form=label, source=source, method=method)

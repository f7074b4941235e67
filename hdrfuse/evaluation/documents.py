"""An evaluation as files: JSON, CSV, Markdown, and tables pasted into a document between markers."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from hdrfuse import __version__
from hdrfuse.errors import BadInputError
from hdrfuse.evaluation.results import EvaluatedScene, Evaluation, Score
from hdrfuse.evaluation.summary import summaries
from hdrfuse.evaluation.table import Table
from hdrfuse.formats import replacing
from hdrfuse.formats.regular import check_regular

INFINITE = "infinite: the picture equals the ground truth"

JSON, CSV, MARKDOWN, PAGE = "evaluation.json", "scores.csv", "tables.md", "report.html"

SHOWN_DIGITS = 12
"""Of a checksum."""

END = "<!-- end of hdrfuse eval -->"


def write_documents(evaluation: Evaluation, folder: Path) -> tuple[Path, ...]:
    """Write everything that was found into a folder that exists. Raises WriteError."""
    written = {
        JSON: json.dumps(as_json(evaluation), indent=1, allow_nan=False) + "\n",
        CSV: as_csv(evaluation),
        MARKDOWN: as_markdown(evaluation.tables, evaluation.caption),
    }
    for name, text in written.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in written)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or leave it as it was. Raises WriteError."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything in plain types; an infinite value is null with a note."""
    return {
        "hdrfuse": __version__,
        "dataset": evaluation.dataset,
        "caption": list(evaluation.caption),
        "warnings": list(evaluation.warnings),
        "sources": [
            {"name": each.name, "split": each.split, "mover": each.is_mover, "sha256": each.sha256[:SHOWN_DIGITS]}
            for each in evaluation.sources
        ],
        "metrics": [asdict(metric) for metric in evaluation.metrics],
        "summary": [
            {
                "method": each.method,
                "group": each.group,
                "scenes": each.scenes,
                "failed": list(each.failed),
                "mean": {name: finite(mean.value) for name, mean in each.means.items()},
                "interval_95": {name: mean.interval for name, mean in each.means.items()},
                "notes": {name: INFINITE for name, mean in each.means.items() if mean.value == float("inf")},
            }
            for each in (summaries(evaluation.scenes) if evaluation.scenes else [])
        ],
        "scenes": [_scene(scene) for scene in evaluation.scenes],
        "tables": [asdict(table) for table in evaluation.tables],
    }


def _scene(scene: EvaluatedScene) -> dict[str, Any]:
    facts = {"name": scene.name, "group": scene.group, "size": scene.size, "evs": scene.evs, "details": scene.details}
    facts["source"] = scene.source or scene.name
    return {**facts, "scores": [_score(score) for score in scene.scores]}


def _score(score: Score) -> dict[str, Any]:
    return {
        "method": score.method,
        "values": {name: finite(value) for name, value in score.values.items()},
        "notes": {name: INFINITE for name, value in score.values.items() if not isfinite(value)},
        "failure": score.failure,
        "seconds": score.seconds,
        "warnings": list(score.warnings),
    }


def finite(value: float | None) -> float | None:
    """The value, None for infinity."""
    return None if value is None or not isfinite(value) else value


def as_csv(evaluation: Evaluation) -> str:
    """Return a line for each scene and method, with every metric, seconds and the reason of a failure."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [metric.name for metric in evaluation.metrics]
    writer.writerow(["scene", "group", "details", "method", *names, "seconds", "failure"])
    for scene in evaluation.scenes:
        for score in scene.scores:
            values = [score.values.get(name, "") for name in names]
            seconds = "" if score.seconds is None else score.seconds
            row = [scene.name, scene.group, scene.details, score.method, *values, seconds, score.failure or ""]
            writer.writerow(row)
    return text.getvalue()


def as_markdown(tables: Sequence[Table], caption: Sequence[str]) -> str:
    """Return tables with the sentences that make them readable."""
    return "\n\n".join([*(table.as_markdown() for table in tables), " ".join(map(_escape, caption))]) + "\n"


def _escape(sentence: str) -> str:
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", sentence)


def begin(dataset: str, number: int) -> str:
    """The marker below which a document holds a table of a data set, up to END."""
    return f"<!-- hdrfuse eval {dataset} table {number} -->"


def check_markers(document: Path, dataset: str, numbers: Sequence[int]) -> None:
    """See whether a document has a place for every table. Raises BadInputError that names the markers."""
    text = _read(document)
    for number in numbers:
        marker = begin(dataset, number)
        if text.count(marker) != 1 or END not in text.partition(marker)[2]:
            raise BadInputError(
                f"{document}: no place for table {number}; expected one line {marker} and below it {END}"
            )


def paste(evaluation: Evaluation, document: Path) -> None:
    """Put the tables with their caption between a document's markers. Raises BadInputError or WriteError."""
    numbers = sorted({table.number for table in evaluation.tables})
    check_markers(document, evaluation.dataset, numbers)
    text = _read(document)
    for number in numbers:
        tables = [table for table in evaluation.tables if table.number == number]
        marker = begin(evaluation.dataset, number)
        before, _, after = text.partition(marker)
        _, _, rest = after.partition(END)
        text = f"{before}{marker}\n{as_markdown(tables, evaluation.caption)}{END}{rest}"
    write_text(document, text)


def _read(document: Path) -> str:
    try:
        check_regular(document)
        return document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{document}: cannot be read as text: {error}") from error

"""What is written: JSON without infinities, a line a score, tables that a document takes verbatim."""

import csv
import json

import pytest

from hdrfuse.errors import BadInputError
from hdrfuse.evaluation.documents import as_csv, as_json, begin, check_markers, paste, write_documents
from hdrfuse.evaluation.published import METRICS
from hdrfuse.evaluation.results import EvaluatedScene, Evaluation, Score
from hdrfuse.evaluation.table import Row, Table

INFINITE = {metric.name: float("inf") if metric.unit else 1.0 for metric in METRICS}
FINITE = {metric.name: 40.0 if metric.unit else 0.5 for metric in METRICS}

SCENES = (
    EvaluatedScene(
        name="001", group="", size=(48, 32), evs=(-2.0, 0.0, 2.0), details='a "desk"',
        scores=(Score(method="lfdiff", values=INFINITE, seconds=1.5), Score(method="theirs", values=FINITE)),
    ),
    EvaluatedScene(
        name="002", group="", size=None, evs=(-2.0, 0.0, 2.0),
        scores=tuple(Score(method=name, values={}, failure="a.tif: truncated") for name in ("lfdiff", "theirs")),
    ),
)  # fmt: skip

FOUND = Evaluation(
    dataset="hu", metrics=METRICS, methods=("lfdiff", "theirs"), scenes=SCENES, caption=("Clipped to [0, 1].",),
    tables=(
        Table(title="Table 1: hu", columns=("method", "PSNR-mu"), rows=(Row(cells=("lfdiff", "40.00")),)),
        Table(title="Table 3: hu", columns=("row", "PSNR-mu"), rows=(Row(cells=("baseline", "41.00")),), number=3),
    ),
)  # fmt: skip

END = "<!-- end of hdrfuse eval -->"


def test_infinity_is_null_with_a_note_and_failures_are_there():
    found = json.loads(json.dumps(as_json(FOUND), allow_nan=False))
    first, second = found["scenes"][0]["scores"]
    assert first["values"]["PSNR-mu"] is None
    assert first["notes"]["PSNR-mu"] == "infinite: the picture equals the ground truth"
    assert second["values"]["PSNR-mu"] == 40
    assert second["notes"] == {}
    assert found["scenes"][1]["scores"][0]["failure"] == "a.tif: truncated"
    summary = found["summary"][0]
    assert (summary["method"], summary["scenes"], summary["failed"]) == ("lfdiff", 2, ["002"])
    assert summary["mean"]["PSNR-mu"] is None
    assert "PSNR-mu" in summary["notes"]


def test_the_csv_has_a_line_for_each_scene_and_method():
    rows = list(csv.DictReader(as_csv(FOUND).splitlines()))
    assert [(row["scene"], row["method"]) for row in rows] == [
        ("001", "lfdiff"), ("001", "theirs"), ("002", "lfdiff"), ("002", "theirs")
    ]  # fmt: skip
    assert rows[0]["PSNR-mu"] == "inf"
    assert rows[0]["details"] == 'a "desk"'
    assert float(rows[1]["SSIM-L"]) == 0.5
    assert (rows[2]["PSNR-mu"], rows[2]["failure"]) == ("", "a.tif: truncated")


def test_documents_are_written_whole(tmp_path):
    written = write_documents(FOUND, tmp_path)
    assert [path.name for path in written] == ["evaluation.json", "scores.csv", "tables.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in written)
    markdown = (tmp_path / "tables.md").read_text()
    assert "| lfdiff | 40.00 |" in markdown
    assert markdown.endswith("Clipped to \\[0, 1\\].\n")


def test_tables_are_pasted_between_their_markers_again_and_again(tmp_path):
    document = tmp_path / "card.md"
    first, third, other = (begin("hu", 1), begin("hu", 3), begin("tel", 1))
    places = [f"{first}\nold\n{END}", "between", f"{third}\n{END}", f"{other}\nkeep\n{END}\n"]
    document.write_text("\n\n".join(["# Card", *places]))
    paste(FOUND, document)
    once = document.read_text()
    paste(FOUND, document)
    assert document.read_text() == once
    before, between = once.split("\n\nbetween\n\n")
    assert before.startswith(f"# Card\n\n{begin('hu', 1)}\n**Table 1: hu**\n")
    assert before.endswith(f"Clipped to \\[0, 1\\].\n{END}")
    assert "| baseline | 41.00 |" in between
    assert f"{begin('tel', 1)}\nkeep\n{END}\n" in between
    assert "old" not in once


@pytest.mark.parametrize("text", ["", begin("hu", 1), f"{begin('tel', 1)}\n{END}", f"{END}\n{begin('hu', 1)}"])
def test_a_document_without_a_place_says_what_it_needs(tmp_path, text):
    document = tmp_path / "card.md"
    document.write_text(text)
    with pytest.raises(BadInputError, match=r"card\.md: no place for table 1; expected one line <!-- hdrfuse eval hu"):
        check_markers(document, "hu", [1])
    assert document.read_text() == text


def test_a_document_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"none\.md: cannot be read"):
        check_markers(tmp_path / "none.md", "hu", [1])

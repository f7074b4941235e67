"""What the prior is worth: means by form and source, and paired differences by picture."""

import pytest

from hdrfuse.evaluation.hidden_light import HiddenLight
from hdrfuse.evaluation.methods import PlainMethod, reference_alone
from hdrfuse.evaluation.prior_sources import PriorRow, PriorRows
from hdrfuse.evaluation.prior_table import prior_tables
from hdrfuse.evaluation.results import EvaluatedScene, Score
from hdrfuse.evaluation.statistics import mean_by_source


def row(form, source):
    return PriorRow(form=form, source=source, method=PlainMethod(f"{form}, {source} prior", reference_alone, ""))


OWN, NULL = row("net", "own"), row("net", "null")


def scene(name, source, own, null):
    """Own and null: PSNR-mu whole, clipped and, where there is some, hidden."""
    keys = ("PSNR-mu", "PSNR-mu clipped", "PSNR-mu hidden")
    scores = tuple(
        Score(method=each.method.name, values={}, failure="broken")
        if values is None
        else Score(method=each.method.name, values=dict(zip(keys, values, strict=False)))
        for each, values in ((OWN, own), (NULL, null))
    )
    return EvaluatedScene(name=name, group="", size=(48, 32), evs=(-2.0, 0.0, 2.0), source=source, scores=scores)


SCENES = [
    scene("1", "a", (40.0, 30.0, 21.0), (39.0, 29.0, 19.0)),
    scene("2", "a", (42.0, 34.0, 25.0), (42.0, 32.0, 22.0)),
    scene("3", "b", (44.0, 33.0), (43.0, 32.0)),
    scene("4", "c", (46.0, 37.0, 30.0), None),
    scene("5", "d", (48.0, 36.0, 26.0), (48.0, 34.0, 25.0)),
]


def test_means_are_of_the_scenes_that_have_a_value():
    compared = PriorRows(rows=(OWN, NULL), notes=("As said.",))
    table, _ = prior_tables("synthetic", compared, SCENES, HiddenLight())
    assert table.title == "Table 3: what the prior is worth inside hidden light, synthetic"
    assert table.columns == ("method", "prior", "PSNR-mu", "PSNR-mu hidden", "PSNR-mu clipped", "scenes", "sources")
    assert [each.cells for each in table.rows] == [
        ("net", "own", "44.00", "25.50", "34.00", "5", "4"),
        ("net", "null", "43.00", "22.00", "31.75", "4 of 5", "3"),
    ]
    assert table.notes[0] == "As said."
    assert table.notes[1] == "PSNR-mu hidden: 4 of 5 scenes, of 3 pictures, have 200 such pixels."


def test_differences_are_paired_and_their_intervals_by_picture():
    _, table = prior_tables("synthetic", PriorRows(rows=(OWN, NULL)), SCENES, HiddenLight())
    assert table.columns[1:] == ("hidden (dB)", "clipped (dB)", "whole (dB)")
    ((name, hidden, clipped, whole),) = [each.cells for each in table.rows]
    assert name == "net: own - null"
    low, high = mean_by_source([2.0, 3.0, 1.0], ["a", "a", "d"]).interval
    assert hidden == f"+2.00 [{low:+.2f}, {high:+.2f}]"
    assert clipped.startswith("+1.50 [+1.00, ")
    assert whole.startswith("+0.50 [")


def test_without_a_null_prior_the_first_is_what_others_are_compared_with():
    truth = row("net", "truth")
    scores = (*SCENES[0].scores, Score(method=truth.method.name, values={**SCENES[0].scores[0].values}))
    scenes = [EvaluatedScene(name="1", group="", size=None, evs=(0.0,), scores=scores)]
    _, table = prior_tables("synthetic", PriorRows(rows=(truth, OWN)), scenes, HiddenLight())
    assert [each.cells[:2] for each in table.rows] == [("net: own - truth", "+0.00")]


def test_one_source_is_compared_with_nothing():
    assert len(prior_tables("synthetic", PriorRows(rows=(OWN,)), SCENES, HiddenLight())) == 1


def test_scenes_of_one_picture_are_drawn_together():
    values = [1.0, 1.2, 3.0, 3.2]
    alone = mean_by_source(values, ["a", "b", "c", "d"])
    paired = mean_by_source(values, ["a", "a", "b", "b"])
    assert alone.value == paired.value == pytest.approx(2.1)
    assert paired.interval == pytest.approx((1.1, 3.1))
    assert mean_by_source(values, ["a"] * 4).interval is None
    assert mean_by_source([], []).value is None
    assert mean_by_source([1.0, float("inf")], ["a", "b"]).interval is None

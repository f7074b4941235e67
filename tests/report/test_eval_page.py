from dataclasses import replace

import pytest

from hdrfuse.errors import ImageError
from hdrfuse.report.eval_page import eval_page

from .pages import ODD_NAME, evaluation, photograph
from .reader import Node, read


@pytest.fixture
def page(tmp_path) -> Node:
    return read(eval_page(evaluation(tmp_path)))


def rows_of(table: Node) -> list[list[str]]:
    return [[cell.text for cell in row.children] for row in table.first("tbody").all("tr")]


def test_tables_captions_warnings_and_failures_are_shown(page):
    assert page.first("h1").text == "kalantari: 2 scenes, 2 methods"
    assert rows_of(page.first("section").first("table")) == [[ODD_NAME, "40.00"], ["Theirs", "44.76"]]
    assert page.first("section").first("tr", "published").text == "Theirs44.76"
    assert page.first("section").first("ul").text == "Mean of 2 & more."
    assert page.first("ul", "failure").text == f"{ODD_NAME}, {ODD_NAME}: b.hdr: is <not> there"
    assert page.first("ul", "warning").text == "1 scene is odd"
    assert "Clipped to [0, 1]." in [note.text for note in page.all("li")]


def test_the_list_has_every_value_by_metric_and_method_and_marks_the_best(page):
    first, second = page.all("tbody", "scene")
    cells = list(first.first("tr", "row").all("td"))
    assert [cell.text for cell in cells] == ["moving", "\N{MINUS SIGN}2 0 +2", "41.23", "38.50", "0.9900", "0.9950"]
    assert [cell.text for cell in first.first("tr", "row").all("td", "best")] == ["41.23", "0.9950"]
    assert [cell.attributes["data-group"] for cell in cells[2:]] == ["PSNR-mu (dB)"] * 2 + ["SSIM-mu"] * 2
    assert [cell.text for cell in second.first("tr", "row").all("td")] == [
        "static",
        "",
        "∞",
        "\N{EN DASH}",
        "1.0000",
        "\N{EN DASH}",
    ]
    assert not list(second.all("td", "best"))
    assert second.attributes["data-flags"] == "failed"


def test_a_scene_has_a_slider_of_all_its_pictures_its_crops_and_error_maps(page):
    first, second = page.all("tbody", "scene")
    assert len(list(first.first("figure", "compare").all("img"))) == 4
    options = [option.text for option in first.first("select").all("option")]
    assert options == ["lfdiff", ODD_NAME, "truth", "reference frame"]
    crops, errors = first.all("div", "sheet")
    assert [caption.text for caption in crops.all("figcaption")] == ["lfdiff", ODD_NAME, "truth"]
    assert crops.attributes["title"] == "32 \N{MULTIPLICATION SIGN} 32 px at 10, 20"
    assert [caption.text for caption in errors.all("figcaption")] == ["lfdiff", ODD_NAME]
    assert rows_of(first.first("table", "plain"))[0] == ["lfdiff", "41.23", "0.9900", "1.25 s"]
    assert "lfdiff: a warning of it" in first.first("ul", "warning").text
    assert second.first("p", "missing").text == "No pictures of this scene."


def test_a_picture_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    found = evaluation(tmp_path)
    next(tmp_path.rglob("t.jpg")).unlink()
    with pytest.raises(ImageError, match=r"t\.jpg"):
        eval_page(found)


def test_pictures_are_shrunk_to_what_the_page_may_weigh(tmp_path):
    found = evaluation(tmp_path)
    for index, path in enumerate(tmp_path.rglob("*.jpg")):
        photograph(path, index, (400, 300))
    wide, narrow = (len(eval_page(found, page_bytes=page_bytes)) for page_bytes in (10_000_000, 150_000))
    assert narrow < 200_000 < wide


def test_an_evaluation_without_scenes_is_a_page(tmp_path):
    page = read(eval_page(replace(evaluation(tmp_path), scenes=(), tables=(), caption=(), warnings=())))
    assert page.first("h1").text == "kalantari: 0 scenes, 2 methods"


def test_the_best_of_a_distance_is_the_least(tmp_path):
    found = evaluation(tmp_path)
    metrics = tuple(replace(metric, lower_is_better=True) for metric in found.metrics)
    row = read(eval_page(replace(found, metrics=metrics))).first("tbody", "scene").first("tr", "row")
    assert [cell.text for cell in row.all("td", "best")] == ["38.50", "0.9900"]

"""The pages as a person uses them, in headless Chromium: by mouse, by keyboard, on a phone, without a script."""

from pathlib import Path

import pytest

from hdrfuse.report.batch_page import write_batch_page
from hdrfuse.report.eval_page import eval_page

from .browser import CHROMEDRIVER, CHROMIUM, Browser, browser
from .pages import LEFT, ODD_NAME, RIGHT, batch_run, evaluation, five_scenes

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="chromium and chromedriver are not installed here"
)

SHOWN = "[...document.querySelectorAll('tbody.scene:not([hidden]) .open')].map(button => button.textContent)"

DECODED = "Promise.all([...document.images].map(image => (image.loading = 'eager', image.decode())))"
"""Fails where a picture is damaged."""


@pytest.fixture(scope="module")
def window(tmp_path_factory) -> Browser:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def batch(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("batch")
    write_batch_page(folder / "report.html", batch_run(folder, five_scenes(folder)))
    return folder / "report.html"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("eval")
    path = folder / "report.html"
    path.write_text(eval_page(evaluation(folder)), encoding="utf-8")
    return path


def near(color: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return max(abs(one - other) for one, other in zip(color, expected, strict=True)) < 12


def test_clicking_on_a_head_sorts_numbers_by_size_and_names_as_people_count(window, batch):
    window.open(batch)
    window.click("thead th:nth-child(6) button")
    assert window.evaluate(SHOWN) == ["beach2", "beach10", ODD_NAME, "attic", "cellar"]
    assert window.evaluate("document.querySelector('[aria-sort=descending]').textContent") == "Time"
    window.click("thead th:nth-child(6) button")
    assert window.evaluate(SHOWN) == ["attic", ODD_NAME, "beach10", "beach2", "cellar"]
    window.click("thead th:first-child button")
    assert window.evaluate(SHOWN) == ["attic", "beach2", "beach10", "cellar", ODD_NAME]
    assert window.evaluate("[...document.querySelectorAll('[aria-sort]')].map(head => head.ariaSort)") == [
        "ascending", *["none"] * 7,
    ]  # fmt: skip


def test_typing_filters_by_names_frames_and_warnings(window, batch):
    window.open(batch)
    window.type("#filter", "BEACH")
    assert window.evaluate(SHOWN) == ["beach10", "beach2"]
    assert window.evaluate("document.querySelector('#count').value") == "2 of 5 scenes"
    window.type("#filter", " nothing")
    assert window.evaluate(SHOWN) == []
    assert window.evaluate("getComputedStyle(document.querySelector('.none')).display") == "block"
    window.open(batch)
    window.type("#filter", "moved TOO")
    assert window.evaluate(SHOWN) == [ODD_NAME]
    window.open(batch)
    window.type("#filter", "zoë's <b> \"day")
    assert window.evaluate(SHOWN) == [ODD_NAME]


def test_toggles_show_only_what_failed_or_has_warnings(window, batch):
    window.open(batch)
    window.click("[data-flag=failed]")
    assert window.evaluate(SHOWN) == ["attic"]
    window.click("[data-flag=warned]")
    assert window.evaluate(SHOWN) == [ODD_NAME, "attic"]
    assert window.evaluate("document.querySelectorAll('[data-flag][aria-pressed=true]').length") == 2
    window.click("[data-flag=failed]")
    window.click("[data-flag=warned]")
    assert len(window.evaluate(SHOWN)) == 5


def test_the_whole_page_can_be_used_by_keyboard(window, batch):
    window.open(batch)
    window.evaluate("document.querySelector('.open').focus()")
    window.press("Down", "Enter", "Tab")
    opened = "[...document.querySelectorAll('.opened .open')].map(button => button.textContent)"
    assert window.evaluate(opened) == ["beach2"]
    assert window.evaluate("document.activeElement.type") == "range"
    window.press("Right", "Right")
    assert window.evaluate("document.activeElement.value") == "52"
    assert window.evaluate("document.activeElement.ariaValueText") == "52 % plain merge"
    window.press("Tab")
    assert window.evaluate("document.activeElement.href.endsWith('/beach2.exr')")
    window.evaluate("document.querySelector('.opened .open').focus()")
    window.press("Enter")
    assert window.evaluate(opened) == []


def test_the_slider_shows_the_plain_merge_on_its_left_and_ours_on_its_right(window, batch):
    window.open(batch)
    window.click("#scene-1 .thumbnail")
    stack, slider = "#scene-1 .stack", "#scene-1 input"
    assert near(window.pixel(stack, 0.2, 0.75), LEFT)
    assert near(window.pixel(stack, 0.8, 0.75), RIGHT)
    window.type(slider, "Home")
    assert near(window.pixel(stack, 0.2, 0.75), RIGHT)
    window.type(slider, "End")
    assert near(window.pixel(stack, 0.8, 0.75), LEFT)


def test_open_all_opens_what_is_shown_and_closes_it_again(window, batch):
    window.open(batch)
    window.type("#filter", "beach")
    window.click("#open-all")
    assert window.evaluate("document.querySelectorAll('.opened').length") == 2
    assert window.evaluate("document.querySelector('#open-all').textContent") == "Close all"
    window.click("#open-all")
    assert window.evaluate("document.querySelectorAll('.opened').length") == 0


def test_a_link_to_a_scene_opens_it(window, batch):
    window.open(batch, fragment="#scene-2")
    assert window.evaluate("document.querySelector('.opened .open').textContent") == "beach2"


@pytest.mark.parametrize("page", ["batch", "evaluated"])
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1400, False)])
def test_pages_fit_a_phone_follow_the_theme_and_ask_for_nothing(window, request, page, width, dark):
    window.open(request.getfixturevalue(page), width=width, dark=dark)
    window.click("#open-all")
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    ground = window.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(26, 26, 26)" if dark else "rgb(242, 242, 242)")
    requested = window.evaluate("performance.getEntriesByType('resource').map(entry => entry.name.slice(0, 5))")
    assert set(requested) <= {"data:"}
    assert window.evaluate(f"{DECODED}.then(() => true)")
    assert window.console() == []


def test_without_a_script_everything_is_open(window, batch):
    window.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.open(batch)
        assert near(window.pixel("#scene-1 .stack", 0.2, 0.75), LEFT)
    finally:
        window.devtools("Emulation.setScriptExecutionDisabled", value=False)


def test_an_injected_script_is_refused(window, tmp_path, batch):
    page = tmp_path / "injected.html"
    text = batch.read_text(encoding="utf-8")
    attack = "<script>document.title = 'taken'</script><img src='http://127.0.0.1:9/x'>"
    page.write_text(text.replace("</body>", f"{attack}</body>"), encoding="utf-8")
    window.open(page)
    assert window.evaluate("document.title") != "taken"
    complaints = " ".join(window.console())
    assert "Content Security Policy" in complaints
    assert "script-src" in complaints and "img-src" in complaints


def test_an_evaluation_shows_one_metric_at_a_time(window, evaluated):
    window.open(evaluated)
    cells = "[...document.querySelectorAll('#scene-1 .row td:not([hidden])')].map(cell => cell.textContent).slice(2)"
    assert window.evaluate(cells) == ["41.23", "38.50"]
    window.type("#group", "SSIM-mu")
    assert window.evaluate(cells) == ["0.9900", "0.9950"]
    assert window.evaluate("document.querySelectorAll('.scenes > thead th:not([hidden])').length") == 5


def test_an_evaluation_s_slider_takes_any_two_pictures(window, evaluated):
    window.open(evaluated)
    window.click("#scene-1 .thumbnail")
    stack = "#scene-1 .stack"
    assert near(window.pixel(stack, 0.2, 0.75), LEFT)
    assert near(window.pixel(stack, 0.8, 0.75), (128, 128, 128))
    window.type("#scene-1 select[data-side=right]", ODD_NAME[:3])
    assert near(window.pixel(stack, 0.8, 0.75), RIGHT)
    window.type("#scene-1 select[data-side=left]", "truth")
    assert near(window.pixel(stack, 0.2, 0.75), (128, 128, 128))
    assert window.evaluate("document.querySelector('#scene-1 .label.left').textContent") == "truth"
    window.type("#scene-1 select[data-side=right]", "truth")
    window.type("#scene-1 input", "Home")
    assert near(window.pixel(stack, 0.8, 0.75), (128, 128, 128))

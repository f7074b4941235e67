import re
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from merge_reports import frame_report, merge_report

from hdrfuse.errors import WriteError
from hdrfuse.formats import Capture
from hdrfuse.report.batch_page import batch_page, write_batch_page
from hdrfuse.report.batch_run import BatchFrame, BatchRun, BatchScene, Status

from .pages import ODD_NAME, batch_run, batch_scene, five_scenes, photograph
from .reader import Node, read


def page_of(run: BatchRun, folder: Path) -> Node:
    return read("".join(batch_page(run, folder=folder)))


def scene_of(page: Node, name: str) -> Node:
    return next(scene for scene in page.all("tbody", "scene") if scene.first("button").text == name)


@pytest.fixture
def page(tmp_path) -> Node:
    return page_of(batch_run(tmp_path, five_scenes(tmp_path)), tmp_path)


def test_every_scene_is_there_whatever_it_is_called(page):
    names = [scene.first("button", "open").text for scene in page.all("tbody", "scene")]
    assert names == ["beach10", "beach2", ODD_NAME, "attic", "cellar"]
    assert [scene.attributes["data-flags"] for scene in page.all("tbody", "scene")] == [
        "done", "done", "done warned", "failed", "skipped",
    ]  # fmt: skip
    assert not list(page.all("b"))


def test_the_page_says_what_became_of_the_run(page):
    facts = {node.first("dt").text: node.first("dd").text for node in page.first("dl").all("div")}
    assert facts["Result"] == "3 done, 1 failed, 1 skipped"
    assert facts["Time"] == "2 min 5 s"
    assert [button.text for button in page.all("button", "toggle")] == ["Failed 1", "Skipped 1", "With warnings 1"]
    assert page.first("h1").text == "shoot"


def test_a_scene_shows_its_exposures_warnings_timings_and_why_it_failed(page):
    odd = scene_of(page, ODD_NAME)
    exposures, timings = odd.all("table", "plain")
    rows = [[cell.text for cell in row.children] for row in exposures.first("tbody").all("tr")]
    assert rows[0] == ["IMG_0.JPG", "\N{MINUS SIGN}2", "EXIF", "1/250 s", "f/8", "100", "1.2 px", "1.0 %"]
    assert rows[1][:2] == ["IMG_1.JPG (reference)", "0"]
    assert [row.text for row in timings.first("tbody").all("tr")] == [
        "reading0.50 s",
        "total1.50 s",
        "peak memory900 MB",
    ]
    assert odd.first("ul", "warning").text == "a.jpg: moved too far"
    assert scene_of(page, "attic").first("p", "trouble").text == "attic/b.jpg: truncated JPEG"
    assert scene_of(page, "cellar").first("p", "subtitle").text == "interrupted before"


def test_links_lead_from_the_page_to_the_files_whatever_they_are_called(page, tmp_path):
    link = scene_of(page, ODD_NAME).first("a").attributes["href"]
    parts = urlsplit(link)
    assert not parts.scheme and not parts.netloc and not parts.query and not parts.fragment
    assert tmp_path / unquote(parts.path) == tmp_path / f"{ODD_NAME}.exr"


def test_a_file_name_that_is_no_utf8_can_be_linked_and_shown(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    run = batch_run(tmp_path, (batch_scene(tmp_path, name),))
    write_batch_page(tmp_path / "report.html", run)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'href="./caf%E9.exr"' in text
    assert "caf\ufffd" in text


def test_the_page_asks_for_nothing_and_allows_only_its_own_style_and_script(page):
    policy = next(meta for meta in page.all("meta") if meta.attributes.get("http-equiv")).attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        (asset,) = page.all(tag)
        assert f"{tag}-src 'sha256-{b64encode(sha256(asset.text.encode()).digest()).decode()}'" in policy
        assert "</" not in asset.text and "url(" not in asset.text and "http" not in asset.text
    nodes = [node for tag in ("img", "a", "link", "iframe", "button", "td", "tbody") for node in page.all(tag)]
    assert all(node.attributes["src"].startswith("data:image/jpeg;base64,") for node in nodes if node.tag == "img")
    assert not [name for node in nodes for name in node.attributes if name == "style" or name.startswith("on")]


def test_missing_and_damaged_pictures_leave_a_note_and_the_rest_is_shown(tmp_path):
    good = batch_scene(tmp_path, "good")
    gone = BatchScene(name="gone", status=Status.DONE, preview=tmp_path / "nowhere.jpg", naive=good.naive)
    broken = BatchScene(name="broken", status=Status.DONE, preview=good.preview, ghost_map=b"not a picture")
    bare = BatchScene(name="bare", status=Status.DONE)
    page = page_of(batch_run(tmp_path, (good, gone, broken, bare)), tmp_path)
    notes = [[note.text for note in scene.all("p", "missing")] for scene in page.all("tbody", "scene")]
    assert notes[0] == []
    assert "nowhere.jpg: cannot be shown" in notes[1][0]
    assert "a picture: cannot be shown" in notes[2][0]
    assert notes[3] == ["No pictures of this scene."]
    sliders = [len(list(scene.all("input"))) for scene in page.all("tbody", "scene")]
    assert sliders == [1, 0, 0, 0]
    assert [len(list(scene.first("tr", "detail").all("img"))) for scene in page.all("tbody", "scene")] == [3, 1, 1, 0]


def test_many_scenes_share_what_the_page_may_weigh(tmp_path):
    paths = [photograph(tmp_path / f"{index}.jpg", index, (600, 400)) for index in range(3)]
    scene = {"status": Status.DONE, "preview": paths[0], "naive": paths[1], "ghost_map": paths[2]}
    scenes = tuple(BatchScene(name=f"scene {index}", **scene) for index in range(8))
    write_batch_page(tmp_path / "report.html", batch_run(tmp_path, scenes), page_bytes=400_000)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    details = re.findall(r'<tr class="detail".*?</tr>\n?', text, flags=re.DOTALL)
    assert 200_000 < sum(map(len, details)) < 420_000


def test_the_same_run_gives_the_same_bytes_and_replaces_an_earlier_page(tmp_path):
    run = batch_run(tmp_path, five_scenes(tmp_path))
    path = tmp_path / "report.html"
    path.write_text("an earlier page")
    write_batch_page(path, run)
    first = path.read_bytes()
    write_batch_page(path, run)
    assert path.read_bytes() == first
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pictures", "report.html"]


def test_a_page_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(WriteError, match=r"nowhere/report\.html"):
        write_batch_page(tmp_path / "nowhere" / "report.html", batch_run(tmp_path, ()))


def test_a_run_without_scenes_is_a_page(tmp_path):
    page = page_of(batch_run(tmp_path, ()), tmp_path)
    assert "no scenes" in page.first("dl").text


def test_exposures_that_are_not_known_are_dashes(tmp_path):
    frames = (BatchFrame(name="a.jpg"), BatchFrame(name="b.jpg", ev=2.0))
    scene = BatchScene(name="attic", status=Status.FAILED, reason="no exposures", frames=frames)
    page = page_of(batch_run(tmp_path, (scene,)), tmp_path)
    rows = [row.text for row in page.first("table", "plain").first("tbody").all("tr")]
    assert rows == ["a.jpg" + "\N{EN DASH}" * 7, "b.jpg+2" + "\N{EN DASH}" * 6]


def test_a_merge_s_report_fills_a_scene():
    capture = Capture(captured_at=datetime(2026, 5, 1, 18, 30), camera="X", iso=100.0)
    report = merge_report(
        frame_report("a.jpg", -2.0, shift_px=3.0, registration="homography"),
        frame_report("b.jpg", 0.0, capture=capture),
        size_px=(60, 40), outputs={"radiance": Path("out/a.exr")},
    )  # fmt: skip
    scene = BatchScene.of_merge(report, name="a", warnings=("edited",))
    assert scene.warnings == ("edited", "odd")
    assert scene.size_px == (60, 40)
    assert scene.files == {"radiance": Path("out/a.exr")}
    assert scene.captured_at is not None and scene.captured_at.isoformat() == "2026-05-01T18:30:00"
    assert scene.camera == "X"
    assert [frame.reference for frame in scene.frames] == [False, True]
    assert (scene.frames[0].shift_px, scene.frames[1].shift_px, scene.frames[1].iso) == (3.0, None, 100.0)

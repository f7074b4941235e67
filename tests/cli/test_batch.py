"""`hdrfuse batch` from a folder of brackets to a folder of results."""

import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest
from daily import daily
from PIL import Image

from hdrfuse.batch.journal import open_journal
from hdrfuse.cli import main

from .brackets import frame_exif, listing, photograph, write_bracket

CLASSICAL = ("--method", "classical", "--workers", "1")


@pytest.fixture
def batch(run):
    """Run a batch by the classical method in one worker."""
    return lambda root, *words: run("batch", root, *CLASSICAL, *words)


def write_shoot(folder):
    write_bracket(folder / "monday" / "beach")
    write_bracket(folder / "hill", (-1.0, 1.0))
    return folder


@pytest.fixture
def shoot(tmp_path):
    """Two folders of a bracket each, one below the other's parent."""
    return write_shoot(tmp_path / "shoot")


@pytest.fixture(scope="module")
def kept_shoot(tmp_path_factory):
    """The shoot as a batch left it, and where it was then."""
    folder = write_shoot(tmp_path_factory.mktemp("merged") / "shoot")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert main(["batch", str(folder), *CLASSICAL]) == 0
    return shutil.copytree(folder, folder.with_name("kept")), folder


@pytest.fixture
def merged_shoot(kept_shoot):
    """The shoot with a batch's results in it, at its old place and with the old times of its files."""
    kept, folder = kept_shoot
    shutil.rmtree(folder)
    return shutil.copytree(kept, folder)


def results(out):
    """What was merged: everything but the accounts, which hold times."""
    accounts = {"journal.jsonl", "summary.json", "report.html"}
    return {
        name: data for name, data in listing(out).items() if name not in accounts and ".report" not in name and data
    }


def summary(out):
    return json.loads((out / "summary.json").read_text())


def statuses(out):
    return {scene["scene"]: scene["status"] for scene in summary(out)["scenes"]}


def test_every_bracket_becomes_what_merge_makes_of_it(run, shoot, tmp_path):
    card = tmp_path / "shoot" / "card"
    write_bracket(card, (-2.0, 0.0, 2.0), suffix=".jpg")
    for index, ev in enumerate((-2.0, 0.0, 2.0)):
        Image.fromarray(photograph(ev)).save(card / f"shot{index + 4}.jpg", quality=95, exif=frame_exif(ev))
    options = ("--method", "classical", "--tonemap", "drago", "--seed", "2")
    many = ("--format", "exr,hdr", "--ghost-maps", "--workers", "2", "--name", "{scene}")
    outcome = run("batch", shoot, *options, *many)
    assert outcome.code == 0, outcome.err
    out = shoot / "hdr"
    scenes = {scene["scene"]: scene["files"] for scene in summary(out)["scenes"]}
    assert len(scenes) == 4
    assert {"monday/beach", "hill"} < set(scenes)
    made = results(out)
    expected = {}
    for scene, files in scenes.items():
        for suffix in (".exr", ".hdr"):
            target = tmp_path / "merged" / f"{scene}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            previews = ("--ghost-map", target.with_suffix(".ghost.png")) if suffix == ".exr" else ("--no-preview",)
            assert run("merge", *files, "--out", target, *options, *previews).code == 0
    expected = results(tmp_path / "merged")
    assert set(made) == set(expected)
    assert [name for name in made if made[name] != expected[name]] == []
    assert len(made) == 16
    page = (out / "report.html").read_text()
    assert all(scene in page for scene in scenes)
    assert "4 merged" in outcome.out


def test_a_second_run_does_what_is_new_changed_or_gone(batch, merged_shoot):
    out = merged_shoot / "hdr"
    before = results(out)
    for path in (merged_shoot / "hill").iterdir():
        os.utime(path, (1, 1))  # a copy of the card
    outcome = batch(merged_shoot)
    assert outcome.code == 0
    assert "0 merged, 2 done before" in outcome.out
    assert results(out) == before
    write_bracket(merged_shoot / "new", (0.0, 2.0))
    Image.fromarray(photograph(1.0)[::-1]).save(merged_shoot / "hill" / "shot2.jpg", exif=frame_exif(1.0))
    assert batch(merged_shoot).code == 0
    assert statuses(out) == {"hill": "merged", "monday/beach": "kept", "new": "merged"}
    assert results(out)["hill.exr"] != before["hill.exr"]
    (out / "new.preview.jpg").unlink()
    (merged_shoot / "hill" / "exposure.txt").write_text("0\n2\n")
    assert batch(merged_shoot).code == 0
    assert statuses(out) == {"hill": "merged", "monday/beach": "kept", "new": "merged"}
    assert batch(merged_shoot, "--tonemap", "drago").code == 0
    assert set(statuses(out).values()) == {"merged"}


def test_bad_scenes_are_named_and_hold_up_no_other(batch, tmp_path):
    shoot = tmp_path / "shoot"
    for name in ("good", "truncated", "empty", "mislabelled", "sizes", "grey", "zz-good"):
        write_bracket(shoot / name)
    for name, exposures in (
        ("words", "-2\nzero\n2\n"),
        ("few", "-2\n0\n"),
        ("nan", "-2\n0\nnan\n"),
        ("same", "1\n1\n1\n"),
    ):
        (write_bracket(shoot / name) / "exposure.txt").write_text(exposures)
    write_bracket(shoot / "unexposed", exif=False)
    frame = shoot / "truncated" / "shot2.jpg"
    frame.write_bytes(frame.read_bytes()[:-2000])
    (shoot / "empty" / "shot1.jpg").write_bytes(b"")
    Image.fromarray(photograph(0.0)).save(shoot / "mislabelled" / "shot2.jpg", "PNG")
    Image.fromarray(photograph(0.0, size=(48, 64))).save(shoot / "sizes" / "shot2.jpg", exif=frame_exif(0.0))
    Image.fromarray(photograph(2.0)).convert("L").save(shoot / "grey" / "shot3.jpg", exif=frame_exif(2.0))
    (shoot / "notes").mkdir()
    (shoot / "notes" / "list.txt").write_text("milk")
    outcome = batch(shoot, "--group", "folder")
    assert outcome.code == 3
    out = shoot / "hdr"
    assert set(results(out)) == {f"{name}{end}" for name in ("good", "zz-good") for end in (".exr", ".preview.jpg")}
    reasons = {scene["scene"]: scene["reason"] for scene in summary(out)["scenes"] if scene["status"] == "failed"}
    expected = {
        "truncated": "shot2.jpg", "empty": "shot1.jpg: is empty", "mislabelled": "PNG", "sizes": "64 x 48",
        "grey": "grey", "words": "line 2", "few": "2 EVs for 3 images", "nan": "line 3", "same": "equal",
        "unexposed": "--exposures",
    }  # fmt: skip
    assert set(reasons) == set(expected)
    for scene, words in expected.items():
        assert words in reasons[scene]
        assert f"error: {scene}: {' '.join(reasons[scene].split())}" in outcome.err
    assert outcome.err.splitlines()[-1] == "error: 10 failed, 2 of 12 scenes are done"
    for name in expected:
        shutil.rmtree(shoot / name)
    assert batch(shoot, "--group", "folder").code == 0


@pytest.mark.slow
def test_what_no_batch_wrote_is_never_replaced_unasked(batch, shoot):
    out = shoot / "hdr"
    out.mkdir()
    (out / "hill.exr").write_bytes(b"mine")
    outcome = batch(shoot)
    assert outcome.code == 3
    assert "hill.exr: exists already" in outcome.err
    assert (out / "hill.exr").read_bytes() == b"mine"
    assert not (out / "hill.preview.jpg").exists()
    assert statuses(out) == {"hill": "failed", "monday/beach": "merged"}
    assert batch(shoot, "--overwrite").code == 0
    assert (out / "hill.exr").read_bytes() != b"mine"


def test_a_result_that_was_edited_is_kept(batch, merged_shoot):
    out = merged_shoot / "hdr"
    (out / "hill.preview.jpg").write_bytes(b"retouched")
    outcome = batch(merged_shoot)
    assert outcome.code == 0
    assert "hill.preview.jpg: was changed" in outcome.err
    outcome = batch(merged_shoot, "--tonemap", "drago")
    assert outcome.code == 3
    assert (out / "hill.preview.jpg").read_bytes() == b"retouched"


def test_an_edit_of_the_same_size_is_seen_and_never_lost(batch, merged_shoot):
    out = merged_shoot / "hdr"
    exr, preview = out / "hill.exr", out / "hill.preview.jpg"
    times = exr.stat()
    for path in (exr, preview):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    os.utime(preview, (1, 1))
    os.utime(exr, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a tool that keeps times leaves it
    edited = results(out)
    outcome = batch(merged_shoot)
    assert outcome.code == 0
    assert "hill.preview.jpg: was changed" in outcome.err
    preview.unlink()  # what is left seems untouched, and is about to be replaced
    outcome = batch(merged_shoot)
    assert outcome.code == 3
    assert "hill.exr: was changed since it was written; --overwrite" in outcome.err
    assert results(out)["hill.exr"] == edited["hill.exr"]


def test_an_edit_of_a_result_survives_a_scene_that_failed_since(batch, merged_shoot):
    out, frame = merged_shoot / "hdr", merged_shoot / "hill" / "shot1.jpg"
    sound = frame.read_bytes()
    frame.write_bytes(sound[:-900])
    assert batch(merged_shoot).code == 3
    (out / "hill.preview.jpg").write_bytes(b"retouched")
    frame.write_bytes(sound)
    os.utime(frame, (1, 1))
    Image.fromarray(photograph(1.5)).save(merged_shoot / "hill" / "shot2.jpg", exif=frame_exif(1.0))
    outcome = batch(merged_shoot)
    assert outcome.code == 3
    assert "hill.preview.jpg: was changed" in outcome.err
    assert (out / "hill.preview.jpg").read_bytes() == b"retouched"


def test_what_an_earlier_version_noted_is_still_taken_for_done(batch, merged_shoot):
    out = merged_shoot / "hdr"
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("written", None)
    (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = batch(merged_shoot)
    assert outcome.err == ""
    assert "0 merged, 2 done before" in outcome.out


@pytest.mark.parametrize("odd", ["deep", "number", "report"])
def test_an_odd_line_of_the_journal_costs_its_scene_another_merge_and_nothing_else(batch, merged_shoot, odd):
    out = merged_shoot / "hdr"
    lines = (out / "journal.jsonl").read_text().splitlines()
    match odd:
        case "deep":
            lines.append("[" * 200_000)
        case "number":
            lines.append('{"event": "begun", "scene": "hill", "root": 5, "captured_at": 7, "outputs": ["hill.exr"]}')
        case "report":
            done = next(index for index, line in enumerate(lines) if '"done"' in line and '"hill"' in line)
            lines[done] = json.dumps({**json.loads(lines[done]), "report": {}})
    (out / "journal.jsonl").write_text("\n".join(lines) + "\n")
    outcome = batch(merged_shoot)
    assert outcome.code == 0
    assert "journal.jsonl: 1 damaged line ignored" in outcome.err
    assert statuses(out) == {"hill": "merged" if odd == "report" else "kept", "monday/beach": "kept"}


@pytest.mark.slow
def test_other_photographs_of_the_same_names_replace_nothing(batch, shoot, tmp_path):
    out = tmp_path / "archive"
    assert batch(shoot, "--out", out).code == 0
    before = results(out)
    other = tmp_path / "other"
    write_bracket(other / "hill", (0.0, 2.0))
    write_bracket(other / "lake", (0.0, 2.0))
    outcome = batch(other, "--out", out)
    assert outcome.code == 3
    assert "of other photographs" in outcome.err
    assert {name: data for name, data in results(out).items() if not name.startswith("lake")} == before
    moved = shoot.rename(tmp_path / "moved")
    outcome = batch(moved, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "0 merged, 2 done before" in outcome.out


def test_two_batches_exclude_each_other(batch, shoot):
    out = shoot / "hdr"
    out.mkdir()
    with open_journal(out):
        outcome = batch(shoot)
    assert outcome.code == 2
    assert "another batch is writing there" in outcome.error


def test_a_dry_run_shows_the_plan_and_writes_nothing(batch, shoot):
    before = listing(shoot)
    outcome = batch(shoot, "--dry-run", "--name", "{date}-{scene}", "--format", "hdr")
    assert outcome.code == 0
    assert str(shoot / "hdr" / "monday" / "2024-05-04-beach.hdr") in outcome.out
    document = json.loads(batch(shoot, "--dry-run", "--json").out)
    outputs = {scene["scene"]: scene["outputs"] for scene in document["scenes"]}
    assert outputs["hill"] == [str(shoot / "hdr" / name) for name in ("hill.exr", "hill.preview.jpg")]
    assert listing(shoot) == before


def test_json_is_the_summary(batch, shoot):
    outcome = batch(shoot, "--json", "-q", "--no-preview", "--no-report")
    assert outcome.code == 0
    assert outcome.err == ""
    assert json.loads(outcome.out) == summary(shoot / "hdr")
    assert set(listing(shoot / "hdr")) == {"hill.exr", "monday", "monday/beach.exr", "journal.jsonl", "summary.json"}
    report = summary(shoot / "hdr")["scenes"][0]["report"]
    assert report["seconds"]["total"] > 0


@pytest.mark.slow
def test_views_of_equal_exposures_on_different_scales_are_named_with_the_way_out(batch, tmp_path):
    shoot = tmp_path / "panorama"
    for name, light in (("room", 0.0), ("window", 3.0)):
        folder = write_bracket(shoot / name)
        for index, ev in enumerate((-2.0, 0.0, 2.0)):
            Image.fromarray(photograph(ev + light)).save(
                folder / f"shot{index + 1}.jpg", quality=95, exif=frame_exif(ev)
            )
    outcome = batch(shoot)
    assert outcome.code == 0
    assert "different scales" in outcome.err
    assert "room on that of 1/64 s f/8 ISO 200; window on that of 1/256 s" in summary(shoot / "hdr")["warnings"][0]
    assert "--reference 1" in (shoot / "hdr" / "report.html").read_text()
    assert "different scales" in batch(shoot).err
    outcome = batch(shoot, "--reference", "1")
    assert outcome.code == 0
    assert summary(shoot / "hdr")["warnings"] == []


def test_a_scene_that_takes_too_long_is_given_up(batch, shoot):
    outcome = batch(shoot, "--timeout", "0.001")
    assert outcome.code == 3
    assert outcome.err.count("given up (--timeout)") >= 2
    assert results(shoot / "hdr") == {}


@pytest.mark.parametrize(
    ("words", "naming"),
    [
        (("--name", "{date:..}/{scene}"), "'../"), (("--name", "{date:..}/{scene}", "--dry-run"), "'../"),
        (("--name", "result"), "both be"), (("--name", "{camera}"), "{camera}"), (("--group", "some"), "--group some"),
        (("--format", "png"), "--format png"), (("--format", "hdr", "--half"), "--half"),
        (("--workers", "0"), "--workers 0"), (("--timeout", "0"), "--timeout 0"),
        (("--response", "nowhere.json"), "nowhere.json"),
        (("--preset", "nowhere.toml"), "nowhere.toml"), (("--exposures", "a,b"), "'a'"),
        (("--format", ""), "no format was named"), (("--name", "{scene}?"), "'?' is reserved"),
        (("--out", "FILE"), "is a file; a folder was expected"),
        (("--out", "FILE/hdr"), "is a file; a folder was expected"),
    ],
)  # fmt: skip
def test_usage_is_refused_before_anything_is_written_in_a_dry_run_too(batch, shoot, words, naming):
    write_bracket(shoot / "monday" / "pier")
    words = [word.replace("FILE", str(shoot / "hill" / "shot1.jpg")) for word in words]
    before = listing(shoot)
    outcome = batch(shoot, *words)
    assert outcome.code == 2
    assert naming in outcome.error
    assert batch(shoot, *words, "--dry-run") == outcome
    assert listing(shoot) == before


@pytest.mark.parametrize(
    ("words", "reason"),
    daily(
        1,
        [
            (("--exposures=-2,0,2",), "--exposures -2,0,2: 3 EVs for 2 images"),
            (("--reference", "2"), "--reference 2: the bracket has frames 0 to 1"),
            (("--name", "taken-{scene}"), "taken-hill.exr: exists already; --overwrite replaces it"),
        ],
    ),
)
def test_a_dry_run_names_the_scenes_that_fail_before_they_are_read(batch, shoot, words, reason):
    (shoot / "hdr").mkdir()
    (shoot / "hdr" / "taken-hill.exr").write_bytes(b"mine")
    before = listing(shoot)
    rehearsed = batch(shoot, *words, "--dry-run", "-q")
    assert rehearsed.code == 3
    failed, end = rehearsed.err.splitlines()
    assert failed.endswith(reason)
    assert end == "error: 1 of 2 scenes cannot be merged"
    document = json.loads(batch(shoot, *words, "--dry-run", "--json", "-q").out)
    problems = {scene["scene"]: scene["problem"] for scene in document["scenes"]}
    assert problems["beach"] is None
    assert problems["hill"].endswith(reason)
    assert listing(shoot) == before
    outcome = batch(shoot, *words, "-q")
    assert (outcome.code, outcome.err.splitlines()[0]) == (3, failed)


def test_a_dry_run_says_what_other_exposures_the_files_state(batch, shoot):
    shutil.rmtree(shoot / "hill")
    expected = "warning: monday/beach: --exposures -3,0,3: EXIF states -2,0,2; --exposures goes before EXIF"
    outcome = batch(shoot, "--exposures=-3,0,3", "--dry-run")
    assert outcome.code == 0
    assert outcome.err.startswith(expected)


def test_a_folder_without_brackets_is_refused(batch, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no bracket" in batch(tmp_path / "empty").error
    assert "nowhere" in batch(tmp_path / "nowhere").error
    write_bracket(tmp_path / "single", (0.0,))
    assert "shot1.jpg" in batch(tmp_path / "single").error
    assert not (tmp_path / "single" / "hdr").exists()


PRESET = """
method = "classical"
workers = 1
format = ["exr", "hdr"]
ghost-maps = true
preview = false
exposures = [0, 2]
seed = 3
name = "{scene}-{last}"
"""


def test_a_preset_holds_a_studios_settings(run, shoot, tmp_path):
    shutil.rmtree(shoot / "monday")
    (tmp_path / "studio.toml").write_text(PRESET)
    outcome = run(
        "batch", shoot, "--preset", tmp_path / "studio.toml", "--format", "tif", "--name", "{scene}", "--json"
    )
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert set(results(shoot / "hdr")) == {"hill.tif", "hill.ghost.png"}
    assert document["settings"]["--exposures"] == "0,2"
    (scene,) = document["scenes"]
    assert [each["ev_source"] for each in scene["report"]["inputs"]] == ["given"] * 2


@pytest.mark.parametrize("spelled", ["true", "True", "YES", "'on'", "1", "'1'"])
def test_a_preset_s_switches_are_spelled_as_people_do(run, shoot, tmp_path, spelled):
    opposite = {"true": "false", "True": "False", "YES": "No", "'on'": "'off'", "1": "0", "'1'": "'0'"}[spelled]
    preset = tmp_path / "studio.toml"
    outputs = {}
    for word in (spelled, opposite):
        preset.write_text(f"ghost-maps = {word}  # of the studio\npreview={word}\nmethod = classical\n")
        outcome = run("batch", shoot, "--preset", preset, "--dry-run", "--json")
        assert outcome.code == 0, outcome.err
        outputs[word] = [len(scene["outputs"]) for scene in json.loads(outcome.out)["scenes"]]
    assert outputs == {spelled: [3, 3], opposite: [1, 1]}


@pytest.mark.parametrize(
    ("text", "naming"),
    [("speed = 3", "speed"), ("seed = 'many'", "seed"),
     ("align = 'maybe'", "align: 'maybe' was found; expected one of true, false, yes, no, on, off, 1, 0"),
     ("half = 2", "half: 2 was found"), ("half = perhaps", "half: 'perhaps' was found"), ("method = 'best'", "method"),
     ("seed = {a = 1}", "seed"), ("format = [true]", "format"), ("= 3", "TOML"), ("dry-run = true", "dry-run"),
     (f"name = {'[' * 50_000}", "nested"), ('name = "{scene}\\u0000"', "NUL"), ('exposures = "\\u0000"', "NUL"),
     ("#" * 2_000_000, "small text file")],
)  # fmt: skip
def test_a_wrong_preset_is_named_with_its_key(run, shoot, tmp_path, text, naming):
    (tmp_path / "studio.toml").write_text(text)
    outcome = run("batch", shoot, "--preset", tmp_path / "studio.toml")
    assert outcome.code == 2
    assert "studio.toml" in outcome.error
    assert naming in outcome.error


def test_a_preset_puts_no_result_beside_the_output_folder(run, shoot, tmp_path):
    (tmp_path / "studio.toml").write_text('name = "{date:..}/{date:..}/{scene}"\nmethod = "classical"\n')
    before = listing(tmp_path)
    outcome = run("batch", shoot, "--preset", tmp_path / "studio.toml")
    assert outcome.code == 2
    assert "'../../beach'" in outcome.error or "'../../hill'" in outcome.error
    assert listing(tmp_path) == before

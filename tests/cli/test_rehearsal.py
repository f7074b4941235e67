"""merge --dry-run: what would be merged into what, and what a run would refuse before it merges."""

import json

import numpy as np
import pytest

from hdrfuse.formats import RadianceFacts
from hdrfuse.formats.writing import write_image

from .brackets import listing, write_bracket


def test_a_dry_run_shows_the_frames_and_the_files_and_writes_nothing(run, beach):
    before = listing(beach.parent)
    outcome = run("merge", beach, "--ghost-map", beach / "where.png", "--dry-run")
    assert outcome.code == 0, outcome.err
    result, preview, ghosts, *frames = outcome.out.splitlines()
    assert result.startswith(f"{beach}.exr  128 x 96, 3 frames, by lfdiff")
    assert [preview, ghosts] == [f"{beach}.preview.jpg", f"{beach}/where.png"]
    assert [frame.split() for frame in frames] == [
        ["shot1.jpg", "-2.00", "EV", "EXIF"],
        ["shot2.jpg", "+0.00", "EV", "EXIF", "reference"],
        ["shot3.jpg", "+2.00", "EV", "EXIF"],
    ]
    assert listing(beach.parent) == before


@pytest.mark.parametrize("words", [(), ("--reference", "shot3.jpg"), ("--exposures", "estimate")])
def test_a_dry_run_knows_what_the_run_reports(run, beach, words):
    command = ("merge", beach, "--method", "classical", *words, "--json", "-q")
    plan, report = (json.loads(run(*command, *more).out) for more in (("--dry-run",), ()))
    inputs, warnings = plan.pop("inputs"), plan.pop("warnings")
    assert plan == {name: report[name] for name in plan}
    for known, reported in zip(inputs, report["inputs"], strict=True):
        assert known == {name: reported[name] for name in known}
    assert warnings == report["warnings"][: len(warnings)]


@pytest.mark.parametrize(
    "words",
    [
        ("--reference", "9"), ("--reference", "shot9.jpg"), ("--exposures", "0,2"), ("--exposures=-8,0,8",),
        ("--out", "beach.bmp"), ("--out", "nowhere/beach.exr"), ("--out", "beach.exr", "--compression", "zap"),
        ("--response", "nothing.json"), ("--steps", "0"),
    ],
)  # fmt: skip
def test_a_dry_run_fails_where_the_run_fails_in_the_same_words(run, beach, monkeypatch, words):
    monkeypatch.chdir(beach.parent)
    outcome = run("merge", "beach", *words)
    assert outcome.code == 2
    assert run("merge", "beach", *words, "--dry-run") == outcome


def test_a_dry_run_finds_a_damaged_frame_and_a_result_that_exists(run, beach):
    assert run("merge", beach, "--method", "classical").code == 0
    outcome = run("merge", beach)
    assert "exists already" in outcome.error
    assert run("merge", beach, "--dry-run") == outcome
    shot = beach / "shot2.jpg"
    shot.write_bytes(shot.read_bytes()[:-2000])
    outcome = run("merge", beach, "--overwrite")
    assert "shot2.jpg" in outcome.err
    assert outcome.code == 2
    assert run("merge", beach, "--overwrite", "--dry-run") == outcome


def test_a_dry_run_knows_that_linear_frames_have_no_response(run, tmp_path):
    scene = tmp_path / "linear"
    scene.mkdir()
    for index, stops in enumerate((0, 2)):
        write_image(scene / f"{index}.exr", np.full((96, 128, 3), 0.1 * 2.0**stops, np.float32), RadianceFacts())
    words = ("merge", scene, "--exposures", "0,2", "--save-response", tmp_path / "curve.json")
    outcome = run(*words)
    assert "have no response" in outcome.err
    assert run(*words, "--dry-run").code == outcome.code == 2


def test_a_dry_run_warns_as_the_run_does(run, tmp_path):
    scene = write_bracket(tmp_path / "beach", evs=(-2.0, 2.0, 0.0))
    (scene / "exposure.txt").write_text("-2\n0\n2\n")
    words = ("merge", scene, "--method", "classical")
    rehearsed, outcome = (run(*words, *more) for more in (("--dry-run",), ()))
    assert outcome.code == 0, outcome.err
    warned = [line for line in rehearsed.err.splitlines() if line.startswith("warning:")]
    assert warned
    assert set(warned) <= set(outcome.err.splitlines())

"""A method is one row: whoever adds it is offered by every command, and no other file knows its name."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import numpy as np
import pytest
from cli.brackets import EVS, write_bracket
from data import public_sets

import hdrfuse
from hdrfuse.benchmark import quality
from hdrfuse.cli import main
from hdrfuse.deghosting.deghoster import DeghostedRadiance, Deghoster
from hdrfuse.deghosting.methods import CLASSICAL, DeghostingMethod, find_method, register, unregister
from hdrfuse.errors import BracketError, ExitCode, UsageError
from hdrfuse.formats import read_image
from hdrfuse.formats.facts import read_facts

GREY = 0.375


class Grey(Deghoster):
    """Whatever was photographed, a grey card comes out."""

    def merge(self, bracket, options, loaded, clock):
        with clock.stage("painting", 1.0):
            shape = bracket.frames[bracket.reference].pixels.shape
            return DeghostedRadiance(radiance=np.full(shape, GREY, np.float32), warnings=["the scene was ignored"])


class Nothing(Grey):
    """Gives no numbers."""

    def merge(self, bracket, options, loaded, clock):
        grey = super().merge(bracket, options, loaded, clock)
        return replace(grey, radiance=np.full_like(grey.radiance, np.nan))


@pytest.fixture
def grey():
    """A name that nobody can have written down anywhere, of a method that is registered."""
    row = DeghostingMethod(name=f"grey-{token_hex(4)}", help="paints a grey card", run_by=f"{__name__}:Grey")
    register(row)
    yield row.name
    unregister(row.name)


@pytest.fixture
def beach(tmp_path):
    return write_bracket(tmp_path / "shoot" / "beach")


def run(capfd, *words, code=ExitCode.DONE):
    capfd.readouterr()
    found = main([*map(str, words)])
    captured = capfd.readouterr()
    assert found == code, captured.err
    return captured


def holds_grey(path):
    assert read_facts(path).provenance["method"].startswith("grey-")
    return is_grey(read_image(path).pixels)


def is_grey(radiance):
    """Whether it is the card, but where the reference clips: that is never darker than its white."""
    return bool(radiance.min() == np.median(radiance) == GREY)


@pytest.mark.parametrize("command", ["merge", "batch", "eval"])
def test_a_registered_method_stands_in_the_help(grey, command, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert grey in run(capfd, command, "--help").out


def test_a_registered_method_merges(grey, beach, tmp_path, capfd):
    written = tmp_path / "a.exr"
    told = run(capfd, "merge", beach, "--method", grey, "--out", written, "--no-preview", "--json")
    report = json.loads(told.out)
    assert (report["method"], report["network"], report["tiles"]) == (grey, None, None)
    assert "painting" in report["seconds"]
    assert "the scene was ignored" in told.err
    assert holds_grey(written)
    assert is_grey(hdrfuse.merge(beach, method=grey).radiance)


def test_a_registered_method_reaches_the_workers_of_a_batch(grey, beach, capfd):
    write_bracket(beach.with_name("dunes"))
    run(capfd, "batch", beach.parent, "--method", grey, "--workers", "2", "--no-preview")
    results = sorted((beach.parent / "hdr").rglob("*.exr"))
    assert [path.stem for path in results] == ["beach", "dunes"]
    assert all(map(holds_grey, results))


def test_a_registered_method_is_scored(grey, tmp_path, capfd):
    public_sets.write_set(tmp_path / "set", "kalantari")
    words = ("--dataset", "kalantari", "--data", tmp_path / "set", "--no-pictures", "--json", "--out", tmp_path / "out")
    report = json.loads(run(capfd, "eval", *words, "--method", grey).out)
    assert {score["method"] for scene in report["scenes"] for score in scene["scores"]} == {grey}
    assert all(score["failure"] is None for scene in report["scenes"] for score in scene["scores"])


def test_a_registered_method_is_measured(grey):
    found = quality.measure_quality([0], size=(96, 64), motions=("static",))
    assert f"hdrfuse {grey}" in {each.method for each in found}


def test_errors_list_every_method_that_there_is(grey, beach, capfd):
    expected = f"'lfdiff', 'classical', '{grey}'"
    for command in (("merge", beach), ("batch", beach.parent)):
        assert expected in run(capfd, *command, "--method", "none", code=ExitCode.BAD_INPUT).err
    assert grey in run(capfd, "eval", "--table", "2", "--method", "none", code=ExitCode.BAD_INPUT).err
    with pytest.raises(UsageError, match=f"--method none: one of lfdiff, classical, {grey} was expected"):
        hdrfuse.merge(beach, method="none")


def test_a_method_is_asked_only_for_what_its_row_says(grey, beach, capfd):
    for words in (("--steps", "3"), ("--no-blend",), ("--tile", "64")):
        told = run(capfd, "merge", beach, "--method", grey, *words, code=ExitCode.BAD_INPUT).err
        assert words[0] in told
        assert f"--method {grey} does without" in told


def test_a_method_is_given_as_many_frames_as_it_takes(beach):
    row = replace(find_method("classical"), name=f"pair-{token_hex(4)}", most_frames=2)
    register(row)
    try:
        with pytest.raises(BracketError, match=f"--method {row.name}: takes 2 frames at most; found {len(EVS)}"):
            hdrfuse.merge(beach, method=row.name)
    finally:
        unregister(row.name)


def test_a_name_means_one_method():
    register(pickle.loads(pickle.dumps(CLASSICAL)))  # the same row, as a worker gets it
    with pytest.raises(UsageError, match="method classical: another one"):
        register(replace(CLASSICAL, help="mine"))


@pytest.mark.parametrize("name", ["reference", "grey:network", "../grey", ""])
def test_a_name_that_could_mean_something_else_is_refused(name):
    with pytest.raises(UsageError, match="was expected, and not"):
        replace(CLASSICAL, name=name)


@pytest.mark.slow
def test_an_installed_package_adds_a_method_and_a_broken_one_takes_none_away(beach, tmp_path):
    site = tmp_path / "site"
    for name, source in (("greycard", PACKAGE), ("broken", "raise OSError('no such library')")):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[hdrfuse.methods]\n{name} = {name}:ROW\n")
        (site / f"{name}.py").write_text(source)
    paths = [str(site), str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def program(*words):
        command = [sys.executable, "-m", "hdrfuse", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = program("batch", beach.parent, "--method", "greycard", "--workers", "1", "--no-preview")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert is_grey(read_image(beach.parent / "hdr" / "beach.exr").pixels)
    refused = program("merge", beach, "--method", "broken")
    assert refused.returncode == ExitCode.BAD_INPUT
    assert "broken: cannot be loaded: OSError: no such library" in refused.stderr


PACKAGE = """
from hdrfuse.deghosting.methods import DeghostingMethod
ROW = DeghostingMethod(name="greycard", help="paints a grey card", run_by="test_methods:Grey")
"""


@pytest.mark.parametrize(
    ("run_by", "code", "said"),
    [
        (f"{__name__}:Nothing", ExitCode.FAILED, "gave a radiance with NaN or infinity"),
        ("no_such_module:Method", ExitCode.BAD_INPUT, "no_such_module:Method cannot be loaded"),
        (f"{__name__}:NoClass", ExitCode.BAD_INPUT, "cannot be loaded"),
    ],
)
def test_a_method_that_fails_is_named_and_leaves_no_file(tmp_path, beach, capfd, run_by, code, said):
    row = DeghostingMethod(name=f"bad-{token_hex(4)}", help="fails", run_by=run_by)
    register(row)
    try:
        captured = run(capfd, "merge", beach, "--method", row.name, "--out", tmp_path / "a.exr", code=code)
    finally:
        unregister(row.name)
    assert f"--method {row.name}" in captured.err
    assert said in captured.err
    assert not list(tmp_path.glob("a.*"))

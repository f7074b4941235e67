import json
from contextlib import redirect_stdout
from io import StringIO

import pytest
from PIL import Image

from hdrfuse.cli import main
from hdrfuse.formats import read_image
from hdrfuse.metrics import psnr_mu

NAMES = {"demo-1.jpg", "demo-2.jpg", "demo-3.jpg", "truth.gt.exr", "moving.gt.png"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the demo's folder, and what the command printed."""
    folder = tmp_path_factory.mktemp("somewhere") / "demo"
    with redirect_stdout(StringIO()) as printed:
        assert main(["demo", str(folder)]) == 0
    return folder, printed.getvalue()


@pytest.fixture(scope="module")
def demo_folder(written):
    return written[0]


def test_the_demo_is_a_bracket_and_its_truth(demo_folder):
    assert {path.name for path in demo_folder.iterdir()} == NAMES
    assert Image.open(demo_folder / "demo-1.jpg").size == Image.open(demo_folder / "moving.gt.png").size


@pytest.mark.slow
def test_the_demo_merges_without_an_option_and_comes_close_to_its_truth(run, demo_folder):
    outcome = run("merge", demo_folder, "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert [entry["name"] for entry in report["inputs"]] == ["demo-1.jpg", "demo-2.jpg", "demo-3.jpg"]
    assert report["warnings"] == []
    merged = read_image(demo_folder.with_name("demo.exr")).pixels
    truth = read_image(demo_folder / "truth.gt.exr").pixels
    white = float(truth.max())
    assert psnr_mu(merged / white, truth / white) > 30


def test_the_files_are_listed_on_stdout(written):
    folder, printed = written
    assert set(printed.splitlines()) == {str(folder / name) for name in NAMES}


def test_existing_files_are_kept_unless_overwritten(refused, tmp_path):
    (tmp_path / "truth.gt.exr").write_bytes(b"mine")
    refused(tmp_path, "demo", tmp_path, naming="truth.gt.exr")


def test_a_file_in_the_folders_place_is_refused(refused, tmp_path):
    (tmp_path / "taken").write_text("a file")
    refused(tmp_path, "demo", tmp_path / "taken", naming="taken")


def test_a_negative_seed_is_bad_usage(refused, tmp_path):
    refused(tmp_path, "demo", tmp_path / "demo", "--seed", "-1", naming="seed")

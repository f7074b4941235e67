"""The benchmark measures what it says; and a floor under the quality of the merge itself."""

import json
import sys
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from PIL import Image

from hdrfuse.benchmark import disagreement, quality, speed
from hdrfuse.benchmark.camera_images import ways
from hdrfuse.benchmark.photographs import photograph_size
from hdrfuse.benchmark.tables import Results
from hdrfuse.brackets.scene import find_scene
from hdrfuse.cli import main
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.deghosting.methods import CLASSICAL, ready_methods
from hdrfuse.errors import ExitCode, HdrfuseError
from hdrfuse.evaluation.baselines import opencv_debevec
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.formats import read_header
from hdrfuse.imaging.bracket import read_bracket
from hdrfuse.machine import this_machine
from hdrfuse.pipeline import MergeOptions, merge_bracket


@pytest.fixture(scope="module")
def qualities() -> dict[tuple[str, str], float]:
    """PSNR-mu of the baselines and the classical method, by way to merge and motion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "ready_methods", lambda: [CLASSICAL])
        found = quality.measure_quality([0], size=(384, 288), motions=("static", "moving"))
    return {(each.method, each.motion): each.mean_db for each in found}


def test_photographs_are_jpeg_brackets_with_exposure_times(photographs: Path) -> None:
    headers = [read_header(path) for path in sorted(photographs.iterdir())]
    assert [(header.width, header.height) for header in headers] == [photograph_size(0.06)] * 3
    times_s = [header.capture.exposure_time_s for header in headers]
    assert times_s == pytest.approx([1 / 240, 1 / 60, 1 / 15])


def test_photographs_have_detail_of_a_pixels_size(photographs: Path) -> None:
    pixels = np.asarray(Image.open(photographs / "photograph-2.jpg")).astype(float)[..., 1]
    assert np.abs(np.diff(pixels, axis=1)).mean() > 3


def test_a_fresh_process_reports_time_memory_and_output() -> None:
    run = speed.run_in_fresh_process([sys.executable, "-c", "block = bytearray(200_000_000); print('done')"])
    assert run.output == "done\n"
    assert 200 < run.peak_memory_mb < 300
    assert run.processor_s > 0
    assert run.seconds > 0


def test_peak_memory_of_a_process_is_its_own() -> None:
    block = np.ones(40_000_000)  # 320 MB in this process
    run = speed.run_in_fresh_process([sys.executable, "-c", "pass"])
    assert run.peak_memory_mb < 100
    assert block.sum() > 0


def test_a_process_that_fails_is_an_error_with_its_last_line() -> None:
    with pytest.raises(HdrfuseError, match=r"exited 1 .*ValueError: no light"):
        speed.run_in_fresh_process([sys.executable, "-c", "raise ValueError('no light')"])


@pytest.mark.slow
def test_speed_has_both_tools_on_the_same_files_and_their_ratio() -> None:
    timings = speed.measure_speed([0.06], repetitions=1)
    assert [timing.tool for timing in timings] == [
        speed.HELP, *(f"hdrfuse {method.name}" for method in ready_methods()), speed.OPENCV
    ]  # fmt: skip
    *_, ours, peer = timings
    assert peer.ratio == 1.0
    assert ours.ratio == pytest.approx(ours.median_s / peer.median_s, rel=0.02)
    assert {"reading", "merging", "writing"} <= ours.stages.keys() & peer.stages.keys()
    assert "total" not in ours.stages
    text = Results(machine=this_machine(), speed=timings).as_text(width=120)
    assert "ratio" in text
    assert f"{ours.ratio:.2f}" in text


@pytest.mark.usefixtures("classical_alone")
def test_bench_prints_quality_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--what", "quality", "--seeds", "1", "--size", "96x64", "--quiet"]
    assert main(arguments) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert all(name in out for name in (*quality.methods(), *quality.MOTIONS))
    assert err == ""


@pytest.mark.usefixtures("classical_alone")
def test_bench_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--what", "quality", "--seeds", "1", "--size", "96x64", "--quiet", "--json"]
    assert main(arguments) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"machine", "speed", "quality", "images", "camera", "stacks", "calibration", "settings"}
    assert found["machine"].keys() == {"processor", "cores", "system", "versions"}
    assert found["quality"][0].keys() == {"method", "motion", "psnr_mu_db", "mean_db"}
    assert len(found["quality"]) == len(quality.methods()) * len(quality.MOTIONS)


@pytest.mark.parametrize(
    "arguments", [["--size", "1024"], ["--megapixels", "many"], ["--megapixels", "0"], ["--stacks", "nowhere"]]
)
def test_bench_refuses_nonsense_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments, "--quiet"]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert arguments[1] in err


def test_frames_of_one_curve_agree_under_it_and_under_no_other() -> None:
    light = np.random.default_rng(0).uniform(0.02, 0.9, (120, 160, 3))
    frames = [np.rint(255 * (light * gain) ** (1 / 3)).astype(np.uint8) for gain in (0.25, 1.0)]
    cubed = disagreement.median_disagreement(frames, [2.0], lambda encoded, channel: encoded**3)
    srgb = disagreement.median_disagreement(frames, [2.0], disagreement.srgb_to_linear)
    assert cubed is not None
    assert srgb is not None
    assert cubed < 0.02
    assert srgb > 0.3


def test_stacks_are_measured_before_and_after_calibration(photographs: Path) -> None:
    bracket = read_bracket(find_scene([photographs]))
    found = disagreement.stack_disagreement(bracket, merge_bracket(bracket, MergeOptions(method="classical")))
    assert (found.stack, found.frames) == ("study", 3)
    assert found.srgb_ev is not None
    assert found.with_gains_ev is not None
    assert found.with_gains_ev < found.srgb_ev / 2


def test_moving_scenes_merge_far_better_than_by_triangle_weights(qualities: dict[tuple[str, str], float]) -> None:
    ours = qualities["hdrfuse classical", "moving"]
    assert ours > qualities["triangle weights, true curve", "moving"] + 5
    assert ours > qualities["reference frame alone", "moving"] + 3


def test_static_scenes_lose_nothing_to_deghosting(qualities: dict[tuple[str, str], float]) -> None:
    ours = qualities["hdrfuse classical", "static"]
    assert ours > qualities["triangle weights, true curve", "static"] - 0.5


def test_opencv_is_scored_where_its_frames_have_data() -> None:
    bracket = KnownBracket.of(procedural_bracket(1, motion="handheld", size=(512, 384)))
    radiance, (rows, columns) = opencv_debevec(bracket, align=True)
    assert radiance.shape == bracket.truth.shape
    assert 300 < rows.stop - rows.start < 384
    assert 400 < columns.stop - columns.start < 512
    assert np.isfinite(radiance[rows, columns]).all()
    assert fmean(radiance[rows, columns].ravel()) == pytest.approx(fmean(bracket.truth.ravel()), rel=0.15)


@pytest.mark.usefixtures("classical_alone")
def test_stacks_are_measured_alone(photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["bench", "--what", "stacks", "--stacks", str(photographs.parent), "--quiet", "--json"]) == ExitCode.DONE
    )
    found = json.loads(capsys.readouterr().out)
    assert [stack["stack"] for stack in found["calibration"]] == ["study"]
    assert [(stack["stack"], stack["method"]) for stack in found["stacks"]] == [("study", name) for name in ways()]
    assert [name for name in ("speed", "quality", "images", "camera", "settings") if found.get(name)] == []

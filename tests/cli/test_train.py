"""Training as a user does it: on small images, with a small network, killed, interrupted and out of space."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import torch
import typer
from torch.distributed.run import get_args_parser

import hdrfuse
from hdrfuse.cli import train, training_options
from hdrfuse.cli.app import app
from hdrfuse.data.layouts import LAYOUTS
from hdrfuse.errors import ExitCode
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.weights import load_weights, read_tensors
from hdrfuse.training.objectives import OBJECTIVES
from hdrfuse.training.recipe import RECIPES, SCHEDULES
from hdrfuse.training.request import STAGES

from .full_disk import files_of_at_most

TINY = {
    "alignment_channels": 8, "channels": 16, "heads": 2, "frms_per_block": (1,), "prior_width": 8,
    "prior_residuals": 1, "condition_width": 8, "denoiser_width": 4, "sampling_steps": 2,
}  # fmt: skip
SMALL = ("--batch", "2", "--crop", "32", "--log-every", "2", "--validation", "2", "--workers", "0", "--device", "cpu")

PROGRAM = f"""
import sys
from dataclasses import replace
import torch
torch.set_num_threads(1)
from hdrfuse.lfdiff.config import PRESETS
PRESETS["fast"] = replace(PRESETS["fast"], **{TINY!r})
from hdrfuse.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The program with a small network."""


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setitem(PRESETS, "fast", replace(PRESETS["fast"], **TINY))
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images(tmp_path) -> Path:
    """Two images to train on, one to validate with and one of the test set."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("city", "interior", "dresden_square", "venice"):
        pixels = np.random.default_rng(len(name)).random((8, 16, 3), np.float32)
        cv2.imwrite(str(folder / f"{name}.hdr"), cv2.resize(pixels, (128, 64)))
    return folder


def lines(run_folder: Path) -> list[dict]:
    return [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]


def start(*words) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(Path(hdrfuse.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for_step(process: subprocess.Popen, run_folder: Path, step: int) -> None:
    while not (run_folder / "log.jsonl").is_file() or not any(line["step"] >= step for line in complete(run_folder)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def complete(run_folder: Path) -> list[dict]:
    text = (run_folder / "log.jsonl").read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def same_weights(a: Path, b: Path) -> None:
    mine, yours = (read_tensors(folder / "checkpoint.safetensors")[0] for folder in (a, b))
    assert mine.keys() == yours.keys()
    for name, value in mine.items():
        assert torch.equal(value, yours[name]), name


def test_both_stages_leave_weights_a_log_and_pictures(run, images, tmp_path):
    first, second = tmp_path / "runs" / "1", tmp_path / "runs" / "2"
    done = run("train", "--stage", "1", "--data", images, "--out", first, "--steps", "4", *SMALL)
    assert done.code == 0, done.err
    assert done.out.startswith(f"{first / 'weights.safetensors'}  step 4 of 4, ")
    assert "PSNR-mu" in done.out
    said = done.err.splitlines()
    assert said[:2] == ["decoding images", "stage1, fast: 4 steps of 2 x 32 px, fp32"]
    assert said[2].startswith("step 2 of 4: loss 0.")
    assert "patches/s, 0:00:0" in said[2]
    assert said[-1].startswith("step 4 of 4: validation PSNR-mu ")
    assert [path.name for path in (first / "pictures").iterdir()] == ["step-0000004.png"]
    assert cv2.imread(str(first / "pictures" / "step-0000004.png")).shape == (2 * 192 + 4, 3 * 192 + 8, 3)
    done = run(
        "train", "--stage", "2", "--stage1", first, "--data", images, "--cache", first / "cache", "--out", second,
        "--steps", "2", "--json", "-q", *SMALL,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.err == ""
    report = json.loads(done.out)
    assert (report["step"], report["skipped"], report["recipe"]["objective"]) == (2, 0, "stage2")
    _, metadata = load_weights(second / "weights.safetensors")
    assert metadata.config.prior == "diffusion"
    assert metadata.training["sources"] == ["city", "interior"]  # no image of the test split, none of validation's
    shown = run("info", second / "weights.safetensors")
    assert shown.code == 0
    assert "training.recipe.learning_rate" in shown.out
    assert "venice" not in shown.out


def test_table_3_names_the_other_stages(run, images, tmp_path):
    words = ("--table3", "baseline", "--data", images, "--steps", "1", *SMALL)
    assert run("train", *words, "--out", tmp_path / "run").code == 0
    assert load_weights(tmp_path / "run" / "weights.safetensors")[1].config.prior == "none"


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_very_same_weights(run, images, tmp_path):
    words = ("train", "--stage", "1", "--data", images, "--cache", tmp_path / "cache", "--steps", "12", *SMALL)
    assert run(*words, "--out", tmp_path / "whole").code == 0
    killed = start(*words, "--out", tmp_path / "killed", "--save-every", "0", "--log-every", "1")
    wait_for_step(killed, tmp_path / "killed", 5)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    done = run("train", "--resume", "--out", tmp_path / "killed", "--workers", "1", "--log-every", "2")
    assert done.code == 0, done.err
    same_weights(tmp_path / "whole", tmp_path / "killed")
    steps = [line["step"] for line in lines(tmp_path / "killed")]
    assert steps == sorted(steps)
    assert steps[-1] == 12
    assert not list((tmp_path / "killed").glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_leaves_a_checkpoint_and_says_so_in_one_line(run, images, tmp_path, number):
    out = tmp_path / "run"
    process = start(
        "train", "--stage", "1", "--data", images, "--out", out, "--steps", "100000", *SMALL, "--workers", "1"
    )
    wait_for_step(process, out, 2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == ExitCode.INTERRUPTED, stderr
    errors = [line for line in stderr.splitlines() if not line.startswith(("step", "stage1", "decoding"))]
    assert len(errors) == 1, stderr
    assert errors[0].startswith("error: interrupted at step ")
    assert "--resume" in errors[0]
    assert stdout == ""
    step = int(errors[0].split("at step ")[1].split()[0])
    assert json.loads(read_tensors(out / "checkpoint.safetensors")[1]["progress"])["step"] == step
    done = run("train", "--resume", "--out", out, "--steps", step, "-q")
    assert done.code == 0, done.err
    assert f"step {step} of {step}" in done.out


def test_a_full_disk_is_one_line_and_keeps_the_old_checkpoint(run, images, tmp_path):
    out = tmp_path / "run"
    words = ("train", "--data", images, "--out", out)
    assert run(*words, "--stage", "1", "--steps", "2", *SMALL).code == 0
    kept = (out / "checkpoint.safetensors").read_bytes()
    with files_of_at_most(len(kept) // 2):
        outcome = run("train", "--resume", "--out", out, "--steps", "4", "-q", "--workers", "0")
    assert outcome.code == ExitCode.FAILED
    assert "checkpoint.safetensors: cannot be written" in outcome.error
    assert outcome.out == ""
    assert (out / "checkpoint.safetensors").read_bytes() == kept
    assert not [path for path in out.iterdir() if "tmp" in path.name]
    assert run("train", "--resume", "--out", out, "--steps", "4", "-q").code == 0


def test_a_damaged_image_is_left_out_with_a_warning_and_counted(run, images, tmp_path):
    broken = images / "interior.hdr"
    broken.write_bytes((images / "city.hdr").read_bytes()[:-50])
    out = tmp_path / "run"
    done = run("train", "--stage", "1", "--data", images, "--out", out, "--steps", "1", *SMALL)
    assert done.code == 0
    (warning,) = [line for line in done.err.splitlines() if line.startswith("warning")]
    assert "interior.hdr" in warning
    assert "1 damaged left out" in done.out
    assert "interior.hdr" in lines(out)[0]["skipped"][0]


def test_a_loss_that_is_no_number_is_one_line_and_keeps_the_last_checkpoint(run, images, tmp_path, monkeypatch):
    out = tmp_path / "run"
    assert run("train", "--stage", "1", "--data", images, "--out", out, "--steps", "2", *SMALL).code == 0
    kept = (out / "checkpoint.safetensors").read_bytes()
    from hdrfuse.training.losses import ReconstructionLoss

    monkeypatch.setattr(ReconstructionLoss, "forward", lambda self, tonemapped, truth: tonemapped.sum() * float("nan"))
    done = run("train", "--resume", "--out", out, "--steps", "4", "-q", "--workers", "0")
    assert done.code == ExitCode.FAILED
    assert done.error.startswith("error: step 2: reconstruction is nan")
    assert (out / "checkpoint.safetensors").read_bytes() == kept


def test_a_time_limit_ends_with_a_checkpoint(run, images, tmp_path):
    out = tmp_path / "run"
    done = run("train", "--stage", "1", "--data", images, "--out", out, "--max-minutes", "0", *SMALL)
    assert done.code == 0
    assert "--resume goes on" in done.out
    assert (out / "checkpoint.safetensors").is_file()


def test_a_resumed_run_says_what_it_does_otherwise(run, images, tmp_path):
    out = tmp_path / "run"
    assert run("train", "--stage", "1", "--data", images, "--out", out, "--steps", "2", *SMALL).code == 0
    done = run("train", "--resume", "--out", out, "--steps", "3", "--workers", "0")
    assert done.code == 0
    assert "warning: the run goes on with another plan: steps 2 -> 3" in done.err.splitlines()


def test_a_public_set_is_trained_on_and_its_test_scenes_are_left_alone(run, tmp_path):
    from_scene(tmp_path / "set" / "Training", names=("a", "b", "c"))
    (tmp_path / "set" / "Test" / "001").mkdir(parents=True)  # empty: opening it would be an error
    words = ("--dataset", "kalantari", "--data", tmp_path / "set", "--out", tmp_path / "run")
    done = run("train", "--stage", "1", *words, "--steps", "1", *SMALL)
    assert done.code == 0, done.err
    training = load_weights(tmp_path / "run" / "weights.safetensors")[1].training
    assert training["dataset"] == "kalantari"
    assert len(training["sources"]) == 2


def from_scene(folder: Path, names) -> None:
    """Scenes in Kalantari's layout."""
    import tifffile

    for name in names:
        (folder / name).mkdir(parents=True)
        radiance = np.random.default_rng(len(name)).random((40, 48, 3), np.float32)
        for index, ev in enumerate((-2, 0, 2)):
            exposed = np.clip(radiance * 2.0 ** (ev + 2), 0, 1) ** (1 / 2.2)
            pixels = np.round(exposed * 65535).astype(np.uint16)
            tifffile.imwrite(folder / name / f"{index}.tif", pixels, photometric="rgb")
        (folder / name / "exposure.txt").write_text("-2\n0\n2\n")
        cv2.imwrite(str(folder / name / "HDRImg.hdr"), radiance[..., ::-1])


@pytest.mark.parametrize(
    ("words", "naming"),
    [
        ((), "--stage"), (("--stage", "2"), "--stage1"), (("--stage", "1", "--table3", "direct"), "--table3"),
        (("--stage", "1", "--stage1", "x"), "--stage1"), (("--stage", "3"), "--stage"),
        (("--stage", "1", "--crop", "50"), "--crop 50"), (("--stage", "1", "--learning-rate", "-1"), "--learning-rate"),
        (("--stage", "1", "--steps", "0"), "--steps"), (("--stage", "1", "--device", "tpu"), "--device tpu"),
        (("--stage", "1", "--data", "nowhere"), "nowhere: no such folder"),
        (("--stage", "1", "--vgg", "nothing.safetensors"), "nothing.safetensors"),
        (("--stage", "2", "--stage1", "nowhere"), "nowhere"),
        (("--stage", "1", "--start-from", "nowhere"), "nowhere: no such file"),
        (("--stage", "2", "--stage1", "s", "--start-from", "w"), "--start-from"),
        (("--stage", "block-means"), "--start-from: block-means leaves the reconstruction as it is"),
        (("--stage", "1", "--packed-samples", "32"), "--packed-samples 32: for --stage block-means"),
        (("--stage", "1", "--dataset", "hu", "--movers", "m"), "--movers"),
        (("--stage", "1", "--dataset", "hu"), "Training"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(run, images, tmp_path, words, naming):
    given = () if "nowhere" in words[-1:] and "--data" in words else ("--data", images)
    outcome = run("train", *words, *given, "--out", tmp_path / "run", "-q")
    assert outcome.code == 2, outcome
    assert naming in outcome.error
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_a_prior_of_block_means_is_added_to_weights_without_one(run, images, tmp_path):
    common = ("--data", images, "--cache", tmp_path / "cache", "--steps", "1", *SMALL)
    assert run("train", "--table3", "baseline", "--out", tmp_path / "plain", *common).code == 0
    start = tmp_path / "plain" / "weights.safetensors"
    words = ("--stage", "block-means", "--start-from", start, "--out", tmp_path / "run", *common)
    done = run("train", *words, "--packed-samples", "20")
    assert done.code == 0, done.err
    packed = sorted((tmp_path / "cache" / "blocks").glob("blocks-*.npy"))
    assert [np.load(file).shape[0] for file in packed] == [32]
    model, metadata = load_weights(tmp_path / "run" / "weights.safetensors")
    assert metadata.config.prior == "block-means"
    plain, _ = load_weights(start)
    own = model.reconstruction.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in plain.reconstruction.state_dict().items())


def test_blocks_are_packed_again_of_an_image_that_changed_under_its_name(run, images, tmp_path):
    common = ("--data", images, "--cache", tmp_path / "cache", "--steps", "1", *SMALL)
    assert run("train", "--table3", "baseline", "--out", tmp_path / "plain", *common).code == 0
    words = ("--stage", "block-means", "--start-from", tmp_path / "plain" / "weights.safetensors", *common)
    for number, changed in ((1, False), (2, False), (3, True)):
        if changed:
            (images / "city.hdr").write_bytes((images / "interior.hdr").read_bytes())
        assert run("train", *words, "--packed-samples", "1", "--out", tmp_path / f"run{number}").code == 0
        assert len(list((tmp_path / "cache" / "blocks").glob("blocks-*.npy"))) == (2 if changed else 1)


def test_choices_are_the_keys_of_what_they_choose():
    assert (*get_args(train.Row), "block-means") == tuple(OBJECTIVES)
    assert get_args(train.Stage) == tuple(STAGES)
    assert set(get_args(train.Preset)) == set(RECIPES) == set(PRESETS)
    assert get_args(training_options.Schedule) == tuple(SCHEDULES)
    assert get_args(train.Dataset) == ("synthetic", *LAYOUTS)


def test_no_data_is_one_line(run, tmp_path):
    assert "--data" in run("train", "--stage", "1", "--out", tmp_path / "run", "-q").error


def test_another_stage_does_not_go_on_with_a_run(run, images, tmp_path):
    out = tmp_path / "run"
    assert run("train", "--stage", "1", "--data", images, "--out", out, "--steps", "1", *SMALL).code == 0
    assert "holds a run already" in run("train", "--stage", "1", "--data", images, "--out", out, "-q").error
    assert "not stage2" in run("train", "--stage", "2", "--out", out, "--resume", "-q").error


def test_torchrun_takes_none_of_trains_options_for_its_own():
    """It reads short forms of its options before it comes to ours."""
    command = typer.main.get_command(app).commands["train"]
    flags = [flag for option in command.params for flag in option.opts if flag.startswith("--")]
    assert "--start-from" in flags
    for flag in flags:
        words = get_args_parser().parse_args(["-m", "hdrfuse", "train", flag, "value"])
        assert words.training_script_args == ["train", flag, "value"]

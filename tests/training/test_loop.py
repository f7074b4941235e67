import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from hdrfuse.errors import BadInputError, HdrfuseError, WeightsError
from hdrfuse.formats import atomic
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.weights import load_weights, read_tensors
from hdrfuse.training.distributed import World
from hdrfuse.training.loop import Pace, train
from hdrfuse.training.losses import ReconstructionLoss
from hdrfuse.training.recipe import Recipe
from hdrfuse.training.task import Task
from hdrfuse.training.validation import mean_psnr_mu, reference_only, validation_set

FAST_PACE = Pace(log_every_steps=1, validate_every_minutes=0, save_every_minutes=0, workers=0)


def task(brackets, objective="stage1", earlier=None, **changes):
    recipe = Recipe(
        objective=objective,
        preset="tiny",
        batch=2,
        crop_px=32,
        **{"steps": 4, "learning_rate": 2e-3, "schedule": "cosine", "perceptual_weight": 0.0} | changes,
    )
    return Task(
        recipe=recipe,
        brackets=brackets,
        validation=validation_set(brackets, 2),
        reconstruction_loss=ReconstructionLoss(),
        notes={"sources": ["flat"]},
        earlier_run=earlier,
    )


def run(a_task, folder, pace=FAST_PACE, **options):
    return train(a_task, folder, pace=pace, world=World(), **options)


def test_a_run_leaves_weights_a_checkpoint_and_a_log(flat_brackets, tmp_path):
    assert run(task(flat_brackets), tmp_path / "run").step == 4
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "log.jsonl",
        "pictures",
        "weights.safetensors",
    ]
    _, metadata = load_weights(tmp_path / "run" / "weights.safetensors")
    assert metadata.training["recipe"]["seed"] == 0
    assert metadata.training["sources"] == ["flat"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reconstruction" in line] == [1, 2, 3, 4]
    assert any("psnr_mu" in line for line in lines)


def test_the_last_steps_are_logged_whatever_the_pace(flat_brackets, tmp_path):
    run(task(flat_brackets, steps=3), tmp_path, Pace(log_every_steps=2, workers=0))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reconstruction" in line] == [2, 3]


def test_training_beats_the_reference(flat_brackets, tmp_path):
    a_task = task(flat_brackets, steps=60)
    run(a_task, tmp_path, Pace(log_every_steps=60, workers=0))
    score = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["psnr_mu"]
    assert score > mean_psnr_mu(reference_only, a_task.validation) + 3


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(flat_brackets, tmp_path):
    run(task(flat_brackets), tmp_path / "whole")
    assert run(task(flat_brackets), tmp_path / "parts", Pace(max_minutes=0, workers=0)).step == 1
    assert run(task(flat_brackets), tmp_path / "parts", resume=True).step == 4
    whole, _ = read_tensors(tmp_path / "whole" / "checkpoint.safetensors")
    parts, _ = read_tensors(tmp_path / "parts" / "checkpoint.safetensors")
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=0)


def test_a_run_is_not_overwritten_unasked(flat_brackets, tmp_path):
    run(task(flat_brackets), tmp_path)
    with pytest.raises(BadInputError, match="holds a run already"):
        run(task(flat_brackets), tmp_path)


def test_a_checkpoint_of_another_network_is_refused(flat_brackets, tmp_path):
    run(task(flat_brackets), tmp_path)
    with pytest.raises(WeightsError, match="another network"):
        run(task(flat_brackets, objective="baseline"), tmp_path, resume=True)


@pytest.mark.parametrize(
    ("metadata", "tensor", "says"),
    [
        ({"progress": "5"}, None, "another network"), ({"progress": "{}"}, None, "no 'step'"),
        ({"progress": '{"step": -1, "minutes": 0, "scores": []}'}, None, "expected a step"),
        ({"progress": "[" * 100_000}, None, "another network"), ({"config": "5"}, None, "config 5"),
        ({"config": '{"frm_pool": 0}'}, None, "frm_pool 0"), ({}, "optimizer.0.exp_avg", "expected"),
        ({}, "optimizer.999.exp_avg", "of no parameter"), ({}, "average.reconstruction.last.bias", "expected"),
        ({}, "model.reconstruction.last.bias", "NaN"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_lies_is_refused_by_name(flat_brackets, tmp_path, metadata, tensor, says):
    run(task(flat_brackets, steps=1), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    tensors, stated = read_tensors(path)
    if tensor is not None:
        tensors[tensor] = torch.full((7, 7), math.nan if says == "NaN" else 0.0)
    save_file(tensors, path, stated | metadata)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors: .*" + says):
        run(task(flat_brackets, steps=2), tmp_path, resume=True)


@pytest.mark.parametrize("objective", ["stage2", "direct", "split"])
def test_what_follows_stage_1_starts_from_its_network_and_compares_with_its_prior(flat_brackets, tmp_path, objective):
    run(task(flat_brackets), tmp_path / "s1")
    run(task(flat_brackets, objective, earlier=tmp_path / "s1", steps=2), tmp_path / "s2")
    model, _ = load_weights(tmp_path / "s2" / "weights.safetensors")
    assert model.config.prior == ("direct" if objective == "direct" else "diffusion")
    assert not hasattr(model, "true_prior")
    if objective == "split":
        before, _ = read_tensors(tmp_path / "s1" / "weights.safetensors")
        assert all(
            torch.equal(value, before[f"reconstruction.{name}"])
            for name, value in model.reconstruction.state_dict().items()
        )


def test_block_means_are_learned_beside_a_reconstruction_that_stays_as_it_is(flat_brackets, tmp_path):
    run(task(flat_brackets, "baseline"), tmp_path / "plain")
    start = tmp_path / "plain" / "weights.safetensors"
    a_task = replace(task(flat_brackets, "block-means", steps=60), start=start)
    run(a_task, tmp_path / "prior", Pace(log_every_steps=1, workers=0))
    model, _ = load_weights(tmp_path / "prior" / "weights.safetensors")
    before, _ = read_tensors(start)
    own = model.reconstruction.state_dict()
    assert all(torch.equal(value, before[f"reconstruction.{name}"].float()) for name, value in own.items())
    lines = [json.loads(line) for line in (tmp_path / "prior" / "log.jsonl").read_text().splitlines()]
    errors = [line["prior"] for line in lines if "prior" in line]
    assert sum(errors[-10:]) < 0.5 * sum(errors[:10])
    assert [line["trust"] for line in lines if "trust" in line][-1] < 0  # what is swapped in takes error away
    plain, _ = load_weights(start)
    with torch.inference_mode():
        scores = [mean_psnr_mu(lambda bracket, m=m: m(bracket.frames), a_task.validation) for m in (plain, model)]
    assert scores[1] > scores[0] + 1


def test_stage_2_without_stage_1_is_refused(flat_brackets, tmp_path):
    with pytest.raises(BadInputError, match="follows a stage-1 run"):
        run(task(flat_brackets, "stage2"), tmp_path)


def test_a_checkpoint_of_a_network_of_other_numbers_is_refused(flat_brackets, tmp_path, monkeypatch):
    run(task(flat_brackets), tmp_path / "run")
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], mu=500.0))
    with pytest.raises(WeightsError, match=r"mu 5000.0 -> 500.0"):
        run(task(flat_brackets, steps=5), tmp_path / "run", resume=True)


@pytest.mark.parametrize("objective", ["baseline", "stage1"])
def test_a_run_without_a_denoiser_goes_on_whatever_one_would_predict(flat_brackets, tmp_path, monkeypatch, objective):
    run(task(flat_brackets, objective, steps=1), tmp_path / "run")
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], denoiser_predicts="noise"))
    assert run(task(flat_brackets, objective, steps=2), tmp_path / "run", resume=True).step == 2


def test_a_diffusion_that_predicts_something_else_is_another_network(flat_brackets, tmp_path, monkeypatch):
    run(task(flat_brackets, steps=1), tmp_path / "s1")
    run(task(flat_brackets, "split", earlier=tmp_path / "s1", steps=1), tmp_path / "s2")
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], denoiser_predicts="noise"))
    with pytest.raises(WeightsError, match=r"denoiser_predicts v -> noise"):
        run(task(flat_brackets, "split", earlier=tmp_path / "s1", steps=2), tmp_path / "s2", resume=True)


def test_a_prior_of_block_means_has_a_denoiser_too(flat_brackets, tmp_path, monkeypatch):
    run(task(flat_brackets, "baseline", steps=1), tmp_path / "plain")
    start = tmp_path / "plain" / "weights.safetensors"
    run(replace(task(flat_brackets, "block-means", steps=1), start=start), tmp_path / "prior")
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], denoiser_predicts="noise"))
    with pytest.raises(WeightsError, match=r"denoiser_predicts v -> noise"):
        run(replace(task(flat_brackets, "block-means", steps=2), start=start), tmp_path / "prior", resume=True)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(flat_brackets, tmp_path):
    run(task(flat_brackets, steps=2), tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    class Broken:
        def __getitem__(self, index):
            sample = flat_brackets[index]
            sample.radiance[:] = math.nan
            return sample

    with pytest.raises(HdrfuseError, match="step 2"):
        train(
            Task(
                recipe=task(flat_brackets, steps=9).recipe,
                brackets=Broken(),
                validation=[],
                reconstruction_loss=ReconstructionLoss(),
            ),
            tmp_path,
            pace=FAST_PACE,
            world=World(),
            resume=True,
        )
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_half_precision_trains(flat_brackets, tmp_path):
    run(task(flat_brackets, precision="bf16", steps=2), tmp_path)
    tensors, _ = read_tensors(tmp_path / "weights.safetensors")
    assert all(value.dtype == torch.float16 for value in tensors.values())
    tensors, _ = read_tensors(tmp_path / "checkpoint.safetensors")
    assert all(value.dtype == torch.float32 for value in tensors.values())


def test_a_stage_1_run_of_another_size_is_refused(flat_brackets, tmp_path, monkeypatch):
    from dataclasses import replace

    from hdrfuse.lfdiff.config import PRESETS

    run(task(flat_brackets, steps=1), tmp_path / "s1")
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], channels=32))
    with pytest.raises(WeightsError, match="another network than this preset's"):
        run(task(flat_brackets, "stage2", earlier=tmp_path / "s1"), tmp_path / "s2")


def test_a_baseline_is_no_stage_1(flat_brackets, tmp_path):
    run(task(flat_brackets, "baseline", steps=1), tmp_path / "s1")
    with pytest.raises(WeightsError, match="expected the weights of a stage-1 run"):
        run(task(flat_brackets, "stage2", earlier=tmp_path / "s1"), tmp_path / "s2")


def test_what_a_killed_run_logged_after_its_checkpoint_is_forgotten(flat_brackets, tmp_path):
    run(task(flat_brackets, steps=2), tmp_path)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 3, "patches": 6, "minutes": 0.1, "reconstruction": 9.9}\n{"step": 4, "pat')
    atomic._temporary_name(tmp_path / "checkpoint.safetensors").write_bytes(b"half a checkpoint")
    run(task(flat_brackets, steps=3), tmp_path, resume=True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reconstruction" in line] == [1, 2, 3]
    assert all(line.get("reconstruction") != 9.9 for line in lines)
    assert not list(tmp_path.glob(".*"))


def test_a_batch_that_processes_cannot_share_evenly_is_refused(flat_brackets, tmp_path):
    with pytest.raises(BadInputError, match="a batch of 2 for 3 processes"):
        train(task(flat_brackets), tmp_path, pace=FAST_PACE, world=World(rank=0, size=3))

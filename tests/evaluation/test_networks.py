"""Tables 2, 3 and 4, with small untrained networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_network import CONFIG, write_network

from hdrfuse.errors import UsageError, WeightsError
from hdrfuse.evaluation.ablation import ablation_table, find_ablations
from hdrfuse.evaluation.cost import cost_table, measure_costs, multiply_accumulates, parameters_of
from hdrfuse.evaluation.methods import make_method
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.published import TABLE_3, TABLE_4
from hdrfuse.evaluation.records import Records
from hdrfuse.evaluation.sampling import diffusion_seconds, sampling_methods, sampling_table
from hdrfuse.evaluation.session import Evaluating
from hdrfuse.lfdiff.config import PRESETS
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.signals import network_inputs
from hdrfuse.lfdiff.weights import load_weights, save_weights

MERGING = replace(Protocol().merging, device="cpu", precision="fp32")

PRIORS = {
    "baseline": "none", "stage1": "ground-truth", "split": "diffusion", "direct": "direct", "stage2": "diffusion"
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """One small network for each row of table 3, by the row."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        row: write_network(folder / f"{row}.safetensors", replace(CONFIG, prior=prior), recipe={"objective": row})
        for row, prior in PRIORS.items()
    }


@pytest.fixture(scope="module")
def ablations(weights):
    return find_ablations([weights[row] for row in reversed(TABLE_3)], MERGING)


def evaluated(folder, scenes, methods):
    return Evaluating(protocol=Protocol(), records=Records(folder=folder), pictures=False).run(scenes, methods)


def test_the_network_sees_the_frames_as_the_papers_do(weights, bracket):
    method = make_method("lfdiff:network", MERGING, weights=weights["baseline"])
    model, _ = load_weights(weights["baseline"])
    ldr = np.stack([frame / np.float32(65535) for frame in bracket.frames])
    frames = network_inputs(torch.from_numpy(ldr).permute(0, 3, 1, 2)[None], torch.tensor([[1.0, 4.0, 16.0]]))
    with torch.inference_mode():
        expected = model(frames)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(method.merge("", bracket).radiance, expected, atol=2e-6)


def test_table_3_has_a_row_of_each_weights_file_in_the_papers_order(tmp_path, made, ablations):
    assert [each.objective for each in ablations] == list(TABLE_3)
    scenes = evaluated(tmp_path, [made("one"), made("two", seed=1)], [each.method for each in ablations])
    assert [score.failure for scene in scenes for score in scene.scores] == [None] * 10
    table = ablation_table("synthetic", ablations, scenes)
    published, ours = ([row.cells for row in table.rows if row.kind == kind] for kind in ("published", "ours"))
    assert published[4] == ("stage 2", "7.48", "44.76", "42.59", "")
    assert [cells[0] for cells in ours] == [cells[0] for cells in published]
    for cells, ablation, index in zip(ours, ablations, range(5), strict=True):
        mean = np.mean([scene.scores[index].values["PSNR-mu"] for scene in scenes])
        assert cells[1:3] == (f"{ablation.parameters / 1e6:.2f}", f"{mean:.2f}")
        assert cells[4] == "2"


def test_the_first_stage_sees_the_truth(tmp_path, bracket):
    config = replace(CONFIG, prior="ground-truth")
    torch.manual_seed(1)
    trained = {name: value + 0.1 * torch.randn_like(value) for name, value in LFDiff(config).state_dict().items()}
    save_weights(tmp_path / "stage1.safetensors", config, trained, tile_px=64, training={})
    (row,) = find_ablations([tmp_path / "stage1.safetensors"], MERGING)
    darker = replace(bracket, truth=bracket.truth / 2)
    first, second = (row.method.merge("", each).radiance for each in (bracket, darker))
    assert first.shape == bracket.truth.shape
    assert not np.array_equal(first, second)
    assert "encoded from the ground truth" in row.method.sentence


def test_missing_rows_are_named_and_rows_given_twice_refused(tmp_path, made, weights):
    found = find_ablations([weights["baseline"]], MERGING)
    table = ablation_table("hu", found, evaluated(tmp_path, [made("one")], [found[0].method]))
    assert "No weights were given for: stage 1 with ground truth, split training" in table.notes[0]
    with pytest.raises(UsageError, match="are both of the row baseline"):
        find_ablations([weights["baseline"], weights["baseline"]], MERGING)
    with pytest.raises(UsageError, match="block-means, which is no row of it"):
        find_ablations([write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="block-means"))], MERGING)
    with pytest.raises(WeightsError, match="no such file"):
        find_ablations([tmp_path / "none.safetensors"], MERGING)


def test_table_4_samples_in_the_papers_steps(tmp_path, made, weights):
    methods = sampling_methods([weights["baseline"], weights["stage2"]], MERGING)
    assert [method.options.steps for method in methods] == list(TABLE_4)
    methods = methods[:2]
    scenes = evaluated(tmp_path, [made("one")], methods)
    seconds = [diffusion_seconds(method, size=(48, 32), repetitions=1) for method in methods]
    table = sampling_table("hu", methods, seconds, scenes, device="this", size=(48, 32))
    assert table.rows[1].cells == ("S = 10", "44.76", "42.59", "0.9919", "0.9906", "0.106", "")
    five, ten = (row.cells for row in table.rows if row.kind == "ours")
    assert (five[0], ten[0]) == ("S = 5", "S = 10")
    assert five[1] == f"{scenes[0].scores[0].values['PSNR-mu']:.2f}"
    assert float(five[5]) > 0


def test_table_4_needs_a_diffusion(weights):
    with pytest.raises(UsageError, match=r"--table 4: weights with a diffusion .* found .*baseline.* \(prior: none\)"):
        sampling_methods([weights["baseline"]], MERGING)


def test_the_published_network_has_the_published_parameters():
    assert parameters_of(PRESETS["paper"]) == pytest.approx(7.48e6, rel=0.02)


def test_operations_are_counted_over_the_whole_frame_and_every_step():
    plain, diffusing = (replace(CONFIG, prior=prior) for prior in ("none", "diffusion"))
    small, large = (multiply_accumulates(plain, 64, width, 10) for width in (64, 128))
    assert large == pytest.approx(2 * small, rel=0.01)
    assert small > 64 * 64 * 100
    less, more = (multiply_accumulates(diffusing, 64, 64, steps) for steps in (1, 2))
    assert more > less > small


def test_table_2_times_each_method_and_counts_the_networks(weights, tmp_path):
    methods = [
        make_method("lfdiff:network", MERGING, weights=weights["baseline"]),
        make_method("reference", MERGING),
        make_method(str(tmp_path), MERGING),
    ]
    network, reference = measure_costs(methods, size=(64, 48), repetitions=2)
    assert network.parameters == parameters_of(replace(CONFIG, prior="none"))
    assert network.macs == multiply_accumulates(replace(CONFIG, prior="none"), 48, 64, 10)
    assert len(network.runs) == len(reference.runs) == 2
    assert reference.parameters is None
    assert network.peak_memory_mb > 50
    table = cost_table([network, reference], size=(64, 48), device="this device")
    assert table.rows[9].cells[:4] == ("LF-Diff", "7.48", "", "0.72")
    assert table.rows[10].cells[0] == "lfdiff:network"
    assert table.rows[10].cells[-1] == "network, fp32"
    assert "on this device" in table.notes[0]

"""Merging by the network, from files to files; its weights are random, which is all that these tests need."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from small_network import CONFIG, write_network

from hdrfuse.formats import read_image
from hdrfuse.formats.facts import read_facts

from .brackets import SIZE, write_bracket


@pytest.fixture
def weights(tmp_path):
    return write_network(tmp_path / "small.safetensors")


@pytest.fixture
def by_network(run, weights):
    """Run a merge by the network."""
    return lambda *words: run("merge", *words, "--method", "lfdiff", "--weights", weights)


def radiance(path):
    return read_image(path).pixels


def test_a_merge_by_the_network_says_what_ran(by_network, beach, weights):
    outcome = by_network(beach, "--json", "--seed", "3")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    share = report["network"].pop("share")
    assert 0 < share < 1
    assert report["network"] == {
        "weights": "small", "sha256": digest, "frames": ["shot1.jpg", "shot2.jpg", "shot3.jpg"],
        "tile_px": 128, "tiles": 1, "settled_tiles": 0, "device": "cpu", "precision": report["network"]["precision"],
        "prior": "diffusion",
    }  # fmt: skip
    assert (report["method"], report["tiles"]) == ("lfdiff", 1)
    assert {"merging", "deghosting"} <= set(report["seconds"])
    facts = read_facts(beach.with_name("beach.exr"))
    assert facts.provenance["method"] == "lfdiff"
    assert facts.provenance["weights"] == "small"
    assert facts.provenance["weights sha256"] == digest
    assert facts.provenance["seed"] == "3"


def test_every_pixel_is_radiance(by_network, beach):
    for words in ((), ("--no-blend",)):
        assert by_network(beach, *words, "--overwrite").code == 0
        found = radiance(beach.with_name("beach.exr"))
        assert found.shape == (*SIZE, 3)
        assert np.isfinite(found).all()
        assert found.min() >= 0


def test_without_blending_the_picture_is_the_networks_alone(by_network, run, beach, tmp_path):
    pictures = {name: tmp_path / f"{name}.exr" for name in ("alone", "blended", "classical")}
    alone = by_network(beach, "--out", pictures["alone"], "--no-blend", "--json")
    assert by_network(beach, "--out", pictures["blended"]).code == 0
    assert run("merge", beach, "--out", pictures["classical"], "--method", "classical").code == 0
    assert "merging" not in json.loads(alone.out)["seconds"]
    found = {name: radiance(path) for name, path in pictures.items()}
    assert found["alone"].max() < found["classical"].max() + 0.01  # it ends at the shortest frame's white
    distance = {name: np.abs(found[name] - found["classical"]).mean() for name in ("alone", "blended")}
    assert 0 < distance["blended"] < distance["alone"]


@pytest.mark.parametrize(("word", "used"), [("--prior", "block-means"), ("--no-prior", "off")])
def test_a_merge_and_a_batch_say_whether_the_prior_was_used(run, beach, word, used):
    path = write_network(beach.parent / "w.safetensors", replace(CONFIG, prior="block-means"))
    outcome = run("merge", beach, "--weights", path, word, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["network"]["prior"] == used
    assert read_facts(beach.with_name("beach.exr")).provenance["prior"] == used
    outcome = run("batch", beach.parent, "--weights", path, word, "--workers", "1", "--json")
    assert outcome.code == 0, outcome.err
    assert read_facts(beach.parent / "hdr" / "beach.exr").provenance["prior"] == used


def test_a_sample_is_told_by_its_seed_and_drawn_again_to_the_byte(run, beach, tmp_path):
    path = write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="block-means"))
    drawn = {}
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        outcome = run(
            "merge", beach, "--weights", path, "--no-blend", "--sample", seed, "--out", tmp_path / f"{name}.exr"
        )
        assert outcome.code == 0, outcome.err
        drawn[name] = (tmp_path / f"{name}.exr").read_bytes()
    assert drawn["one"] == drawn["again"] != drawn["other"]
    provenance = read_facts(tmp_path / "one.exr").provenance
    assert provenance["sample"] == "3"
    assert "seed" not in provenance


def test_a_sample_that_cannot_be_drawn_is_refused(refused, run, beach, tmp_path):
    path = write_network(tmp_path / "w.safetensors", replace(CONFIG, prior="block-means"))
    plain = write_network(tmp_path / "plain.safetensors", replace(CONFIG, prior="none"))
    for words, naming in (
        (("--weights", path, "--sample", "1", "--seed", "2"), ("--sample 1", "--seed 2")),
        (("--weights", path, "--sample", "1", "--no-prior"), ("--sample 1", "--no-prior")),
        (("--weights", plain, "--sample", "1"), ("--sample", "plain.safetensors")),
        (("--method", "classical", "--sample", "1"), "--sample"),
        (("--weights", path, "--sample", "-1"), "--sample -1"),
    ):
        refused(beach.parent, "merge", beach, *words, naming=naming)


def test_weights_that_cannot_do_without_their_prior_are_refused(refused, beach, weights):
    words = ("--method", "lfdiff", "--weights", weights, "--no-prior")
    refused(beach.parent, "merge", beach, *words, naming=("--no-prior", "small.safetensors", "diffusion"))
    refused(beach.parent, "merge", beach, "--method", "classical", "--no-prior", naming="--no-prior")


def test_the_same_merge_gives_the_same_bytes(by_network, beach, tmp_path):
    for name in ("one", "two"):
        assert by_network(beach, "--out", tmp_path / f"{name}.exr", "--tile", "64").code == 0
    first, second = ((tmp_path / f"{name}.exr").read_bytes() for name in ("one", "two"))
    assert first == second


def test_the_network_sees_three_frames_and_the_merge_all(by_network, tmp_path):
    scene = write_bracket(tmp_path / "five", (-4.0, -2.0, 0.0, 2.0, 4.0))
    outcome = by_network(scene, "--json", "--tile", "64")
    report = json.loads(outcome.out)
    assert len(report["inputs"]) == 5
    assert report["network"]["frames"] == ["shot2.jpg", "shot3.jpg", "shot4.jpg"]
    assert report["network"]["tiles"] == report["tiles"] > 1
    assert radiance(tmp_path / "five.exr").max() > 0.9


def test_two_frames_are_enough(by_network, tmp_path):
    outcome = by_network(write_bracket(tmp_path / "two", (0.0, 2.0)), "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["network"]["frames"] == ["shot1.jpg", "shot1.jpg", "shot2.jpg"]


def test_progress_names_the_network_and_details_what_it_saw(by_network, beach):
    outcome = by_network(beach, "-v")
    assert "deghosting" in outcome.err
    assert "network: small, 1 of 1 tiles of 128 px" in outcome.err


def test_precision_without_hardware_for_it_is_slow_and_says_so(by_network, beach):
    from hdrfuse.lfdiff.inference import find_device, has_bf16

    if has_bf16(find_device("auto")):
        pytest.skip("this machine multiplies bf16 in hardware")
    outcome = by_network(beach, "--precision", "bf16")
    assert outcome.code == 0
    assert "warning: --precision bf16" in outcome.err


def test_fp16_on_the_cpu_is_refused(refused, beach, weights):
    words = ("--method", "lfdiff", "--weights", weights, "--device", "cpu", "--precision", "fp16")
    refused(beach.parent, "merge", beach, *words, naming="--precision fp16")


def test_more_steps_than_the_diffusion_has_are_refused(refused, beach, weights):
    words = ("--method", "lfdiff", "--weights", weights, "--steps", "500")
    refused(beach.parent, "merge", beach, *words, naming=("--steps 500", "200"))


def test_weights_that_cannot_run_alone_are_refused(refused, beach):
    path = write_network(beach.parent / "first.safetensors", replace(CONFIG, prior="ground-truth"))
    refused(beach.parent, "merge", beach, "--method", "lfdiff", "--weights", path, naming="first.safetensors")


def test_a_name_that_nobody_ships_is_refused(refused, beach):
    words = ("--method", "lfdiff", "--weights", "nobody")
    assert "shipped" in refused(beach.parent, "merge", beach, *words, naming="nobody")


def test_a_damaged_byte_in_the_weights_is_found_before_the_work(refused, beach, weights):
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    words = ("--method", "lfdiff", "--weights", weights)
    assert "damaged" in refused(beach.parent, "merge", beach, *words, naming="small.safetensors")

"""What the network does to whole merges whose truth is known; its weights are random, and say that they are poor."""

from functools import cache

import numpy as np
import pytest
from daily import daily
from small_network import write_network

from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import MergeOptions, merge_bracket

SIZE = (320, 240)
SMALL = (128, 96)
"""For what is no matter of quality."""
EVS = (-2.0, 0.0, 2.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    scores = [{"typical_error": 0.0126}]
    return write_network(tmp_path_factory.mktemp("weights") / "small.safetensors", progress={"scores": scores})


@cache
def scene(seed, motion, evs=EVS, size=SIZE):
    return procedural_bracket(seed, motion=motion, size=size, evs=evs)


@cache
def merged(seed, motion, options, evs=EVS):
    bracket = scene(seed, motion, evs)
    return merge_bracket(bracket_of_arrays(bracket.frames, bracket.evs, reference=bracket.reference), options)


def score_db(seed, motion, options):
    bracket = scene(seed, motion)
    radiance = merged(seed, motion, options).radiance / 4
    return psnr_mu(radiance, bracket.truth)


@pytest.mark.parametrize(
    ("motion", "seed"),
    daily(1, [("moving", 0), ("static", 0), ("static", 2), ("handheld-moving", 1)]),
)
def test_even_a_poor_network_costs_little(weights, motion, seed):
    classical = score_db(seed, motion, MergeOptions(method="classical"))
    blended = score_db(seed, motion, MergeOptions(method="lfdiff", weights=weights))
    assert blended > classical - (0.1 if motion == "static" else 0.6)  # eight moving scenes: -0.5 to +1.5
    assert score_db(seed, motion, MergeOptions(method="lfdiff", weights=weights, blend=False)) < classical - 3


@pytest.mark.slow
def test_results_at_two_tile_sizes_agree(weights):
    radiance = [
        merged(0, "moving", MergeOptions(method="lfdiff", weights=weights, tile=tile)).radiance / 4
        for tile in (64, None)
    ]
    assert psnr_mu(radiance[0], radiance[1]) > 50


def test_the_seed_is_the_only_chance(weights):
    options = [MergeOptions(method="lfdiff", weights=weights, seed=seed) for seed in (0, 0, 1)]
    bracket = bracket_of_arrays(scene(0, "moving", size=SMALL).frames, EVS, reference=1)
    found = [merge_bracket(bracket, each).radiance.tobytes() for each in options]
    assert found[0] == found[1]


def test_highlights_above_the_networks_white_are_those_of_darker_frames(weights):
    evs = (-6.0, -4.0, -2.0, 0.0, 2.0)
    bracket = scene(0, "static", evs)
    result = merge_bracket(
        bracket_of_arrays(bracket.frames, evs, reference=3), MergeOptions(method="lfdiff", weights=weights)
    )
    assert [entry[:5] for entry in result.report.network.frames] == ["frame"] * 3
    truth = bracket.truth * 64  # of the reference's white
    beyond = (truth.min(axis=2) > 6) & (truth.max(axis=2) < 30)
    if beyond.any():
        assert np.median(np.abs(result.radiance - truth)[beyond] / truth[beyond]) < 0.05


def test_progress_covers_the_network(weights):
    heard = []
    bracket = bracket_of_arrays(scene(0, "moving", size=SMALL).frames, EVS, reference=1)
    options = MergeOptions(method="lfdiff", weights=weights, tile=64)
    result = merge_bracket(bracket, options, progress=lambda stage, share: heard.append((stage, share)))
    shares = [share for _stage, share in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert sum(stage == "deghosting" for stage, _share in heard) >= result.report.network.tiles
    assert list(dict.fromkeys(stage for stage, _share in heard)) == list(result.report.seconds)

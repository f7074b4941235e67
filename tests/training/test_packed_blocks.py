"""Samples of a frozen reconstruction, packed once: they hold what is seen, and crops of them are learned from."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from small_network import CONFIG

from hdrfuse.data.sample import BracketSample
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.observed_blocks import ObservedBlocks, block_means
from hdrfuse.lfdiff.signals import mu_law, network_inputs
from hdrfuse.training.packed_blocks import (
    CHANNELS,
    CROP,
    OCCLUDED,
    OUTPUT,
    TRUTH,
    BlockBatch,
    PackedBlocks,
    block_batch,
    pack_blocks,
)

SIDE = 384


class RandomBrackets:
    """Frames of noise whose reference clips in one corner, the darker frame dark there."""

    def __init__(self):
        self.drawn = []

    def __getitem__(self, index):
        self.drawn.append(index)
        rng = np.random.default_rng(index)
        ldr = rng.uniform(0.2, 0.8, (3, SIDE, SIDE, 3)).astype(np.float32)
        ldr[1, :32, :32], ldr[0, :32, :32] = 1.0, 0.1
        radiance = rng.uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
        return BracketSample(ldr=ldr, exposure=np.array([1, 4, 16], np.float32), radiance=radiance)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LFDiff(replace(CONFIG, prior="none", channels=8, alignment_channels=4, low_residuals=1)).eval()


@pytest.fixture(scope="module")
def packed(model, tmp_path_factory):
    brackets = RandomBrackets()
    folder = tmp_path_factory.mktemp("packed")
    return pack_blocks(model, brackets, folder, count=32, state="a", seed=5), brackets, folder


def test_what_is_packed_is_what_the_objective_sees(packed, model):
    sample = RandomBrackets()[3]
    frames = network_inputs(
        torch.from_numpy(sample.ldr).permute(0, 3, 1, 2)[None].contiguous(), torch.from_numpy(sample.exposure)[None]
    )
    truth = torch.from_numpy(sample.radiance).permute(2, 0, 1)[None].contiguous()
    seen = block_batch(model, frames, truth)
    whole = torch.from_numpy(packed[0].chunks[0][3].astype(np.float32))[None]
    torch.testing.assert_close(whole, seen.blocks, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(seen.truth, block_means(mu_law(truth, 5000.0), 8))
    observed = ObservedBlocks.of(frames, 8, 5000.0)
    for name in ("seen", "clipped", "occluded"):
        torch.testing.assert_close(getattr(seen.observed, name), getattr(observed, name))
    assert seen.blocks.shape == (1, CHANNELS, SIDE // 8, SIDE // 8)


def test_files_are_packed_once_and_again_for_other_samples(packed, model):
    _, brackets, folder = packed
    assert brackets.drawn == list(range(32))
    again = RandomBrackets()
    assert pack_blocks(model, again, folder, count=32, state="a", seed=5).files == packed[0].files
    assert again.drawn == []
    more = pack_blocks(model, again, folder, count=33, state="a", seed=5)
    assert again.drawn == list(range(32, 64))
    assert more.files[:1] == packed[0].files
    assert pack_blocks(model, RandomBrackets(), folder, count=1, state="b", seed=5).files != packed[0].files


def test_most_crops_hold_hidden_light_and_none_is_torn(packed):
    blocks = packed[0]
    crops = np.stack([blocks[index].blocks for index in range(60)])
    assert crops.shape == (60, CHANNELS, CROP, CROP)
    hidden = (crops[:, OCCLUDED] > 0.03).any(axis=(1, 2))
    assert 0.55 < hidden.mean() < 1  # it lies in one corner: a tenth of the crops would hold it by chance
    assert np.array_equal(blocks[7].blocks, blocks[7].blocks)
    assert not np.array_equal(blocks[7].blocks, blocks[8].blocks)
    assert not np.array_equal(blocks[7].blocks, PackedBlocks(files=blocks.files, seed=6)[7].blocks)


def test_colours_are_exchanged_in_output_and_truth_alike(packed):
    whole = np.concatenate([np.asarray(chunk, np.float32) for chunk in packed[0].chunks])
    known = {name: np.sort(whole[:, first : first + 3], axis=1) for name, first in (("o", OUTPUT), ("t", TRUTH))}
    orders = set()
    for index in range(30):
        crop = packed[0][index].blocks
        centre = crop[:, 10, 10]
        output, truth = (
            np.abs(known[k] - np.sort(centre[f : f + 3])[:, None, None]).sum(1)
            for k, f in (("o", OUTPUT), ("t", TRUTH))
        )
        number, row, column = np.unravel_index(np.argmin(output + truth), output.shape)
        source = whole[number, :, row, column]
        places = 0, OUTPUT, TRUTH
        parts = [(centre[first : first + 3], source[first : first + 3]) for first in places]
        order = next(
            order for order in permutations(range(3)) if all(np.array_equal(mine, its[[*order]]) for mine, its in parts)
        )
        orders.add(order)
    assert len(orders) > 2


def test_a_batch_is_cut_into_what_was_packed(packed):
    batch = BlockBatch(blocks=torch.from_numpy(packed[0][0].blocks)[None]).to(torch.device("cpu"))
    parts = [batch.observed.seen, batch.observed.occluded, batch.observed.clipped, batch.output, batch.truth]
    assert torch.equal(torch.cat(parts, 1), batch.blocks)

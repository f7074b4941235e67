import numpy as np
import pytest
import torch
from flat_brackets import DeadlyBrackets

from hdrfuse.errors import HdrfuseError
from hdrfuse.training.feed import batches
from hdrfuse.training.validation import mean_psnr_mu, radiance_merge, reference_only, typical_error, validation_set


def take(brackets, first_step, **options):
    feed = batches(brackets, first_step=first_step, batch=4, **({"rank": 0, "ranks": 1, "workers": 0} | options))
    return next(feed)


def test_a_step_always_holds_the_same_samples(flat_brackets):
    feed = batches(flat_brackets, first_step=0, batch=4, rank=0, ranks=1, workers=0)
    next(feed)
    torch.testing.assert_close(next(feed).radiance, take(flat_brackets, 1).radiance)


def test_samples_made_by_other_processes_are_the_same(flat_brackets):
    torch.testing.assert_close(take(flat_brackets, 2, workers=1).ldr, take(flat_brackets, 2).ldr)


def test_ranks_share_a_batch_without_overlap(flat_brackets):
    whole = take(flat_brackets, 3).radiance
    parts = [take(flat_brackets, 3, rank=rank, ranks=2).radiance for rank in range(2)]
    torch.testing.assert_close(torch.stack(parts, 1).flatten(0, 1), whole)


def test_a_batch_carries_frames_before_channels(flat_brackets):
    batch = take(flat_brackets, 0)
    assert batch.frames.shape == (4, 3, 6, 32, 32)
    np.testing.assert_allclose(batch.ldr[0, 0, :, 0, 0], flat_brackets[0].ldr[0, 0, 0])


def test_a_static_noiseless_scene_is_merged_almost_exactly(flat_brackets):
    brackets = validation_set(flat_brackets, 4)
    assert mean_psnr_mu(radiance_merge, brackets) > 45
    assert mean_psnr_mu(reference_only, brackets) < mean_psnr_mu(radiance_merge, brackets)


def test_a_process_that_dies_ends_the_run_in_one_line():
    feed = batches(DeadlyBrackets(), first_step=0, batch=1, rank=0, ranks=1, workers=1)
    with pytest.raises(HdrfuseError, match="a process that makes samples died"):
        next(feed)


def test_the_typical_error_leaves_the_worst_quarter_out():
    squares = np.random.default_rng(0).permutation(np.r_[np.full(75, 0.04), np.full(25, 9.0)])
    np.testing.assert_allclose(typical_error(squares), 0.2)

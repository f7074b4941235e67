from dataclasses import replace

import pytest
import torch
from flat_brackets import FlatBrackets

from hdrfuse.lfdiff.config import PRESETS


@pytest.fixture
def flat_brackets():
    return FlatBrackets()


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks gain nothing from threads, and lose much where other tests run beside them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch):
    tiny = replace(
        PRESETS["fast"],
        alignment_channels=8,
        channels=16,
        heads=2,
        frms_per_block=(1,),
        prior_width=8,
        prior_residuals=1,
        condition_width=8,
        denoiser_width=4,
        sampling_steps=2,
    )
    monkeypatch.setitem(PRESETS, "tiny", tiny)

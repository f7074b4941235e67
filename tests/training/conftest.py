import pytest
import torch
from flat_brackets import FlatBrackets, tiny_config

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
    monkeypatch.setitem(PRESETS, "tiny", tiny_config())

"""Fixtures of the benchmark's tests."""

from pathlib import Path

import pytest

from hdrfuse.benchmark import camera_images, quality
from hdrfuse.benchmark.photographs import write_photographs
from hdrfuse.deghosting.methods import CLASSICAL


@pytest.fixture
def classical_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the network, which takes most of the time, where any method shows what is tested."""
    for module in (camera_images, quality):
        monkeypatch.setattr(module, "ready_methods", lambda: [CLASSICAL])


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bracket of small JPEGs, alone in a folder of stacks."""
    folder = tmp_path_factory.mktemp("stacks") / "study"
    write_photographs(folder, megapixels=0.06)
    return folder

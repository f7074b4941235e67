"""For all tests."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from shared_data import DATA, STACKS

settings.register_profile("whatever the load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the load")  # both measure time by the clock, and a busy machine would fail them

if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    # Threads that wait for a core that another worker's threads have cost several times what they gain.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background shell starts its jobs with interrupts ignored, and every process below inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """HDR images and cut-outs beside the checkout."""
    if not DATA.is_dir():
        pytest.skip(f"no data in {DATA}")
    return DATA


@pytest.fixture(scope="session")
def stacks() -> Path:
    """Brackets of real cameras beside the checkout, a folder each."""
    if not STACKS.is_dir():
        pytest.skip(f"no photographs in {STACKS}")
    return STACKS

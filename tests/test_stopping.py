import os
import signal
import subprocess
import sys

import pytest

from hdrfuse import stopping
from hdrfuse.stopping import signals_ignored, stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_its_handler_comes_back(number):
    before = signal.signal(number, signal.default_int_handler)  # whoever started the tests may have it ignored
    try:
        with stop_requests() as stop:
            assert not stop()
            os.kill(os.getpid(), number)
            assert stop()
            os.kill(os.getpid(), number)  # the same one, passed on by torchrun
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_second_interrupt_later_ends_at_once(monkeypatch):
    monkeypatch.setattr(stopping, "PATIENCE_S", -1.0)
    with pytest.raises(KeyboardInterrupt), stop_requests():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_processes_started_meanwhile_ignore_interrupts():
    code = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    with signals_ignored():
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "True"

"""What a call costs in processor time, measured by a yardstick that a slow or busy machine takes longer for as well."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

YARDSTICK_S = 0.1
"""What the yardstick takes on the machine whose seconds the tests name (AMD EPYC, one core to itself)."""


@contextmanager
def costs_at_most(most_s: float) -> Iterator[None]:
    """Fail if the block takes more processor time than so many seconds of that machine."""
    before_s = _yardstick_s()
    began_s = time.process_time()
    yield
    took_s = time.process_time() - began_s
    slowness = max(before_s, _yardstick_s()) / YARDSTICK_S
    assert took_s < most_s * max(1.0, slowness), f"{took_s:.2f} s on a machine that is {slowness:.1f} times slower"


def _yardstick_s() -> float:
    began_s = time.process_time()
    sum(number * number % 7 for number in range(1_300_000))
    return time.process_time() - began_s

"""Decoding threads: order, errors and what is waited for."""

import threading
import time

import pytest

from hdrfuse.threads import in_threads


def test_results_come_in_the_order_of_the_items():
    def late(index: int) -> int:
        time.sleep(0.02 * (3 - index % 4))
        return index

    assert list(in_threads(late, range(12), count=4)) == list(range(12))
    assert list(in_threads(late, [], count=4)) == []


def test_an_error_is_raised_once_what_was_begun_is_finished():
    begun, finished, may_go_on = [], [], threading.Event()

    def work(index: int) -> None:
        begun.append(index)
        if index == 0:
            raise ValueError("damaged")
        may_go_on.wait(0.2)
        finished.append(index)

    with pytest.raises(ValueError, match="damaged"):
        list(in_threads(work, range(100), count=2))
    assert sorted(finished) == sorted(begun)[1:]
    assert len(begun) < 100


def test_what_stops_the_caller_waits_for_no_thread():
    for_ever = threading.Event()
    results = in_threads(lambda index: index or for_ever.wait(), [1, 0], count=2)
    assert next(results) == 1
    results.close()
    for_ever.set()

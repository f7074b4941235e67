"""Threads that decode: waited for as long as the caller goes on, and never once it is interrupted."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], *, count: int) -> Iterator[Result]:
    """Yield work(item) of each item in their order, worked on by `count` threads; what `work` raises is raised.

    After an error the threads finish what they have begun, and no more. An interrupt does not wait for them, and
    nor does the program's end, as a pool of `concurrent.futures` does: a decoder may never return.
    """
    results = [(Future[Result](), item) for item in items]
    waiting = deque(results)

    def run() -> None:
        while waiting:
            try:
                result, item = waiting.popleft()
            except IndexError:  # another thread took the last
                return
            try:
                result.set_result(work(item))
            except BaseException as error:  # whatever it is, it is the caller's
                result.set_exception(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(count, len(results)))]
    for thread in threads:
        thread.start()
    try:
        for result, _ in results:
            yield result.result()
    except Exception:
        waiting.clear()
        for thread in threads:
            thread.join()
        raise
    finally:
        waiting.clear()

"""Worker processes that are still starting: what ends them or their batch then is no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

BATCH = """
import os, signal, sys, time
from multiprocessing import util
from hdrfuse.batch.local import LocalScheduler
from batch import toys
from batch.toys import Toy
spawn = util.spawnv_passfds
def spawn_and_die(*arguments):
    worker = spawn(*arguments)
    if "--multiprocessing-fork" in arguments[1]:
        {then}
    return worker
util.spawnv_passfds = spawn_and_die
if __name__ == "__main__":
    scheduler = LocalScheduler([toys.ready])
    scheduler.submit(Toy(key="a"))
    while not scheduler.collect():
        pass
    scheduler.close()
"""


@pytest.mark.parametrize(
    ("then", "status"),
    [("os.kill(os.getpid(), signal.SIGKILL)", -9), ("os.kill(worker, signal.SIGINT)", 0),
     ("os.kill(worker, signal.SIGHUP)", 0)],
    ids=["the batch is killed", "Ctrl-C reaches the worker", "the terminal is closed"],
)  # fmt: skip
def test_a_worker_that_is_starting_says_nothing(then, status):
    result = subprocess.run(
        [sys.executable, "-c", BATCH.format(then=then)], cwd=Path(__file__).parents[1], capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (status, "")

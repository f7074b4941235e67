"""Freed blocks are kept: seen by the pages that the system has to clear again."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys, threading
import numpy as np
from hdrfuse.memory import keep_freed_blocks

if sys.argv[1] == "kept":
    assert keep_freed_blocks()

def faults(megabytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        blocks = [np.ones(megabytes << 18, np.float32) for _ in range(4)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_pages():
    with open("/proc/self/statm") as facts:
        return int(facts.read().split()[1])

found = []
thread = threading.Thread(target=lambda: found.append(faults(20)))
faults(20)
thread.start()
thread.join()
empty = resident_pages()
frame = np.ones(100 << 18, np.float32)
full = resident_pages()
del frame
print(found[0], full - empty, resident_pages() - empty)
"""

PAGES_OF_A_LAYER, PAGES_OF_A_FRAME = 20 * 256, 100 * 256


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the C library of GNU")
def test_blocks_of_a_layer_are_kept_in_every_thread_and_whole_frames_go_back():
    layers = {}
    for way in ("usual", "kept"):
        ran = subprocess.run([sys.executable, "-c", CODE, way], capture_output=True, text=True, check=True)
        layers[way], held, left = map(int, ran.stdout.split())
    assert layers["kept"] < PAGES_OF_A_LAYER / 5 < layers["usual"]
    assert left < PAGES_OF_A_FRAME / 5 < held

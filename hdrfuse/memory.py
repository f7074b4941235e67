"""Memory that is freed and soon needed again: kept, where the system would take it back and clear it each time."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Numbers of glibc's malloc.h."""

MB = 1 << 20

KEPT = {M_MMAP_THRESHOLD: 32 * MB, M_TRIM_THRESHOLD: 256 * MB, M_ARENA_MAX: 1}
"""A layer's features of a tile are 5 to 20 MB; whole frames, above 32 MB, go back at once, as does more than a tile
on each of two cores needs. Older C libraries refuse blocks above 32 MB."""


def keep_freed_blocks() -> bool:
    """Let this process keep blocks of up to 32 MB that it frees -> whether the C library can be told so.

    A tenth of the network's time on a CPU goes into pages that Linux clears for every layer anew. Before the first
    threads: those have pools of their own, which are given back. Source: mallopt(3).
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    told = [mallopt is not None and mallopt(parameter, value) for parameter, value in KEPT.items()]
    return all(told)

"""A disk that is full, as a process sees it."""

from contextlib import contextmanager


@contextmanager
def files_of_at_most(largest_bytes):
    """Let what this process writes beyond that fail."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

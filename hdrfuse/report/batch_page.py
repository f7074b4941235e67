"""The page of a batch: every scene with its picture, its ghosts, its exposures and what it cost."""

from pathlib import Path

from hdrfuse.report.batch_run import BatchRun


def write_batch_page(path: Path, run: BatchRun) -> None:
    """Write a batch as one self-contained HTML page; an earlier page is replaced.

    Raises WriteError where the page cannot be written.
    """
    raise NotImplementedError

"""Reading the headers of many files: in threads where files are waited for."""

import threading
import time
from pathlib import Path

from hdrfuse.brackets import shots as shots_module
from hdrfuse.brackets.shots import Shot, read_shots

FILES = [Path(f"IMG_{number:04d}.jpg") for number in range(40)]


def threads_that_read(monkeypatch, read):
    """Names of the threads in which 40 headers are read, each by `read`."""
    names = set()

    def noting(path):
        names.add(threading.current_thread().name)
        read()
        return Shot(path=path)

    monkeypatch.setattr(shots_module, "read_shot", noting)
    assert [shot.path for shot in read_shots(FILES)] == FILES
    return names


def test_headers_that_are_waited_for_are_read_in_threads(monkeypatch):
    names = threads_that_read(monkeypatch, lambda: time.sleep(0.02))
    assert len(names) > 2
    assert threading.main_thread().name in names  # the first few, which tell


def test_progress_counts_every_file_once():
    told = []
    read_shots(FILES, lambda done, count: told.append((done, count)))
    assert told == [(number + 1, len(FILES)) for number in range(len(FILES))]

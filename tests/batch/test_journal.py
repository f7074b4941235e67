"""The journal keeps what it was told, through cut lines, full disks and other batches."""

import json
import os
import subprocess
import sys

import pytest

from hdrfuse.batch.identity import FileIdentity
from hdrfuse.batch.journal import JOURNAL, DoneScene, Origin, open_journal
from hdrfuse.errors import OutputError, WriteError

ORIGIN = Origin(root="/card", captured_at="2024-05-04T16:20:00")
FILE = FileIdentity(name="a.jpg", size=3, mtime_ns=7, sha256="ab")
DONE = DoneScene(settings="s", inputs=(FILE,), outputs={"beach.exr": 12}, report={"warnings": []})


def write_some(folder):
    with open_journal(folder) as journal:
        journal.run(root=folder, settings="s")
        for scene in ("beach", "hill", "lake"):
            journal.begun(scene, ORIGIN, [f"{scene}.exr"])
        journal.done("beach", DONE)
        journal.failed("hill", "a.jpg: is empty")


def test_what_was_noted_is_known_again(tmp_path):
    write_some(tmp_path)
    with open_journal(tmp_path) as journal:
        past = journal.past
    assert past.done == {"beach": DONE}
    assert past.begun == {"lake": ["lake.exr"]}
    assert past.owned == dict.fromkeys(("beach.exr", "hill.exr", "lake.exr"), ORIGIN)
    assert past.damaged == 0


def test_beginning_again_makes_an_earlier_result_doubtful(tmp_path):
    write_some(tmp_path)
    with open_journal(tmp_path) as journal:
        journal.begun("beach", ORIGIN, ["beach.exr"])
        assert journal.past.done == {}


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_was_cut_off_is_dropped_and_the_next_begins_anew(tmp_path, cut):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: min(cut, whole.index(b"\n"))])
    with open_journal(tmp_path) as journal:
        assert journal.past.done == {"beach": DONE}
        journal.done("lake", DONE)
    assert path.read_bytes().startswith(whole)
    with open_journal(tmp_path) as journal:
        assert set(journal.past.done) == {"beach", "lake"}
        assert journal.past.damaged == 0


def test_a_damaged_line_is_counted_and_costs_no_other(tmp_path):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\xff\x00 no JSON\n", b'{"event": "done"}\n', *lines[2:]]))
    with open_journal(tmp_path) as journal:
        assert journal.past.done == {"beach": DONE}
        assert journal.past.damaged == 2


def test_two_batches_exclude_each_other(tmp_path):
    code = f"""
import sys
from pathlib import Path
from hdrfuse.batch.journal import open_journal
with open_journal(Path({str(tmp_path)!r})) as journal:
    journal.run(root=Path("."), settings="s")
    print("open", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        with (
            pytest.raises(OutputError, match=f"another batch is writing there .process {other.pid}."),
            open_journal(tmp_path),
        ):
            pass
        other.stdin.close()
        other.wait(60)
    with open_journal(tmp_path) as journal:
        assert journal.past.damaged == 0


FULL = """
import resource, sys
from pathlib import Path
from hdrfuse.batch.journal import Origin, open_journal
from hdrfuse.errors import WriteError
with open_journal(Path(sys.argv[1])) as journal:
    size = (Path(sys.argv[1]) / "journal.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
    try:
        journal.begun("scene", Origin(root="/card"), ["scene.exr"])
    except WriteError as error:
        print(error)
"""


def test_a_full_disk_cuts_no_line(tmp_path):
    write_some(tmp_path)
    before = (tmp_path / JOURNAL).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert "journal.jsonl: cannot be written" in done.stdout
    assert (tmp_path / JOURNAL).read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=JOURNAL), open_journal(tmp_path):
        pass


def test_every_line_is_one_object(tmp_path):
    write_some(tmp_path)
    events = [json.loads(line)["event"] for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert events == ["run", "begun", "begun", "begun", "done", "failed"]


def test_a_closed_journal_refuses(tmp_path):
    with open_journal(tmp_path) as journal:
        pass
    with pytest.raises((WriteError, OSError)):
        journal.failed("beach", "late")

"""The journal keeps what it was told, through cut lines, full disks and other batches."""

import json
import os
import subprocess
import sys

import pytest

from hdrfuse.batch.identity import FileIdentity
from hdrfuse.batch.journal import JOURNAL, DoneScene, Origin, open_journal
from hdrfuse.errors import OutputError, WriteError

from .toys import REPORT

ORIGIN = Origin(root="/card", captured_at="2024-05-04T16:20:00")
FILE = FileIdentity(name="a.jpg", size=3, mtime_ns=7, sha256="ab")
DONE = DoneScene(settings="s", inputs=(FILE,), outputs={"beach.exr": 12}, report=REPORT)


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


def replaced(value, *keys):
    """What `value` becomes where another value stands behind some keys of it; GONE takes the last one away."""
    key, *others = keys[:-1]
    inner = replaced(value[key], *others, keys[-1]) if others else keys[-1]
    if isinstance(value, list):
        return [inner if index == key else each for index, each in enumerate(value)]
    kept = {name: each for name, each in value.items() if name != key}
    return kept if inner is GONE else {**kept, key: inner}


GONE = object()


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        ("begun", ("scene", 7)), ("begun", ("root", 5)), ("begun", ("captured_at", 7)), ("begun", ("captured_at", "x")),
        ("begun", ("outputs", "a.exr")), ("begun", ("outputs", [["a.exr"]])), ("begun", ("outputs", GONE)),
        ("begun", ("event", ["begun"])), ("begun", ("event", GONE)), ("failed", ("scene", {})),
        ("run", ("pid", -1)), ("run", ("pid", 2**40)), ("run", ("pid", True)), ("run", ("root", None)),
        ("done", ("settings", 1)), ("done", ("inputs", {})), ("done", ("inputs", 0, 5)), ("done", ("inputs", 0, {})),
        ("done", ("inputs", 0, "size", -1)), ("done", ("inputs", 0, "mtime_ns", "late")),
        ("done", ("outputs", ["beach.exr"])), ("done", ("outputs", "beach.exr", "12")), ("done", ("written", [])),
        ("done", ("written", {"beach.exr": {}})), ("done", ("report", {})), ("done", ("report", 5)),
        ("done", ("report", "warnings", [5])), ("done", ("report", "warnings", GONE)),
        ("done", ("report", "inputs", 0, "capture", None)), ("done", ("report", "inputs", 0, "name", "\ud800")),
        ("done", ("report", "inputs", 1, "capture", "captured_at", "yesterday")),
        ("done", ("report", "inputs", 1, "ev", 10**400)), ("done", ("report", "reference", "index", 2)),
        ("done", ("report", "reference", "index", -1)), ("done", ("report", "size", [4])),
        ("done", ("report", "size", [4, 10**400])), ("done", ("report", "seconds", "total", float("nan"))),
        ("done", ("report", "seconds", "total", float("inf"))), ("done", ("report", "network", "cpu")),
        ("done", ("report", "peak_memory_mb", "much")), ("done", ("report", "outputs", {"radiance": None})),
    ],
)  # fmt: skip
def test_a_line_whose_fields_are_not_what_they_should_be_is_damaged(tmp_path, event, keys):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    odd = next(line for line in lines if line["event"] == event)
    with path.open("a") as stream:
        stream.write(json.dumps(replaced(odd, *keys)) + "\n")
    with open_journal(tmp_path) as journal:
        assert journal.past.damaged == 1
        assert journal.past.done == {"beach": DONE}
        assert journal.past.begun == {"lake": ["lake.exr"]}


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000, b'{"event": "later", "a": ' + b"[" * 60 + b"]" * 60 + b"}", b"7", b"null", b'"begun"',
        b'{"event": "begun", "scene": "' + b"a" * (3 << 20) + b'"}', b"9" * 5000, b"a" * (1 << 20), b"",
    ],
)  # fmt: skip
def test_a_line_that_is_too_deep_too_long_or_no_object_is_damaged_and_costs_no_other(tmp_path, line):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line, b"\n", *others]))
    with open_journal(tmp_path) as journal:
        assert journal.past.damaged == 1
        assert journal.past.done == {"beach": DONE}


def test_an_event_of_a_later_version_and_further_fields_are_of_no_account(tmp_path):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    text = path.read_text().replace('"sha256"', '"blake3": "cd", "sha256"')
    path.write_text(text + '{"event": "paused", "scene": 7}\n')
    with open_journal(tmp_path) as journal:
        assert journal.past.damaged == 0
        assert journal.past.done == {"beach": DONE}


@pytest.mark.parametrize("length", [3, (1 << 20) - 1, 1 << 20, 5 << 19])
def test_a_tail_without_an_end_is_cut_off_however_long(tmp_path, length):
    write_some(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + b"a" * length)
    with open_journal(tmp_path) as journal:
        assert journal.past.damaged == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_a_journal_that_is_no_regular_file_is_refused(tmp_path, kind):
    path = tmp_path / JOURNAL
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
    with pytest.raises(OutputError, match=r"journal\.jsonl: is no regular file"), open_journal(tmp_path):
        pass


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
        other.wait(600)
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

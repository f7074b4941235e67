"""What killed writers leave is found again under its temporary names, and nothing else is."""

import os
import socket
import subprocess
import sys
import textwrap

import pytest

from hdrfuse.formats import atomic
from hdrfuse.formats.atomic import remove_unfinished, replacing

WRITER = """
    import pathlib, sys, time
    from hdrfuse.formats import replacing
    with replacing(pathlib.Path(sys.argv[1]), overwrite=False) as temporary:
        temporary.write_bytes(b"half")
        print("ready", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def writing():
    """Start processes that are in the midst of writing a file; all are killed at the end."""
    started = []

    def writing(path):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), path]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield writing
    for process in started:
        process.kill()
        process.communicate()


def left_by_a_kill(path):
    """A file as a killed writer leaves it: marked, and locked by nobody."""
    unfinished = atomic._temporary_name(path)
    unfinished.write_bytes(b"half")
    return unfinished


def test_what_a_killed_process_was_writing_is_removed_and_what_another_one_writes_is_not(tmp_path, writing):
    killed, other = writing(tmp_path / "beach.exr"), writing(tmp_path / "lake.exr")
    killed.kill()
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 2
    remove_unfinished(tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".lake.")
    other.kill()
    other.wait()
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "stem",
    ["beach", "IMG_1.v2", "x" * 86, "x" * 100, "x" * 250, "a[b]*", "\N{BEACH WITH UMBRELLA}" * 60, "\udcff" * 250],
)
def test_every_temporary_name_is_short_enough_and_found(tmp_path, stem):
    path = tmp_path / f"{stem}.exr"
    with replacing(path, overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
        assert len(os.fsencode(temporary.name)) <= 150
        left_by_a_kill(path)
    assert len(list(tmp_path.iterdir())) == 2
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_merely_look_so_stay(tmp_path, monkeypatch):
    mine = left_by_a_kill(tmp_path / "beach.exr")
    others = [tmp_path / name for name in (
        "beach.exr", ".beach.exr", ".beach.0123abcd.tmp.exr", ".beach.0123456789abcdef.tmp.exr", mine.name[1:],
        f"{mine.name}.exr~", mine.name.upper(), ".beach.tmp",
    )]  # fmt: skip
    for path in others:
        path.write_bytes(b"whole")
    target = tmp_path / "precious"
    target.write_bytes(b"whole")
    atomic._temporary_name(tmp_path / "link.exr").symlink_to(target)
    atomic._temporary_name(tmp_path / "folder.exr").mkdir()
    os.mkfifo(atomic._temporary_name(tmp_path / "pipe.exr"))
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "elsewhere")
        left_by_a_kill(tmp_path / "of-another-host.exr")
    before = set(tmp_path.iterdir())
    remove_unfinished(tmp_path)
    assert before - set(tmp_path.iterdir()) == {mine}


def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    left = left_by_a_kill(tmp_path / "beach.exr")
    with replacing(tmp_path / "beach.exr", overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
        remove_unfinished(tmp_path)
    assert set(tmp_path.iterdir()) == {left, tmp_path / "beach.exr"}


def test_a_temporary_file_that_was_swept_up_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    locked = []

    def lock(descriptor, operation):
        locked.append(descriptor)
        if len(locked) == 1:
            next(tmp_path.iterdir()).unlink()

    monkeypatch.setattr("fcntl.flock", lock)
    with replacing(tmp_path / "beach.exr", overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["beach.exr"]


def test_no_link_in_the_place_of_a_temporary_file_is_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda count: "00000000")
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    atomic._temporary_name(tmp_path / "beach.exr").symlink_to(target)
    with pytest.raises(Exception, match="exists already"), replacing(tmp_path / "beach.exr", overwrite=True) as path:
        path.write_bytes(b"not yours")
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_says(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "beach.exr", overwrite=False) as temporary:
            temporary.write_bytes(b"whole")
    finally:
        os.umask(before)
    assert (tmp_path / "beach.exr").stat().st_mode & 0o777 == mode


def test_a_missing_folder_holds_nothing(tmp_path):
    remove_unfinished(tmp_path / "nowhere")


PLACES = ("a.jpg", "b.png", "c.exr")


def write_all(folder, overwrite):
    from hdrfuse.outputs import all_or_nothing

    paths = [folder / name for name in PLACES]
    with all_or_nothing(paths, overwrite=overwrite) as beside:
        for path in paths:
            with beside(path) as temporary:
                temporary.write_bytes(b"new")


@pytest.mark.parametrize("old", [PLACES, PLACES[:1], PLACES[1:], ()])
@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_rename_that_fails_brings_every_old_file_back(tmp_path, monkeypatch, old, failing, links, error):
    for name in old:
        (tmp_path / name).write_bytes(f"old {name}".encode())
    replace, renamed = os.replace, []

    def fail_once(source, target):
        renamed.append(target)
        if len(renamed) == failing:
            raise error
        replace(source, target)

    def refuse(*arguments, **options):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_once)
        if not links:
            patch.setattr(os, "link", refuse)
        with pytest.raises(BaseException, match=PLACES[failing - 1] if isinstance(error, OSError) else None):
            write_all(tmp_path, overwrite=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: f"old {name}" for name in old}
    write_all(tmp_path, overwrite=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(PLACES, "new")


def test_what_cannot_be_put_back_stays_aside(tmp_path, monkeypatch):
    for name in PLACES:
        (tmp_path / name).write_bytes(b"old")
    replace, renamed = os.replace, []

    def fail_from_the_second_on(source, target):
        renamed.append(target)
        if len(renamed) > 1:
            raise OSError(5, "Input/output error")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_from_the_second_on)
        with pytest.raises(Exception, match="cannot be written"):
            write_all(tmp_path, overwrite=True)
    (aside,) = {path.name for path in tmp_path.iterdir()} - set(PLACES)
    assert (tmp_path / aside).read_bytes() == b"old"


def test_a_link_that_is_overwritten_comes_back_as_a_link(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").write_bytes(b"old")
    (tmp_path / "a.jpg").symlink_to("elsewhere")

    def refuse(temporary, path):
        raise OSError(5, "Input/output error")

    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: refuse(a, b) if str(b).endswith("b.png") else replace(a, b))
    with pytest.raises(Exception, match=r"b\.png: cannot be written: Input/output error"):
        write_all(tmp_path, overwrite=True)
    assert os.readlink(tmp_path / "a.jpg") == "elsewhere"  # noqa: PTH115
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "elsewhere"]

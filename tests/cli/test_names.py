"""Names of files and folders as they come: with control characters, no UTF-8, as long as they may be, of pipes."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from daily import daily
from PIL import Image

from hdrfuse.errors import ExitCode

from .brackets import frame_exif, listing, photograph, write_bracket

HOSTILE = "\x1b]0;pwn\x07\x1b[2J\x9b1m\u202e\nerror: forged"
CONTROLS = {*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e"} - {"\n"}
E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"
LATIN_1 = os.fsdecode(b"caf\xe9")

posix_names = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are not bytes there")


@pytest.fixture
def hostile(tmp_path):
    folder = write_bracket(tmp_path / "shoot" / HOSTILE)
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(f"{HOSTILE}{path.name}"))
    return folder


@posix_names
@pytest.mark.parametrize(
    "words",
    [
        ("merge", "--method", "classical", "-v"),
        ("merge", "--method", "classical", "-v", "--reference", "nowhere"),
        ("info", "-v"),
        ("batch", "--method", "classical", "-v"),
        ("batch", "--dry-run"),
        ("batch", "--method", "classical", "--exposures=1,2", "-v"),
    ],
)
def test_names_command_no_terminal_and_forge_no_line(run, hostile, words):
    command, *options = words
    outcome = run(command, hostile.parent if command == "batch" else hostile, *options)
    assert not CONTROLS & set(outcome.out + outcome.err)
    assert not any(line.startswith("error: forged") for line in (outcome.out + outcome.err).splitlines())
    assert "pwn" in outcome.out + outcome.err


@posix_names
def test_names_command_no_terminal_when_files_are_compared(run, hostile):
    first, second = (hostile.parent / f"{HOSTILE}{name}.exr" for name in "ab")
    assert run("merge", hostile, "--out", first, "--method", "classical", "-q", "--no-preview").code == 0
    shutil.copy(first, second)
    outcome = run("compare", first, second)
    assert outcome.code == 0
    assert "pwn" in outcome.out
    assert not CONTROLS & set(outcome.out + outcome.err)


@posix_names
def test_a_traceback_commands_no_terminal(run, hostile, monkeypatch):
    def failing(*words, **options):
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr("hdrfuse.job.read_bracket", failing)
    outcome = run("merge", hostile, "--method", "classical", "-v")
    assert outcome.code == ExitCode.FAILED
    assert "Traceback" in outcome.err
    assert not CONTROLS & set(outcome.err)


@posix_names
@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_a_name_that_is_no_utf_8_is_read_and_written(run, tmp_path, suffix):
    folder = write_bracket(tmp_path / LATIN_1)
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(f"{LATIN_1}{path.name}"))
    out = tmp_path / f"{LATIN_1}-out" / f"{LATIN_1}{suffix}"
    out.parent.mkdir()
    ghost_map, curve = out.with_name(f"{LATIN_1}.png"), out.with_name(f"{LATIN_1}.json")
    outcome = run("merge", folder, "--out", out, "--ghost-map", ghost_map, "--save-response", curve,
                  "--method", "classical", "--json", "-q")  # fmt: skip
    assert outcome.code == 0, outcome
    assert json.loads(outcome.out)["outputs"]["radiance"] == str(out)
    assert set(out.parent.iterdir()) == {out, out.with_name(f"{LATIN_1}.preview.jpg"), ghost_map, curve}
    outcome = run("info", out)
    assert outcome.code == 0, outcome
    unknown = "?" if suffix == ".tif" else "\N{REPLACEMENT CHARACTER}"  # TIFF's text is ASCII
    assert f"caf{unknown}shot2.jpg" in outcome.out
    assert run("compare", out, out, "-q").code == 0


@posix_names
def test_a_batch_of_names_that_are_no_utf_8_is_merged_and_resumed(run, tmp_path):
    write_bracket(tmp_path / "shoot" / LATIN_1)
    words = ("batch", tmp_path / "shoot", "--out", tmp_path / f"{LATIN_1}-hdr", "--method", "classical", "-q")
    outcome = run(*words)
    assert outcome.code == 0, outcome
    assert (tmp_path / f"{LATIN_1}-hdr" / f"{LATIN_1}.exr").is_file()
    assert "1 done before" in run(*words).out


@posix_names
def test_an_exr_bracket_in_a_folder_that_is_no_utf_8_is_merged(run, tmp_path):
    frames = write_bracket(tmp_path / "jpeg")
    folder = tmp_path / LATIN_1
    folder.mkdir()
    for name, reference in {"a_-2EV.exr": 2, "b_+0EV.exr": 1}.items():  # light in units of the white of another frame
        words = ("--out", folder / name, "--reference", reference, "--method", "classical", "-q", "--no-preview")
        assert run("merge", frames, *words).code == 0
    outcome = run("merge", *sorted(folder.iterdir()), "--out", tmp_path / "o.exr", "--method", "classical", "-q")
    assert outcome.code == 0, outcome


@pytest.mark.parametrize(
    ("suffix", "letter"),
    daily(2, [(".exr", E_ACUTE), (".tif", "x"), (".exr", "x"), (".hdr", "x"), (".hdr", E_ACUTE), (".tif", E_ACUTE)]),
)
def test_names_as_long_as_they_may_be_are_read_and_written(run, tmp_path, letter, suffix):
    stem = letter * (249 // len(letter.encode()))
    files = [tmp_path / f"{stem}{index}.jpg" for index in range(3)]
    for path, ev in zip(files, (-2, 0, 2), strict=True):
        Image.fromarray(photograph(ev)).save(path, exif=frame_exif(ev))
    outcome = run("merge", *files, "--method", "classical", "-q")
    assert outcome.code == 0, outcome
    written = {path.name for path in tmp_path.iterdir()} - {path.name for path in files}
    assert {f"{stem}0.exr"} < written
    assert len(written) == 2
    out = tmp_path / f"{stem}1{suffix}"
    assert run("merge", *files, "--out", out, "--method", "classical", "-q").code == 0
    assert run("compare", out, out, "-q").code == 0


def test_a_batch_of_names_as_long_as_they_may_be_is_merged(run, tmp_path):
    scenes = ["x" * 249 + end for end in "ab"]
    for name in scenes:
        write_bracket(tmp_path / "shoot" / name)
    out = tmp_path / "hdr"
    words = ("batch", tmp_path / "shoot", "--out", out, "--ghost-maps", "--method", "classical", "-q")
    outcome = run(*words)
    assert outcome.code == 0, outcome
    assert {f"{name}.exr" for name in scenes} < {path.name for path in out.iterdir()}
    assert sum(path.suffix == ".jpg" for path in out.iterdir()) == 2
    assert len(list((out / ".report").iterdir())) == 6
    assert "2 done before" in run(*words).out


@pytest.mark.parametrize("option", ["--out", "--ghost-map", "--save-response"])
def test_an_output_s_name_that_no_file_system_takes_is_refused(refused, beach, option):
    suffix = {"--out": ".exr", "--ghost-map": ".png", "--save-response": ".json"}[option]
    name = "x" * 252 + suffix
    refused(beach.parent, "merge", beach, option, beach.parent / name, "-q", naming=("file systems take 255", name))


@pytest.mark.parametrize("command", ["merge", "info", "batch"])
def test_an_input_s_name_that_no_file_system_takes_is_refused(refused, tmp_path, command):
    refused(tmp_path, command, tmp_path / ("x" * 300 + ".jpg"), naming=("x" * 300, "too long"))


MERGE = ("merge", "--method", "classical")


def special(kind, path):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        here = os.open(path.parent, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/{path.name}")  # a socket's whole name is short
        os.close(here)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sockets with long names")
@pytest.mark.parametrize(
    ("kind", "name", "words"),
    daily(
        8,
        [
            ("socket", "p.jpg", ("info", "p.jpg")),
            ("link to a device", "p.json", (*MERGE, "beach", "--response", "p.json")),
            ("pipe", "p.jpg", ("info", "p.jpg")),
            ("pipe", "beach/p.jpg", (*MERGE, "beach")),
            ("pipe", "beach/exposure.txt", (*MERGE, "beach")),
            ("pipe", "p.safetensors", ("merge", "beach", "--weights", "p.safetensors")),
            ("pipe", "p.toml", ("batch", ".", "--preset", "p.toml")),
            ("pipe", "p.jpg", ("batch", ".", "--method", "classical", "--dry-run", "--group", "folder")),
            ("link to a device", "p.jpg", ("info", "p.jpg")),
            ("pipe", "p.exr", ("info", "p.exr")),
            ("pipe", "p.exr", ("compare", "p.exr", "p.exr")),
            ("pipe", "p.jpg", (*MERGE, "p.jpg", "beach/shot1.jpg")),
            ("pipe", "beach/p.dng", (*MERGE, "beach")),
            ("pipe", "p.json", (*MERGE, "beach", "--response", "p.json")),
            ("pipe", "p.md", ("eval", "--dataset", "kalantari", "--data", ".", "--paste", "p.md")),
        ],
    ),
)
def test_a_special_file_is_refused_and_never_waited_for(start, tmp_path, kind, name, words):
    write_bracket(tmp_path / "beach")
    special(kind, tmp_path / name)
    before = listing(tmp_path)
    process = start(*words, cwd=tmp_path, stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=600)
    if words[-1] == "folder":
        assert "not a regular file" in out
        return
    assert process.returncode == ExitCode.BAD_INPUT, err
    assert "not a regular file" in err
    assert len(err.splitlines()) == 1
    assert listing(tmp_path) == before


UNREAD = {
    ".HEIC": "HEIC", ".heif": "HEIF", ".hif": "HEIF", ".webp": "WebP", ".avif": "AVIF", ".jxl": "JPEG XL",
    ".bmp": "BMP", ".psd": "Photoshop", ".gif": "GIF", ".jp2": "JPEG 2000",
}  # fmt: skip


@pytest.mark.parametrize("suffix", UNREAD)
def test_pictures_in_formats_that_are_not_read_are_named_with_their_count(refused, tmp_path, suffix):
    phone = tmp_path / "phone"
    phone.mkdir()
    files = [phone / f"IMG_{index}{suffix}" for index in range(3)]
    for path in files:
        path.write_bytes(b"\0\0\0\x18ftypheic")
    says = f"3 {UNREAD[suffix]} files are not read; export as JPEG or TIFF"
    for words in (("merge", phone), ("info", phone), ("merge", *files), ("info", *files), ("batch", phone)):
        refused(tmp_path, *words, naming=says)
    for command in ("merge", "info"):
        refused(tmp_path, command, files[0], naming=says.replace("3", "1").replace("files are", "file is"))


def test_pictures_that_are_left_out_beside_frames_are_told(run, beach):
    for index in range(3):
        (beach / f"IMG_{index}.heic").write_bytes(b"\0\0\0\x18ftypheic")
    says = "warning: 3 HEIC files are not read; export as JPEG or TIFF"
    for command in ("merge", "info"):
        outcome = run(command, beach, *(["--method", "classical"] if command == "merge" else []))
        assert outcome.code == 0
        assert says in outcome.err.splitlines()

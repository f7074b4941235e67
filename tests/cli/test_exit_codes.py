"""One exit code a kind of outcome, and what is left behind."""

import errno
import os
import signal
import subprocess
import sys

import cv2
import pytest
from daily import daily

from hdrfuse import __version__, errors
from hdrfuse.cli import app
from hdrfuse.errors import ExitCode

from .brackets import listing, write_bracket
from .full_disk import files_of_at_most

COMMANDS = ("merge", "batch", "info", "demo", "bench", "train")


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


def test_0_is_done(run, beach):
    assert run("merge", beach).code == 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.HdrfuseError, 1), (errors.WriteError, 1), (errors.BadInputError, 2), (errors.UsageError, 2),
        (errors.ImageError, 2), (errors.BracketError, 2), (errors.ExposureError, 2), (errors.OutputError, 2),
        (errors.WeightsError, 2), (errors.DeviceError, 2), (errors.PartialBatchError, 3),
    ],
)  # fmt: skip
def test_every_kind_of_error_has_its_code_and_one_line(run, beach, monkeypatch, kind, code):
    monkeypatch.setattr("hdrfuse.job.read_bracket", failing(kind("beach/a.jpg: is\nwrong\x1b[31m")))
    outcome = run("merge", beach)
    assert outcome.code == code
    assert outcome.error == "error: beach/a.jpg: is wrong [31m"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), 1, "out of memory"), (ZeroDivisionError("no\nluck"), 1, "ZeroDivisionError: no luck"),
        (KeyboardInterrupt(), 130, "interrupted"), (RuntimeError(""), 1, "unexpected RuntimeError"),
    ],
)  # fmt: skip
def test_anything_else_is_one_line_too(run, beach, monkeypatch, error, code, says):
    monkeypatch.setattr("hdrfuse.job.read_bracket", failing(error))
    outcome = run("merge", beach)
    assert outcome.code == code
    assert says in outcome.error


OPENCV = "OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 8 bytes in function 'x'\n"
TORCH = "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
WITHOUT_MEMORY = [
    MemoryError(), MemoryError("std::bad_alloc"), cv2.error(OPENCV), RuntimeError(TORCH), OSError(errno.ENOMEM, "no"),
    OSError("out of memory when writing image file"), RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("could not create a primitive"), MemoryError("Unable to allocate 2 GiB for an array"),
]  # fmt: skip


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("error", daily(3, WITHOUT_MEMORY), ids=lambda error: str(error)[:30])
@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("hdrfuse.job.merge_bracket", ""), ("PIL.Image.Image.save", "beach.preview.jpg"),
        ("hdrfuse.outputs.to_rec709", "beach.preview.jpg"), ("hdrfuse.formats.exr.write", "beach.exr"),
        ("hdrfuse.outputs.draw_ghost_map", "map.png"),
    ],
)  # fmt: skip
def test_out_of_memory_is_called_so_wherever_it_happens(run, beach, monkeypatch, error, where, named):
    monkeypatch.setattr(where, failing(error))
    before = listing(beach.parent)
    outcome = run("merge", beach, "-q", "--method", "classical", "--ghost-map", beach.with_name("map.png"))
    assert outcome.code == 1
    expected = f"{beach.with_name(named)}: cannot be written: out of memory" if named else "out of memory"
    assert outcome.error == f"error: {expected}"
    assert listing(beach.parent) == before


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("error", [RuntimeError(), OSError(), ValueError("\n"), AssertionError()])
def test_an_error_that_says_nothing_is_called_by_its_kind(run, beach, monkeypatch, error):
    monkeypatch.setattr("PIL.Image.Image.save", failing(error))
    outcome = run("merge", beach, "-q", "--method", "classical")
    assert outcome.code == 1
    assert outcome.error.endswith(f"beach.preview.jpg: cannot be written: {type(error).__name__}")


def test_a_file_whose_name_speaks_of_memory_is_no_lack_of_it(run, tmp_path):
    outcome = run("merge", tmp_path / "out of memory", "--method", "classical")
    assert outcome.code == 2
    assert outcome.error != "error: out of memory"


def test_verbose_shows_the_traceback_and_then_the_line(run, beach, monkeypatch):
    monkeypatch.setattr("hdrfuse.job.read_bracket", failing(ZeroDivisionError("no luck")))
    outcome = run("merge", beach, "-v")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("error: unexpected ZeroDivisionError")


@pytest.mark.parametrize(
    "words",
    [("merge",), ("fuse",), ("merge", "--no-such-option"), ("merge", "a", "--tonemap", "loud"), ("merge", "a", "--out"),
     ("merge", "a", "--steps", "many"), ("info",), ("demo",), ("merge", "a", "--compression", "gzip")],
)  # fmt: skip
def test_2_is_bad_usage_in_one_line(run, words):
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.error
    assert outcome.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example_that_names_it(run, command):
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert f"Example: hdrfuse {command}" in outcome.out


def test_every_command_is_listed_and_the_program_alone_shows_its_help(run):
    outcome = run()
    assert outcome.code == 0
    assert outcome.out == run("--help").out
    assert all(f" {command} " in outcome.out for command in COMMANDS)
    assert "--install-completion" in outcome.out


def test_version(run):
    assert run("--version").out == f"hdrfuse {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["merge", "--help"], ["--version"], ["merge", "--nonsense"]])
def test_help_and_usage_errors_import_nothing_heavy(words):
    code = (
        f"import sys; from hdrfuse.cli import main; code = main({words!r}); import hdrfuse.cli.app\n"
        "print([m for m in ('torch', 'cv2', 'numpy', 'OpenEXR', 'PIL') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.splitlines()[-1] == "[]"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, hdrfuse; print([m for m in ('torch', 'cv2', 'numpy', 'typer') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_merging_without_the_network_does_not_import_torch(tmp_path):
    scene = write_bracket(tmp_path / "beach")
    code = (
        f"import sys; from hdrfuse.cli import main; code = main(['merge', {str(scene)!r}, '--method', 'classical'])\n"
    )
    code += "assert code == 0\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_130_is_interrupted_and_nothing_is_left(start, tmp_path, number):
    scene = write_bracket(tmp_path / "big", size=(600, 800))
    before = listing(tmp_path)
    process = start("merge", scene, "--ghost-map", tmp_path / "map.png")
    assert process.stderr is not None
    lines = [process.stderr.readline()]  # the frames are read, the merge begins
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    lines += err.splitlines()
    assert process.returncode == ExitCode.INTERRUPTED, lines
    assert lines[-1].strip() == "error: interrupted"
    assert not any("Traceback" in line for line in lines)
    assert listing(tmp_path) == before


DECODING_FOR_EVER = """
import sys, threading
from hdrfuse.cli import main
import {module}
def for_ever(*words, **options):
    print("decoding", flush=True)
    threading.Event().wait()
sys.modules["{module}"].{function} = for_ever
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
"""A program whose decoder never returns, in its workers too, which begin by importing it."""


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("function", "words"),
    daily(
        2,
        [
            ("hdrfuse.imaging.bracket.read_image", ("merge", "shoot/beach", "--method", "classical")),
            ("hdrfuse.brackets.shots.read_header", ("batch", "shoot", "--method", "classical", "--dry-run")),
            ("hdrfuse.imaging.bracket.read_image", ("batch", "shoot", "--method", "classical")),
            ("hdrfuse.formats.reading.identify", ("info", "shoot/beach")),
        ],
    ),
)
def test_130_comes_whatever_a_decoder_does(tmp_path, function, words, number):
    write_bracket(tmp_path / "shoot" / "beach")
    before = listing(tmp_path)
    module, _, name = function.rpartition(".")
    program = tmp_path / "program.py"
    program.write_text(DECODING_FOR_EVER.format(module=module, function=name))
    command = [sys.executable, program, *words, "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("decoding")  # two threads may share the line
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert err.splitlines()[-1].startswith("error: interrupted")
    program.unlink()
    after = listing(tmp_path)
    assert {name for name in after if not name.startswith("shoot/hdr")} == set(before)
    assert not [name for name in after if ".tmp" in name or name.endswith(".exr")]


@pytest.mark.usefixtures("merged_at_once")
def test_an_interrupt_while_writing_leaves_nothing(run, beach, monkeypatch):
    monkeypatch.setattr("hdrfuse.outputs.write_image", failing(KeyboardInterrupt()))
    before = listing(beach.parent)
    assert run("merge", beach, "-q", "--method", "classical").code == 130
    assert listing(beach.parent) == before


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_1_is_a_full_disk_and_neither_the_result_nor_its_siblings_stay(run, beach, suffix):
    before = listing(beach.parent)
    with files_of_at_most(30_000):
        outcome = run("merge", beach, "--out", beach.with_name(f"out{suffix}"), "-q", "--method", "classical")
    assert outcome.code == ExitCode.FAILED
    assert f"out{suffix}: " in outcome.error
    assert ".tmp" not in outcome.error
    assert outcome.out == ""
    assert listing(beach.parent) == before


@pytest.mark.usefixtures("merged_at_once")
def test_a_failed_rename_takes_back_what_was_already_placed(run, beach, monkeypatch):
    from hdrfuse.formats import atomic

    placed = []

    def move(temporary, path):
        if placed:
            raise FileExistsError
        placed.append(path)
        temporary.rename(path)

    monkeypatch.setattr(atomic, "_move_to_free_name", move)
    before = listing(beach.parent)
    outcome = run("merge", beach, "-q", "--method", "classical")
    assert outcome.code == 2
    assert "exists already" in outcome.error
    assert placed
    assert listing(beach.parent) == before


@pytest.mark.usefixtures("merged_at_once")
def test_failing_to_overwrite_keeps_the_old_files(run, beach, monkeypatch):
    for name in ("beach.exr", "beach.preview.jpg"):
        beach.with_name(name).write_bytes(b"old")
    monkeypatch.setattr("hdrfuse.outputs.write_image", failing(errors.WriteError("full")))
    before = listing(beach.parent)
    assert run("merge", beach, "--overwrite", "-q", "--method", "classical").code == 1
    assert listing(beach.parent) == before


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("failing", range(1, 5))
def test_a_rename_that_fails_while_overwriting_brings_every_old_file_back(run, beach, monkeypatch, failing):
    folder, replace, renamed = beach.parent, os.replace, []
    outputs = [folder / name for name in ("beach.exr", "beach.preview.jpg", "map.png", "curve.json")]
    for path in outputs:
        path.write_bytes(f"old {path.name}".encode())

    def fail_once(source, target):
        renamed.append(target)
        if len(renamed) == failing:
            raise OSError(5, "Input/output error")
        replace(source, target)

    words = ("merge", beach, "--ghost-map", outputs[2], "--save-response", outputs[3], "--overwrite", "-q")
    before = listing(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_once)
        outcome = run(*words, "--method", "classical")
    assert outcome.code == 1
    assert outcome.error.endswith(f"{renamed[failing - 1].name}: cannot be written: Input/output error")
    assert listing(folder) == before
    assert run(*words, "--method", "classical").code == 0
    assert not any(path.read_bytes().startswith(b"old") for path in outputs)
    assert set(listing(folder)) == set(before)


def test_a_merge_sweeps_up_what_a_killed_one_left_in_the_folder_of_its_output(run, tmp_path):
    scene = write_bracket(tmp_path / "beach")
    out = tmp_path / "out"
    out.mkdir()
    code = (
        "import os, sys\nfrom hdrfuse import outputs\nfrom hdrfuse.cli import main\n"
        "outputs.write_image = lambda *arguments, **options: os.kill(os.getpid(), 9)\nmain(sys.argv[1:])"
    )
    words = ["merge", scene, "--method", "classical", "-q", "--out"]
    killed = subprocess.run([sys.executable, "-c", code, *words, out / "killed.exr"], capture_output=True, check=False)
    assert killed.returncode == -9
    left = [path.name for path in out.iterdir()]
    assert len(left) == 2
    assert all(name.startswith(".killed.") for name in left)
    assert run(*words, out / "next.exr").code == 0
    assert sorted(path.name for path in out.iterdir()) == ["next.exr", "next.preview.jpg"]


def test_a_reader_that_went_away_is_no_failure(beach):
    process = subprocess.Popen(
        [sys.executable, "-m", "hdrfuse", "info", str(beach), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors_printed = process.stderr.read()
    assert process.wait(600) == 0
    assert errors_printed == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_standard_output_is_one_line(beach):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "hdrfuse", "info", str(beach)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: standard output")


def test_help_comes_without_the_slow_libraries():
    script = """
import sys
from hdrfuse.cli import main
sys.argv = ["hdrfuse", "--help"]
try:
    main()
finally:
    print("imported:", [name for name in ("torch", "cv2", "OpenEXR", "einops") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_outcomes_are_mapped_in_one_place():
    assert app.outcome_of(errors.ExposureError("x")) == (ExitCode.BAD_INPUT, "x")
    assert app.outcome_of(KeyboardInterrupt())[0] == ExitCode.INTERRUPTED

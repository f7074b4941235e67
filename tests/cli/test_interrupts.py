"""Signals at the moments that matter: while libraries are imported, while files are renamed, when all is done."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daily import daily

from .brackets import listing

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
TO_A_PROCESS = [signal.SIGINT, *(pytest.param(number, marks=pytest.mark.slow) for number in SIGNALS[1:])]
OUTPUTS = {"beach.exr", "beach.preview.jpg"}

DURING_IMPORT = """
import os, sys
name, number = sys.argv.pop(1), int(sys.argv.pop(1))
def interrupt(event, arguments):
    global name
    if event == "import" and arguments[0] == name:
        name = None
        os.kill(os.getpid(), number)
sys.addaudithook(interrupt)
from hdrfuse.cli import main
sys.exit(main())
"""

AFTERWARDS = """
import os, sys
number = int(sys.argv.pop(1))
from hdrfuse.cli import main
code = main()
os.kill(os.getpid(), number)
sys.exit(code)
"""

IN_A_LIBRARY_S_OWN_CODE = """
import ctypes, os, sys
from hdrfuse import job
from hdrfuse.cli import main
RUN = ctypes.pythonapi.PyRun_String
RUN.restype, RUN.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_int, ctypes.py_object, ctypes.py_object]
def read(*arguments, **options):
    try:
        RUN(b"import os\\nos.kill(os.getpid(), 15)\\nwhile True: pass", 257, {"__builtins__": __builtins__}, {})
    except BaseException as error:
        raise RuntimeError("initialization failed") from error
job.read_bracket = read
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def nothing_ignored():
    """Whoever started the tests may have a signal ignored, which the program respects."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS[1:]}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def finished(code, *words):
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    ("module", "number"),
    daily(4, [
        ("typer", signal.SIGINT), ("hdrfuse.cli.eval", signal.SIGHUP), ("numpy._core._multiarray_umath", signal.SIGINT),
        ("hdrfuse.formats.exr_layout", signal.SIGTERM), ("hdrfuse.cli.app", signal.SIGTERM), ("numpy", signal.SIGTERM),
        ("cv2", signal.SIGINT), ("PIL.Image", signal.SIGTERM), ("OpenEXR", signal.SIGINT),
    ]),
)  # fmt: skip
def test_a_signal_during_an_import_is_one_line_and_130(beach, module, number):
    before = listing(beach.parent)
    result = finished(DURING_IMPORT, module, int(number), "merge", beach, "--method", "classical", "-q")
    assert (result.returncode, result.stderr, result.stdout) == (130, "error: interrupted\n", "")
    assert listing(beach.parent) == before


def test_an_interrupt_that_a_library_makes_an_error_of_is_an_interrupt_still(beach):
    result = finished(IN_A_LIBRARY_S_OWN_CODE, "merge", beach, "--method", "classical", "-q")
    assert (result.returncode, result.stderr, result.stdout) == (130, "error: interrupted\n", "")


IN_A_DESTRUCTOR = """
import os, sys, time
from hdrfuse import job
from hdrfuse.cli import main
class Fragile:
    def __del__(self):
        os.kill(os.getpid(), 15)
        for _ in range(1000):
            pass
def read(*arguments, **options):
    Fragile()
    time.sleep(600)
job.read_bracket = read
sys.exit(main())
"""


def test_an_interrupt_that_falls_into_a_destructor_is_not_lost(beach):
    result = finished(IN_A_DESTRUCTOR, "merge", beach, "--method", "classical", "-q")
    assert (result.returncode, result.stderr, result.stdout) == (130, "error: interrupted\n", "")


@pytest.mark.parametrize("number", TO_A_PROCESS)
def test_a_signal_after_the_work_changes_nothing(beach, number):
    result = finished(AFTERWARDS, int(number), "merge", beach, "--method", "classical", "-q")
    assert (result.returncode, result.stderr) == (0, "")
    assert {path.name for path in beach.parent.iterdir()} == {"beach", *OUTPUTS}


@pytest.mark.parametrize("number", TO_A_PROCESS)
def test_a_signal_after_a_failure_does_not_change_its_code(tmp_path, number):
    result = finished(AFTERWARDS, int(number), "merge", tmp_path, "--method", "classical", "-q")
    assert result.returncode == 2


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("rename", [1, 2])
def test_a_signal_between_two_renames_waits_for_the_second(run, beach, monkeypatch, number, rename):
    for name in OUTPUTS:
        beach.with_name(name).write_bytes(b"old")
    replace, renamed = os.replace, []

    def interrupted(source, target):
        renamed.append(target)
        if len(renamed) == rename:
            os.kill(os.getpid(), number)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    assert run("merge", beach, "--method", "classical", "-q", "--overwrite").code == 0
    assert {path.name for path in beach.parent.iterdir()} == {"beach", *OUTPUTS}
    assert not any(beach.with_name(name).read_bytes() == b"old" for name in OUTPUTS)


@pytest.mark.usefixtures("merged_at_once")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_result_is_told_leaves_it_a_success(run, beach, monkeypatch, number):
    monkeypatch.setattr("hdrfuse.cli.merge.summary", lambda report: os.kill(os.getpid(), number) or "")
    outcome = run("merge", beach, "--method", "classical", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    assert {path.name for path in beach.parent.iterdir()} == {"beach", *OUTPUTS}


@pytest.mark.usefixtures("merged_at_once")
def test_a_second_signal_does_not_disturb_the_removal_of_files(run, beach, monkeypatch):
    def interrupted(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)

    def disturbed(path, **more):
        os.kill(os.getpid(), signal.SIGTERM)
        unlink(path, **more)

    unlink = Path.unlink
    monkeypatch.setattr("hdrfuse.outputs.write_image", interrupted)
    monkeypatch.setattr(Path, "unlink", disturbed)
    before = listing(beach.parent)
    outcome = run("merge", beach, "--method", "classical", "-q")
    assert (outcome.code, outcome.err) == (130, "error: interrupted\n")
    assert listing(beach.parent) == before


def test_handlers_are_given_back_to_a_program_that_calls_ours(run, beach):
    mine = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        before = [signal.getsignal(number) for number in SIGNALS]
        assert run("info", beach).code == 0
        assert [signal.getsignal(number) for number in SIGNALS] == before
    finally:
        signal.signal(signal.SIGTERM, mine)

import ctypes
import os
import subprocess
import sys
import threading

from hdrfuse.formats.quiet import silenced


def test_only_the_thread_that_asked_is_silent_on_python_s_output(capfd):
    with silenced():
        sys.stdout.write("noise")
        other = threading.Thread(target=sys.stdout.write, args=("result",))
        other.start()
        other.join()
    sys.stdout.write(" and more")
    assert capfd.readouterr().out == "result and more"


def test_what_native_code_prints_as_an_error_is_dropped_and_later_errors_are_not(capfd):
    with silenced():
        os.write(2, b"noise")
    os.write(2, b"error: real")
    assert capfd.readouterr().err == "error: real"


def test_what_native_code_prints_as_a_result_is_dropped_even_from_its_buffer(capfd):
    with silenced():
        os.write(1, b"noise")
        ctypes.CDLL(None).puts(b"ojph info")  # which waits in C's buffer
    ctypes.CDLL(None).fflush(None)
    os.write(1, b"result")
    assert capfd.readouterr().out == "result"


def test_two_threads_are_silent_at_once(capfd):
    both = threading.Barrier(2, timeout=600)

    def decode() -> None:
        with silenced():
            both.wait()  # none waits for the other's end
            os.write(2, b"noise")
            both.wait()
        both.wait()

    threads = [threading.Thread(target=decode) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"real")
    assert capfd.readouterr() == ("", "real")


def test_silence_lasts_until_the_last_one_is_done(capfd):
    inside, leave = threading.Event(), threading.Event()

    def decode() -> None:
        with silenced():
            inside.set()
            leave.wait(600)

    thread = threading.Thread(target=decode)
    thread.start()
    inside.wait(600)
    with silenced(), silenced():
        pass
    os.write(2, b"noise of the other")
    sys.stderr.write("but this is told")
    leave.set()
    thread.join()
    os.write(2, b", and this")
    assert capfd.readouterr().err.replace("\n", "") == "but this is told, and this"


def test_what_waits_in_the_streams_and_what_others_print_reaches_a_pipe_in_order():
    program = """
import os, sys, threading
from hdrfuse.formats.quiet import silenced
sys.stdout.write("first ")
with silenced():
    sys.stdout.write("noise ")
    os.write(1, b"noise ")
    other = threading.Thread(target=print, args=("second",), kwargs={"end": " "})
    other.start(); other.join()
print("third")
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("first second third\n", "")


def test_a_closed_standard_error_is_no_obstacle():
    kept = os.dup(2)
    os.close(2)
    try:
        with silenced():
            pass
    finally:
        os.dup2(kept, 2)
        os.close(kept)

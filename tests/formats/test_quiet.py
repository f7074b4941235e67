import os
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


def test_a_closed_standard_error_is_no_obstacle():
    kept = os.dup(2)
    os.close(2)
    try:
        with silenced():
            pass
    finally:
        os.dup2(kept, 2)
        os.close(kept)

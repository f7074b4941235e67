"""The command line: one file a command, which parses, calls and prints."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from hdrfuse.stopping import ignore_signals, interruptible

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program -> its exit code; whatever goes wrong becomes one line on standard error.

    With the process's own arguments the process is ours: when its work is done, nothing interrupts it any more.
    """
    code = INTERRUPTED
    with interruptible() as was_interrupted:
        try:
            from hdrfuse.cli.app import run  # imports Typer, and an interrupt may come while it does

            code = run(list(sys.argv[1:] if arguments is None else arguments), was_interrupted)
        except BaseException:
            if not was_interrupted():
                raise
            if code == INTERRUPTED:
                with suppress(OSError):
                    os.write(2, b"error: interrupted\n")
        finally:
            if arguments is None:
                ignore_signals()
    return code

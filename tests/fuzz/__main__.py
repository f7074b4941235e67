"""Make a file of the fuzz suite again, or try other ones than the suite's.

PYTHONPATH=tests python -m fuzz make baseline.jpg 17 copy.jpg
PYTHONPATH=tests python -m fuzz try --first 1000 --share 10 .jpg .png
"""

import argparse
import sys
import tempfile
from pathlib import Path

from fuzz.cases import NAMES, OF_EACH, files, prepared, sound
from fuzz.mutations import mutated
from fuzz.observer import Observer


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("name", choices=NAMES)
    make.add_argument("number", type=int, help="-1: the sound file")
    make.add_argument("path", type=Path)
    more = commands.add_parser("try")
    more.add_argument("suffixes", nargs="*", default=list(OF_EACH))
    more.add_argument("--first", type=int, default=0)
    more.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    if given.command == "make":
        data, steps = mutated(given.name, sound(given.name), given.number)
        given.path.write_bytes(data)
        sys.stdout.write(f"{given.path}: {len(data):,} bytes: {steps or 'sound'}\n")
        return
    for suffix in given.suffixes:
        for described in try_all(suffix, first=given.first, share=given.share):
            sys.stdout.write(f"{described}\n")
            sys.stdout.flush()


def try_all(suffix, *, first, share):
    """Yield a line for each file that does harm, and one for how many were read."""
    with tempfile.TemporaryDirectory() as folder:
        scratch, observer, read = Path(folder), None, 0
        for name, number, data, steps in files(suffix, first=first, share=share):
            if observer is None:
                path = prepared(name, scratch)
                path.write_bytes(data)
                observer = Observer(scratch, path)
            path = path.with_name(name)
            path.write_bytes(data)
            read += 1
            for fault in observer.faults_of(path):
                yield f"{name} {number} ({len(data):,} bytes; {steps}): {fault}"
        observer.end()
        yield f"{suffix}: {read} files"


if __name__ == "__main__":
    main()

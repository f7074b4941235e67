"""The command line: one file a command, which parses, calls and prints."""

from hdrfuse.cli.app import main

__all__ = ["main"]

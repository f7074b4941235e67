"""Text of others, such as names of files and cameras, as it is shown: it commands no terminal and forges no line."""

import traceback
from collections.abc import Sequence


def printable(text: str) -> str:
    """Return text on one line: a space for each control and format character, U+FFFD for what is no UTF-8."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _shown(c) for c in text)


def one_line(text: str) -> str:
    """Return text on one line as `printable` does, without indentation and gaps."""
    return " ".join(printable(text).split())


def listed(items: Sequence[str], most: int) -> str:
    """Return items with commas between them; beyond `most`, how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of as many cells each as lines whose columns are as wide as their contents."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number of things in words: "1 frame", "1,200 frames"; `plural` where an s at the end is none."""
    return f"{count:,} {worded(count, noun, plural)}"


def worded(count: int, noun: str, plural: str | None = None) -> str:
    """Return the word for so many things, without their number: "scene" for 1, "are" of "is" for 2."""
    return noun if count == 1 else plural or f"{noun}s"


def traceback_of(error: BaseException) -> str:
    """Return where an exception came from as Python shows it, but each message, which may hold names, on one line."""
    parts = traceback.format_exception(error)
    return "\n".join(part.rstrip("\n") if part.startswith("  File ") else one_line(part) for part in parts)


def _shown(character: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= character <= "\udfff" else " "

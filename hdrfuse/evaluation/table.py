"""A table of an evaluation, once: the terminal, Markdown and the page show the same cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hdrfuse.text import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

RowKind = Literal["ours", "published"]
"""Measured by this run, or copied from a paper."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table."""

    cells: tuple[str, ...]
    """Text ready to be shown, one a column; empty where nothing is known."""
    kind: RowKind = "ours"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A titled table; the first column names the row, the others hold figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What has to be known to read the figures, a sentence each."""
    number: int = 1
    """The paper's table that it is beside."""

    def as_markdown(self) -> str:
        """Return the table as Markdown, its title above and its notes below."""
        lines = [f"**{self.title}**", "", _markdown_row(self.columns)]
        lines.append(_markdown_row(["---", *("---:" for _ in self.columns[1:])]))
        lines += [_markdown_row(_mark_published(row)) for row in self.rows]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])

    def as_text(self, *, width: int) -> str:
        """Return the table for a terminal of so many characters, its notes below."""
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        Console(file=text, width=width, color_system=None).print(self.as_rich())
        return "\n".join([*(line.rstrip() for line in text.getvalue().splitlines()), *map(printable, self.notes)])

    def as_rich(self) -> "RichTable":
        """Return the table for a terminal; published rows are dim."""
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(title=Text(printable(self.title)))
        for index, column in enumerate(self.columns):
            table.add_column(Text(column), justify="right" if index else "left", no_wrap=index > 0)
        for row, following in zip(self.rows, [*self.rows[1:], None], strict=True):
            last = following is not None and following.kind != row.kind
            style = "dim" if row.kind == "published" else None
            table.add_row(*(Text(printable(cell)) for cell in _mark_published(row)), style=style, end_section=last)
        return table


def _mark_published(row: Row) -> Sequence[str]:
    """The cells of a row; what a paper published is marked as such."""
    name, *figures = row.cells
    return (f"{name} (published)", *figures) if row.kind == "published" else row.cells


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"

"""A list of scenes that can be sorted, filtered and opened: one row a scene, and below it what else there is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hdrfuse.report.markup import Html, element
from hdrfuse.report.page import isolated
from hdrfuse.report.picture_slider import picture
from hdrfuse.report.pictures import Inlined


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column to the right of the scene's name."""

    title: str
    numeric: bool = False
    """Aligned to the right and sorted as numbers, the largest first."""
    group: str = ""
    """Columns of one group are shown together; a select chooses the group."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands in a column, and by what it is sorted."""

    content: str
    key: str | float | None
    """None is sorted behind everything, either way."""
    marked: bool = False


@dataclass(frozen=True, kw_only=True)
class SceneEntry:
    """One scene of the list."""

    name: str
    detail: Html
    cells: Sequence[Cell]
    thumbnail: Inlined | None = None
    subtitle: str = ""
    """A line below the name."""
    trouble: str = ""
    """A line below that, such as why the scene failed."""
    words: str = ""
    """What the filter finds beside the name and the lines below it."""
    flags: Sequence[str] = ()
    """Keys of the list's toggles, and classes of the scene's style."""


def scene_list(
    columns: Sequence[Column], entries: Iterable[SceneEntry], *, toggles: Mapping[str, tuple[str, int]], count: int
) -> Iterator[Html]:
    """Give the list piece by piece: controls, head, scene after scene.

    `toggles` are buttons that show only the entries of a flag: by the flag, the button's words and how many have
    it. `count` is the number of entries, which may come from a generator.
    """
    yield _controls(columns, toggles, count)
    heads = [_head("Scene", numeric=False, class_="name"), *map(_column_head, columns)]
    yield Html('<div class="scroll"><table class="scenes">')
    yield element("thead", element("tr", *heads))
    for index, entry in enumerate(entries, start=1):
        yield _scene(entry, columns, f"scene-{index}")
    yield Html("</table></div>")
    yield element("p", "No scene matches.", class_="none", hidden=True)


def _controls(columns: Sequence[Column], toggles: Mapping[str, tuple[str, int]], count: int) -> Html:
    search = element("input", type="search", placeholder="Filter scenes", aria_label="Filter scenes", id="filter")
    buttons = [
        element(
            "button",
            f"{words} {having}",
            type="button",
            class_="toggle",
            data_flag=flag,
            aria_pressed="false",
            disabled=not having,
        )
        for flag, (words, having) in toggles.items()
    ]
    groups = list(dict.fromkeys(column.group for column in columns if column.group))
    options = [element("option", group) for group in groups]
    select = element("label", "Show ", element("select", *options, id="group")) if len(groups) > 1 else Html()
    opener = element("button", "Open all", type="button", id="open-all", aria_pressed="false")
    shown = element("output", f"{count} {'scene' if count == 1 else 'scenes'}", id="count", for_="filter")
    return element("div", search, *buttons, select, opener, shown, class_="controls", role="search")


def _column_head(column: Column) -> Html:
    return _head(column.title, numeric=column.numeric, class_="number" if column.numeric else None, group=column.group)


def _head(title: str, *, numeric: bool, class_: str | None, group: str = "") -> Html:
    button = element("button", title, type="button", class_="sort", data_numeric=numeric)
    return element("th", button, scope="col", class_=class_, aria_sort="none", data_group=group or None)


def _scene(entry: SceneEntry, columns: Sequence[Column], anchor: str) -> Html:
    small = picture(entry.thumbnail, "") if entry.thumbnail else element("span", class_="empty")
    button = element(
        "button",
        isolated(entry.name),
        type="button",
        class_="open",
        aria_expanded="false",
        aria_controls=f"{anchor}-detail",
    )
    below = [
        element("p", isolated(line), class_=class_)
        for line, class_ in ((entry.subtitle, "subtitle"), (entry.trouble, "subtitle trouble"))
        if line
    ]
    title = element("div", element("span", small, class_="thumbnail"), element("div", button, *below), class_="title")
    name = element("th", title, scope="row", class_="name", data_key=entry.name)
    cells = [_cell(cell, column) for cell, column in zip(entry.cells, columns, strict=True)]
    detail = element("td", entry.detail, colspan=len(columns) + 1)
    return element(
        "tbody",
        element("tr", name, *cells, class_="row"),
        element("tr", detail, class_="detail", id=f"{anchor}-detail"),
        id=anchor,
        class_=" ".join(("scene", *entry.flags)),
        data_words=" ".join(filter(None, (entry.name, entry.subtitle, entry.trouble, entry.words))),
        data_flags=" ".join(entry.flags),
    )


def _cell(cell: Cell, column: Column) -> Html:
    classes = [*(["number"] if column.numeric else []), *(["best"] if cell.marked else [])]
    return element(
        "td",
        cell.content,
        class_=" ".join(classes) or None,
        data_key="" if cell.key is None else str(cell.key),
        data_label=column.title,
        data_group=column.group or None,
    )

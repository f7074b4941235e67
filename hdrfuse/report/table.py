"""A plain table: names to the left, figures aligned to the right."""

from collections.abc import Collection, Sequence

from hdrfuse.report.markup import Html, element
from hdrfuse.report.page import isolated


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    texts: Collection[int] = (0,),
    classes: Sequence[str] = (),
    marked: Collection[tuple[int, int]] = (),
) -> Html:
    """Return a table whose columns hold figures, but for those in `texts`; `classes` has one word for each row.

    `marked` are the row and column, from 0, of the figures that stand out.
    """
    kinds = [None if index in texts else "number" for index in range(len(columns))]
    heads = [element("th", title, scope="col", class_=kind) for title, kind in zip(columns, kinds, strict=True)]
    body = []
    for index, row in enumerate(rows):
        cells = [
            element("td", cell, class_=f"{kind or ''}{' best' if (index, column) in marked else ''}".strip() or None)
            for column, (cell, kind) in enumerate(zip(row, kinds, strict=True))
        ]
        class_ = classes[index] if classes else ""
        body.append(element("tr", element("th", isolated(row[0]), scope="row"), *cells[1:], class_=class_ or None))
    whole = element(
        "table",
        *([element("caption", caption)] if caption else []),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_="plain",
    )
    return element("div", whole, class_="overflowing")

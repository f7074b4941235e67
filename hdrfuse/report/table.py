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
) -> Html:
    """Return a table whose columns hold figures, but for those in `texts`; `classes` has one word for each row."""
    kinds = [None if index in texts else "number" for index in range(len(columns))]
    heads = [element("th", title, scope="col", class_=kind) for title, kind in zip(columns, kinds, strict=True)]
    body = []
    for index, row in enumerate(rows):
        first, *others = row
        cells = [element("td", cell, class_=kind) for cell, kind in zip(others, kinds[1:], strict=True)]
        class_ = classes[index] if classes else ""
        body.append(element("tr", element("th", isolated(first), scope="row"), *cells, class_=class_ or None))
    whole = element(
        "table",
        *([element("caption", caption)] if caption else []),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_="plain",
    )
    return element("div", whole, class_="overflowing")

"""HTML elements as text: whatever is not markup already is escaped."""

import re
from collections.abc import Iterable
from html import escape

Attribute = str | int | float | None
"""True is an attribute without a value; False and None leave the attribute out."""

VOID = frozenset({"img", "input", "meta"})
"""Elements without content and end tag."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the writing's direction, and bytes of a file name that are no UTF-8."""


class Html(str):
    """Complete markup: it goes into a page as it stands. Any other str is text and is escaped on its way in."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: Attribute) -> Html:
    """Return one element; `class_` is the attribute `class`, `aria_sort` is `aria-sort`."""
    opened = f"<{tag}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(opened if tag in VOID else f"{opened}{joined(children)}</{tag}>")


def joined(children: Iterable[str], separator: str = "") -> Html:
    """Return children behind one another: markup as it is, text escaped."""
    return Html(separator.join(child if isinstance(child, Html) else escaped(child) for child in children))


def escaped(text: str) -> str:
    """Return text that may stand in an element or a quoted attribute; what cannot be printed becomes U+FFFD."""
    return escape(UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'

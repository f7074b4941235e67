"""Two pictures of one frame on top of each other, and a slider that moves the border between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hdrfuse.report.markup import Html, element, joined
from hdrfuse.report.page import isolated
from hdrfuse.report.pictures import Inlined


@dataclass(frozen=True, kw_only=True)
class Side:
    """One picture that can be compared."""

    name: str
    picture: Inlined


def slider(sides: Sequence[Side], *, left: int = 0, right: int = 1, about: str) -> Html:
    """Return a slider between the pictures `left` and `right` of `sides`, all of one frame.

    Of more than two sides, both can be chosen. `about` names the scene for those who do not see it.
    """
    shown = {left: "left", right: "right"}
    stack = [
        picture(side.picture, f"{about}: {side.name}", class_=f"side {shown.get(index, '')}".rstrip())
        for index, side in enumerate(sides)
    ]
    handle = element(
        "input",
        type="range",
        min=0,
        max=100,
        value=50,
        aria_label=f"{about}: border between {sides[left].name} and {sides[right].name}",
        aria_valuetext=f"50 % {sides[left].name}",
    )
    labels = [
        element("span", element("span", sides[index].name), class_=f"label {which}", aria_hidden="true")
        for index, which in shown.items()
    ]
    border = element("span", class_="border", aria_hidden="true")
    chosen = [_choice(sides, index, which, about) for index, which in shown.items()] if len(sides) > 2 else []
    caption = element("figcaption", *chosen, class_="choices") if chosen else Html()
    return element("figure", element("div", *stack, border, *labels, handle, class_="stack"), caption, class_="compare")


def picture(inlined: Inlined, alt: str, *, class_: str | None = None) -> Html:
    """Return an image element of the picture's own size."""
    return element(
        "img",
        src=inlined.uri,
        width=inlined.width,
        height=inlined.height,
        alt=alt,
        class_=class_,
        loading="lazy",
        decoding="async",
    )


def captioned(shown: Html, caption: str) -> Html:
    """Return a picture, or a note in its place, with a line below."""
    return element("figure", shown, element("figcaption", isolated(caption)))


def missing(what: str) -> Html:
    """Return what stands in the place of a picture that is not there."""
    return element("p", what, class_="missing")


def _choice(sides: Sequence[Side], chosen: int, which: str, about: str) -> Html:
    options = joined(
        element("option", side.name, value=index, selected=index == chosen) for index, side in enumerate(sides)
    )
    select = element("select", options, data_side=which, aria_label=f"{about}: picture on the {which}")
    return element("label", f"{which.capitalize()} ", select)

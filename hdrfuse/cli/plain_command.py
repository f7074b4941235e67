"""A command whose help says in plain words what an option takes."""

import re
from functools import partial
from typing import Any

from typer.core import TyperCommand

WORDS = {"bool": "", "int": "integer", "float": "number", "str": "text", "Path": "path"}
"""Python's names for types, and what the help has in their place; a switch takes nothing."""


class PlainCommand(TyperCommand):
    """A command without Python's types in its help: `<path>` where Typer has `<list[Path]>`."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own type is private
        """The parameters, which say what they take in plain words."""
        params: list[Any] = super().get_params(ctx)
        for parameter in params:
            if (typer_says := getattr(type(parameter), "display_type", None)) is not None:  # before 0.29: none
                parameter.display_type = partial(_plain, partial(typer_says, parameter))
        return params


def _plain(typer_says: Any, ctx: Any) -> str:  # noqa: ANN401
    named = re.sub(r"^list\[(.*)\]$", r"\1", typer_says(ctx).strip("<>")).removesuffix(" range")
    words = WORDS.get(named, named)
    return words and f"<{words}>"

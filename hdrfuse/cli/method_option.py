"""`--method`, which offers what is registered when a command is called."""

from typing import Any

import typer

from hdrfuse.cli.plain_command import PlainCommand
from hdrfuse.deghosting.methods import ALONE, BASELINES, UNLOADABLE, known_methods, scored_names


class MergingCommand(PlainCommand):
    """A command that merges by one of the methods."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own type is private
        """The parameters, `--method` with the choices that there are."""
        params: list[Any] = super().get_params(ctx)
        for option in params:
            if option.name == "method":
                self.describe(option)
        return params

    def describe(self, option: Any) -> None:  # noqa: ANN401 - Typer's own type is private
        """Say in the help what there is."""
        option.metavar = "|".join(known_methods())
        option.help = "; ".join(f"{name}: {row.help}" for name, row in known_methods().items()) + "."


class ScoringCommand(MergingCommand):
    """A command that scores any of the methods, and more."""

    def describe(self, option: Any) -> None:  # noqa: ANN401
        """Say in the help what there is."""
        option.help = (
            f"What hdrfuse merge gives ({', '.join(known_methods())}), with {ALONE} the network's own output; "
            f"{', '.join(BASELINES)}; or a folder of results. Several times for several."
        )


def known_method(name: str) -> str:
    """Refuse a name that is no method's. Raises BadParameter, which lists them."""
    known = known_methods()
    if name in UNLOADABLE:
        raise typer.BadParameter(f"{name}: cannot be loaded: {UNLOADABLE[name]}")
    if name not in known:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, known))}.")
    return name


def complete_method(incomplete: str) -> list[str]:
    """Names of methods that begin so, for a shell."""
    return [name for name in known_methods() if name.startswith(incomplete)]


def complete_scored(incomplete: str) -> list[str]:
    """Names of what an evaluation scores that begin so, for a shell."""
    return [name for name in scored_names() if name.startswith(incomplete)]

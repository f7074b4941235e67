"""`--method`, which offers what is registered when a command is called."""

import typer

from hdrfuse.deghosting.methods import ALONE, BASELINES, UNLOADABLE, known_methods, scored_names


def help_methods() -> str:
    """What there is, in the help of a command that merges."""
    return "; ".join(f"{name}: {row.help}" for name, row in known_methods().items()) + "."


def list_methods() -> str:
    """Their names, in the place of a value."""
    return "|".join(known_methods())


def help_scored() -> str:
    """What there is, in the help of a command that scores any of the methods, and more."""
    return (
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

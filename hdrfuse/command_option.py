"""Options of the command line as plain data, beside the fields that they set."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

INPUT, NETWORK, OUTPUT = "Input", "Network", "Output"
"""Panels of the help."""


@dataclass(frozen=True)
class CommandOption:
    """What the command line says of a field's option, and how it spells its value."""

    help: str | Callable[[], str]
    """A function is asked whenever help is shown: for what lists a registry."""
    _: KW_ONLY
    panel: str | None = None
    metavar: str | Callable[[], str] | None = None
    flags: tuple[str, ...] = ()
    """None = the field's name, and for a switch `--name/--no-name`."""
    show_default: bool | str = True
    """A text is shown as the default."""
    kind: Any = None
    """The type that the command line takes, where it is not the field's."""
    spelled: Any = None
    """The default as it is spelled there, where it is not the field's."""
    least: float | None = None
    most: float | None = None
    """Numbers between which it must be."""
    read: Callable[[Any], Any] | None = None
    """Makes the field's value of what was given. Raises UsageError."""
    check: Callable[[Any], Any] | None = None
    """Asked while the command line is read; returns what was given. Raises BadParameter."""
    complete: Callable[[str], list[str]] | None = None
    """What a shell offers for what was begun."""


@dataclass(frozen=True)
class OptionField:
    """A field of a dataclass that an option of the command line sets."""

    name: str
    kind: Any
    default: Any
    option: CommandOption


def option_fields(options: type) -> Iterator[OptionField]:
    """Return the fields of a dataclass that are annotated with a CommandOption, in their order."""
    hints = get_type_hints(options, include_extras=True)
    for each in fields(options):
        kind, option = declared(hints[each.name])
        if option is not None:
            default = each.default if option.spelled is None else option.spelled
            yield OptionField(each.name, kind if option.kind is None else option.kind, default, option)


def declared(hint: Any) -> tuple[Any, CommandOption | None]:  # noqa: ANN401
    """Return what a type hint says apart from its CommandOption, and that."""
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *extras = get_args(hint)
    return kind, next((extra for extra in extras if isinstance(extra, CommandOption)), None)

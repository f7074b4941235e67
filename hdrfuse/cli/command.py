"""Commands that share options: a parameter that is a dataclass stands for an option a field."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass
from functools import update_wrapper
from inspect import Parameter, Signature
from typing import Annotated, Any, get_args, get_origin

import typer

from hdrfuse.command_option import OptionField, declared, option_fields


class Without:
    """Fields of an annotated dataclass that are no options of this command; they keep their defaults."""

    def __init__(self, *names: str) -> None:
        self.names = names


@dataclass(frozen=True)
class SharedOptions:
    """A dataclass, and those of its fields that are options of a command."""

    kind: type
    fields: tuple[OptionField, ...]

    def filled(self, values: dict[str, Any]) -> object:
        """Make the dataclass of what was given, which is taken out of the values. Raises UsageError."""
        given = {each.name: values.pop(each.name) for each in self.fields}
        read = {each.name: each.option.read(given[each.name]) for each in self.fields if each.option.read is not None}
        return self.kind(**{**given, **read})


class Command:
    """A command whose parameters may be dataclasses, such as MergeOptions: it is called with them filled in.

    Each stands for an option a field, where it stands; a field for which the command has a parameter of its own is
    left to the command. What options say is asked whenever a command line is built, so that formats are listed which
    were registered meanwhile.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.parameters = inspect.signature(function).parameters
        self.shared = {
            name: shared
            for name, parameter in self.parameters.items()
            if (shared := shared_options(parameter.annotation, own=self.parameters.keys())) is not None
        }

    @property
    def __signature__(self) -> Signature:
        """The function's, with every option as Typer knows it."""
        expanded: list[Parameter] = []
        for name, parameter in self.parameters.items():
            kind, option = declared(parameter.annotation)
            if name in self.shared:
                expanded += [typer_parameter(each) for each in self.shared[name].fields]
            elif option is not None:
                expanded.append(typer_parameter(OptionField(name, kind, parameter.default, option)))
            else:
                expanded.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
        return Signature(expanded)

    def __call__(self, **values: Any) -> Any:  # noqa: ANN401
        """Call the function with its dataclasses made of the options' values. Raises UsageError."""
        filled = {name: shared.filled(values) for name, shared in self.shared.items()}
        return self.function(**values, **filled)


def shared_options(annotation: Any, *, own: Iterable[str]) -> SharedOptions | None:  # noqa: ANN401
    """Return the options that a parameter stands for, those of a command's own names left out; None for one."""
    kind, *extras = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    if not is_dataclass(kind):
        return None
    assert isinstance(kind, type)
    left_out = {*own, *(name for extra in extras for name in extra.names)}
    return SharedOptions(kind, tuple(each for each in option_fields(kind) if each.name not in left_out))


def typer_parameter(field: OptionField) -> Parameter:
    """Return an option as a parameter that Typer makes an option of."""
    option, flags = field.option, field.option.flags
    if not flags and field.kind is bool:
        dashed = field.name.replace("_", "-")
        flags = (f"--{dashed}/--no-{dashed}",)
    shown = typer.Option(
        *flags,
        help=_text(option.help),
        metavar=_text(option.metavar),
        show_default=option.show_default,
        rich_help_panel=option.panel,
        min=option.least,
        max=option.most,
        callback=option.check,
        autocompletion=option.complete,
    )
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=Annotated[field.kind, shown])


def _text(text: str | Callable[[], str] | None) -> str | None:
    return text() if callable(text) else text

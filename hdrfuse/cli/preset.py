"""Presets: a studio's settings in a TOML file, as defaults of a command's options."""

import re
import tomllib
from pathlib import Path
from typing import Any

import typer

from hdrfuse.errors import UsageError

OF_ONE_RUN = frozenset({"preset", "help", "dry_run", "json", "quiet", "verbose"})
"""Options that say nothing about pictures."""


SWITCHES = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False, "1": True, "0": False}
"""How a switch is spelled, in any case of the letters."""

BARE_WORD = re.compile(r"^([ \t]*[\w-]+[ \t]*=[ \t]*)([A-Za-z][\w-]*)(?=[ \t]*(?:#.*)?\r?$)", re.MULTILINE)
"""A line of a preset whose value is a word without quotes, as in .ini files."""


def apply_preset(context: typer.Context, path: Path | None) -> Path | None:
    """Make a preset's values the defaults of the options that follow; what the command line says goes before them.

    Keys are the options' names, `ghost-maps = true`. Raises UsageError, which names the file and the key.
    """
    if path is None:
        return None
    options = {
        max(parameter.opts, key=len).removeprefix("--"): parameter
        for parameter in context.command.params
        if parameter.param_type_name == "option" and parameter.name not in OF_ONE_RUN
    }
    defaults: dict[str, Any] = {}
    for key, value in read_preset(path).items():
        if key not in options:
            raise UsageError(f"--preset {path}: {key}: no such option; expected some of {', '.join(sorted(options))}")
        option = options[key]
        try:
            given = as_words(value, many=getattr(option, "multiple", False), flag=getattr(option, "is_flag", False))
            option.process_value(context, given)
        except typer.TyperException as error:
            raise UsageError(f"--preset {path}: {key}: {error.format_message()}") from error
        except TypeError as error:
            raise UsageError(f"--preset {path}: {key}: {error}") from error
        defaults[option.name] = given
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def read_preset(path: Path) -> dict[str, Any]:
    """Read a preset's keys and values, words without quotes as text. Raises UsageError where it is no TOML file."""
    from hdrfuse.formats.refusal import RefusedError  # imports numpy: keep `hdrfuse --help` instant
    from hdrfuse.formats.text_file import read_text

    try:
        text = read_text(path)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            if (quoted := BARE_WORD.sub(r'\1"\2"', text)) == text:
                raise
            return tomllib.loads(quoted)
    except OSError as error:
        raise UsageError(f"--preset {path}: cannot be read: {error.strerror}") from error
    except RefusedError as error:
        raise UsageError(f"--preset {path}: {error}") from error
    except RecursionError as error:
        raise UsageError(f"--preset {path}: its values are nested too deep; expected text and numbers") from error
    except ValueError as error:  # no UTF-8, no TOML
        raise UsageError(f"--preset {path}: no TOML: {error}") from error


def as_words(value: object, *, many: bool, flag: bool) -> object:
    """What the command line would have been given for a TOML value. Raises TypeError for another kind of value."""
    if flag:
        switch = SWITCHES.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
        if switch is None:
            raise TypeError(f"{repr(value)[:40]} was found; expected one of {', '.join(SWITCHES)}")
        return switch
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise TypeError(f"{repr(item)[:40]} was found; expected text or a number")
        if "\0" in str(item):
            raise TypeError(f"{item!r} was found; expected text without NUL")
    words = [str(item) for item in items]
    return words if many else ",".join(words)

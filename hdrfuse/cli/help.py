"""`hdrfuse help`."""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from hdrfuse.cli.console import console_of
from hdrfuse.errors import UsageError

TOPICS = Path(__file__).parents[1] / "help"
"""A Markdown file a topic; its first line is the title."""

TopicArgument = Annotated[
    str | None, typer.Argument(metavar="TOPIC", help="One of the topics, or a command.", show_default=False)
]


def explain(context: typer.Context, topic: TopicArgument = None) -> None:
    """Explain a topic, such as exposures; without one, list the topics.

    Example: hdrfuse help exposures
    """
    console = console_of(context, quiet=False, verbose=False)
    topics = read_topics()
    program = context.find_root().command
    assert isinstance(program, TyperGroup)
    if topic is None:
        width = max(map(len, topics))
        console.result(*(f"{name.ljust(width)}  {title(text)}" for name, text in topics.items()))
        console.result("", "`hdrfuse help TOPIC` explains one; `hdrfuse COMMAND --help` lists a command's options.")
    elif topic in topics:
        console.result(*topics[topic].rstrip("\n").split("\n"))
    elif topic in program.commands:
        program.main([topic, "--help"], prog_name=context.find_root().info_name, standalone_mode=False)
    else:
        raise UsageError(f"help {topic}: is no topic; expected one of {', '.join(topics)}")


def read_topics() -> dict[str, str]:
    """Return the text of every topic by its name, in alphabetical order."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(TOPICS.glob("*.md"))}


def title(text: str) -> str:
    """Return what a topic is about: its first line."""
    return text.partition("\n")[0].removeprefix("# ")

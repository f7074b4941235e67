"""An option stands once, beside the field that it sets; choices are known without importing what defines them."""

from dataclasses import dataclass
from typing import Annotated, get_args, get_type_hints

import pytest
import typer
import typer.main

from hdrfuse import options as merge_options
from hdrfuse.cli.app import app
from hdrfuse.cli.command import Command, Without
from hdrfuse.command_option import CommandOption, option_fields
from hdrfuse.deghosting import deghoster
from hdrfuse.errors import UsageError
from hdrfuse.formats import writers
from hdrfuse.formats.exr import COMPRESSIONS
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS


@pytest.mark.parametrize(
    ("choices", "known"),
    [
        (merge_options.Tonemap, TONEMAPPERS), (writers.Compression, COMPRESSIONS),
        (deghoster.Precision, deghoster.PRECISIONS),
    ],
)  # fmt: skip
def test_choices_are_the_keys_of_what_they_choose(choices, known):
    assert get_args(choices) == tuple(known)


def test_responses_are_the_known_curves_and_what_finds_one():
    assert ("auto", *KNOWN_CURVES, "debevec") == merge_options.RESPONSES


@pytest.mark.parametrize("command", ["merge", "batch"])
@pytest.mark.parametrize("kind", [merge_options.MergeOptions, merge_options.DisplayOptions, writers.Storage])
def test_every_shared_option_is_one_of_merge_and_batch_with_its_default(command, kind):
    offered = {each.name: each.default for each in typer.main.get_command(app).commands[command].params}
    shared = {each.name: each.default for each in option_fields(kind)}
    assert len(shared) >= 2
    assert shared.items() <= offered.items()


def test_an_evaluation_offers_the_networks_options_as_a_merge_does():
    commands = typer.main.get_command(app).commands
    helps = [{each.name: each.help for each in commands[name].params} for name in ("merge", "eval")]
    for name in ("device", "precision", "tile", "steps", "seed"):
        assert helps[0][name] == helps[1][name]
    assert "blend" not in helps[1]


def test_keywords_are_the_fields_of_the_options_and_of_their_types():
    assert get_type_hints(merge_options.MergeKeywords) == get_type_hints(merge_options.MergeOptions)


def even(text):
    if int(text) % 2:
        raise UsageError(f"--size {text}: an even number was expected")
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Toy:
    size: Annotated[int, CommandOption("Its size.", kind=str, spelled="4", read=even)] = 4
    bright: Annotated[bool, CommandOption("Whether it shines.", panel="Look")] = True
    name: Annotated[str, CommandOption(lambda: " or ".join(NAMES))] = "toy"
    hidden: int = 7


NAMES = ["toy"]


def play(words, function):
    program = typer.Typer()
    program.command()(function)
    command = typer.main.get_command(program)
    command.main(words, standalone_mode=False)
    return command


def test_a_field_is_an_option_of_every_command_that_takes_its_dataclass():
    seen = []

    @Command
    def first(*, toy: Toy, times: int = 1):
        seen.append((toy, times))

    @Command
    def second(*, name: str = "mine", toy: Annotated[Toy, Without("bright")]):
        seen.append((toy, name))

    play(["--size", "6", "--no-bright", "--times", "2"], first)
    play(["--size", "8", "--name", "given"], second)
    assert seen == [(Toy(size=6, bright=False), 2), (Toy(size=8), "given")]
    with pytest.raises(UsageError, match="--size 3: an even number"):
        play(["--size", "3"], first)
    with pytest.raises(typer.TyperException, match="--bright"):
        play(["--bright"], second)


def test_what_an_option_lists_is_asked_whenever_a_command_line_is_built(monkeypatch):
    @Command
    def command(*, toy: Toy):
        pass

    def shown():
        return {each.name: each.help for each in play([], command).params}["name"]

    assert shown() == "toy"
    monkeypatch.setattr(f"{__name__}.NAMES", ["toy", "game"])
    assert shown() == "toy or game"

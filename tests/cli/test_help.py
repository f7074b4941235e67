"""`hdrfuse help`: what the topics promise exists."""

import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from hdrfuse.cli.app import app
from hdrfuse.cli.help import read_topics
from hdrfuse.errors import ExitCode

TOPICS = read_topics()
COMMANDS = typer.main.get_command(app).commands


def option_names() -> set[str]:
    """Names of every option of every command."""
    options = [option for command in COMMANDS.values() for option in command.params]
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


def test_without_a_topic_all_are_listed_with_what_they_are_about(run):
    outcome = run("help")
    assert outcome.code == ExitCode.DONE
    for name, text in TOPICS.items():
        assert re.search(rf"^{name} +{re.escape(text.splitlines()[0].removeprefix('# '))}$", outcome.out, re.MULTILINE)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_printed_as_it_is_written(run, topic):
    assert run("help", topic).out == TOPICS[topic]


def test_a_command_that_is_no_topic_shows_its_options(run):
    outcome = run("help", "merge")
    assert outcome.code == ExitCode.DONE
    assert "--ghost-map" in outcome.out


def test_an_unknown_topic_exits_2_with_the_list(run):
    outcome = run("help", "exposure")
    assert outcome.code == ExitCode.BAD_INPUT
    assert outcome.error == f"error: help exposure: is no topic; expected one of {', '.join(TOPICS)}"


def test_help_needs_neither_numpy_nor_torch():
    code = "import sys, hdrfuse.cli; hdrfuse.cli.main(['help', 'colour']); print({'numpy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_no_type_of_python(run, command):
    shown = run(command, "--help").out
    assert re.findall(r"<[^<>=]*\b(?:list|Path|int|float|bool|str|range)\b[^<>=]*>", shown) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_every_option_of_a_topic_exists(topic):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", TOPICS[topic]))
    assert named <= option_names() | {"--nproc-per-node", "--help"}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_command_of_a_topic_is_one(topic):
    for line in re.findall(r"^    hdrfuse (.+)$", TOPICS[topic], re.MULTILINE):
        name, *words = shlex.split(line.replace("[--out FILE]", "--out FILE").replace("...", ""))
        COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_has_a_help_text(command):
    assert "Example: hdrfuse " in COMMANDS[command].help
    assert [each.name for each in COMMANDS[command].params if each.name != "help" and not each.help] == []


def test_every_exit_status_is_explained():
    for code in ExitCode:
        assert f"\n| {int(code)} | " in TOPICS["exit-status"]

"""The command line knows choices and defaults without importing what defines them; here they are compared."""

import inspect
from dataclasses import fields
from typing import get_args

import pytest

from hdrfuse import options as merge_options
from hdrfuse.cli import options
from hdrfuse.cli.merge import merge
from hdrfuse.formats.exr import COMPRESSIONS
from hdrfuse.imaging.display.tonemapping import TONEMAPPERS
from hdrfuse.outputs import Outputs


@pytest.mark.parametrize(
    ("choices", "known"),
    [
        (options.Tonemap, TONEMAPPERS), (options.Compression, COMPRESSIONS),
        (options.Precision, merge_options.PRECISIONS),
    ],
)  # fmt: skip
def test_choices_are_the_keys_of_what_they_choose(choices, known):
    assert get_args(choices) == tuple(known)


@pytest.mark.parametrize("kind", [merge_options.MergeOptions, Outputs])
def test_defaults_are_those_of_the_options(kind):
    defaults = {name: parameter.default for name, parameter in inspect.signature(merge).parameters.items()}
    own = {"preview", "response"} if kind is Outputs else set()  # files there, a switch and a curve's name here
    shared = [field for field in fields(kind) if field.name in defaults and field.name not in own]
    assert len(shared) >= 4
    for field in shared:
        default = "auto" if field.name == "tile" else field.default
        assert defaults[field.name] == default, field.name


def test_keywords_are_the_fields_of_the_options():
    names = {field.name for field in fields(merge_options.MergeOptions)}
    assert set(merge_options.MergeKeywords.__annotations__) == names

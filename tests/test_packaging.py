"""What is promised of dependencies: both ends of a range that is tested."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
RANGE = r"[A-Za-z0-9-]+>=[0-9.]+,<[0-9]+"
"""What .ci/lowest turns into the lowest version."""


def requirements() -> set[str]:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return {*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)}


def test_every_dependency_says_its_lowest_version_and_the_major_version_that_is_not_tested_yet():
    assert [each for each in requirements() if not re.fullmatch(RANGE, each)] == []


def test_every_dependency_stands_on_a_line_of_its_own_where_the_run_with_the_lowest_versions_finds_it():
    lines = re.findall(rf'^ +"({RANGE})",$', PYPROJECT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(lines) == requirements()

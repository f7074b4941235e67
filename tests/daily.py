"""Like cases of a test: the first of them are tried every day, all in slow runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def daily(count: int, cases: Iterable[Any]) -> list[Any]:
    """Cases as parametrize takes them, those after the first `count` slow; a tuple is one of several arguments."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[] if at < count else [pytest.mark.slow])
        for at, case in enumerate(cases)
    ]

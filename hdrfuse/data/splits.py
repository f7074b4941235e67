"""Which source images serve training, validation and test; no image serves two."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Literal

Split = Literal["train", "validation", "test", "reserved"]
"""Reserved images are for the last word on what was chosen by the others: nothing else reads them."""

VALIDATION_PERCENT = 8
TEST_PERCENT = 12


def split_of(name: str) -> Split:
    """Return the split of a source image by its name without suffix.

    splits.json names the validation, test and reserved images of the published set, whose other images are for
    training; an image outside that set falls by a hash of its name, 8 % and 12 %.
    """
    if name in published_splits():
        return published_splits()[name]
    percent = name_hash(name) % 100
    if percent < VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < VALIDATION_PERCENT + TEST_PERCENT else "train"


def splits_of(names: Iterable[str], backgrounds: Sequence[str]) -> dict[str, Split]:
    """Return the split of each image of a set, some of which are the backgrounds of scenes.

    As `split_of` says; but where no background falls to validation, as in a small folder, the training one
    whose name's hash is smallest does, unless the published set claims it or it is the only one. A test image
    is one whatever else the set holds.
    """
    table = {name: split_of(name) for name in names}
    trained_on = {name for name in backgrounds if table[name] == "train"}
    own = sorted(trained_on - published_splits().keys(), key=name_hash)
    if own and len(trained_on) > 1 and all(table[name] != "validation" for name in backgrounds):
        table[own[0]] = "validation"
    return table


def name_hash(name: str) -> int:
    """Return a number that depends on the name alone, on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


@cache
def published_splits() -> dict[str, Split]:
    """Return the splits of the published set by name."""
    table: dict[Split, list[str]] = json.loads(resources.files("hdrfuse.data").joinpath("splits.json").read_text())
    return {name: split for split in ("train", "reserved", "test", "validation") for name in table.get(split, ())}

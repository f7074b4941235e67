"""Which source images serve training, validation and test; no image serves two."""

import hashlib
import json
from importlib import resources
from typing import Literal

Split = Literal["train", "validation", "test"]

VALIDATION_PERCENT = 8
TEST_PERCENT = 12


def split_of(name: str) -> Split:
    """Return the split of a source image by its name without suffix.

    splits.json names the validation and test images of the published set, whose other images are for
    training; an image outside that set falls by a hash of its name, 8 % and 12 %.
    """
    table = json.loads(resources.files("hdrfuse.data").joinpath("splits.json").read_text())
    for split in ("validation", "test", "train"):
        if name in table.get(split, ()):
            return split
    percent = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % 100
    if percent < VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < VALIDATION_PERCENT + TEST_PERCENT else "train"

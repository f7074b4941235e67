"""What a merge does unless told otherwise, where the command line must know it before anything is imported."""

from typing import Literal

Method = Literal["lfdiff", "classical"]

METHOD: Method = "lfdiff"

MOST_SEED = 2**63 - 1
"""Greatest seed that numpy's and torch's generators both take."""

"""A list of samples of two kinds."""

from dataclasses import dataclass
from math import floor

from hdrfuse.data.sample import Brackets, BracketSample


@dataclass(frozen=True, kw_only=True)
class MixedBrackets:
    """An endless list of samples, a share of them from another list, spread evenly; none of either is left out."""

    usual: Brackets
    other: Brackets
    share: float
    """Of the other list, 0 to 1."""

    def __getitem__(self, index: int) -> BracketSample:
        """Return sample `index` >= 0."""
        number = floor(index * self.share)
        return self.other[number] if floor((index + 1) * self.share) > number else self.usual[index - number]

"""A function that is known at equal steps and straight between them."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LookupTable:
    """Values (n,) at equal steps from `first` to `last`; called with positions of any shape within them."""

    first: float
    last: float
    values: Tensor

    def __call__(self, at: Tensor) -> Tensor:
        """Return the values between the two nearest steps."""
        intervals = len(self.values) - 1
        position = (at - self.first) * (intervals / (self.last - self.first))
        index = position.long().clip_(0, intervals - 1)
        below = self.values.take(index)
        return below + (position - index) * (self.values.take(index + 1) - below)

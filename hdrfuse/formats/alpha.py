"""Alpha: where a picture holds data, and where it is transparent and holds none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.refusal import RefusedError

OPAQUE = 0.99
"""Share of a picture's largest alpha from which a pixel is opaque; below it, other things are mixed in.

Masks of 8 bits that were shifted into 16 end at 65280 of 65535, which is 0.996 of it.
"""


def opaque(alpha: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where (H, W) a picture holds data by its alpha (H, W); None = everywhere.

    A partly transparent pixel holds none: its colours are a mixture. Raises RefusedError where nothing is opaque.
    """
    highest = float(np.max(alpha, initial=0, where=alpha > 0))
    if np.issubdtype(alpha.dtype, np.floating):
        highest = min(highest, 1.0)  # filters overshoot
    if highest <= 0.0:
        raise RefusedError("is transparent everywhere: its alpha is 0; expected a picture")
    covered = alpha >= OPAQUE * highest
    return None if covered.all() else np.asarray(covered)

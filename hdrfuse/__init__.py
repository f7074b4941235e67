"""Ghost-free HDR images from bracketed photos of moving scenes.

Example: hdrfuse.merge("shots/beach").radiance
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrfuse.api import merge
    from hdrfuse.options import MergeOptions
    from hdrfuse.pipeline import Merged

__version__ = "0.2.0"

__all__ = ["MergeOptions", "Merged", "__version__", "merge"]

_HOMES = {"merge": "hdrfuse.api", "MergeOptions": "hdrfuse.options", "Merged": "hdrfuse.pipeline"}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: `import hdrfuse` itself costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hdrfuse' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

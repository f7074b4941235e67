"""Names for native libraries, which take text in UTF-8; a file's name is bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def native_path(path: Path) -> Iterator[str]:
    """Give text under which a library opens or makes the file: its path, or a link's where that is no UTF-8."""
    name = str(path)
    if os.fsencode(name) == name.encode("utf-8", "replace"):
        yield name
        return
    with TemporaryDirectory(prefix="hdrfuse-") as folder:
        link = Path(folder) / "link"
        link.symlink_to(path.absolute())
        yield str(link)

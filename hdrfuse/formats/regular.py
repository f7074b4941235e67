"""Regular files: what may be opened without waiting, perhaps for ever, for somebody at the other end."""

import errno
import stat
from pathlib import Path

SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_regular(path: Path) -> None:
    """See that a file of the user's, or what it links to, is no special file, before it is opened.

    Raises OSError that says what it is, as it does where the file is missing. A folder is for `open` to refuse.
    """
    special = SPECIAL_FILES.get(stat.S_IFMT(path.stat().st_mode))
    if special is not None:
        raise OSError(errno.EINVAL, f"not a regular file but {special}", str(path))

"""Copies of files that were logged, as they are at that moment."""

import os
import shutil
from pathlib import Path

from tidemill.errors import NotFound

_FICLONE = 0x40049409


def size_of(source: "str | os.PathLike[str]") -> int:
    """The size of a file in bytes. Raises NotFound."""
    if not os.path.isfile(source):
        raise NotFound(f"There is no file '{os.fspath(source)}' here.")
    return os.path.getsize(source)


def copy(source: "str | os.PathLike[str]", target: Path) -> None:
    """A clone that shares blocks where the file system can, else a copy.

    Never a hard link: programs write the next checkpoint into the same file, and would change what was logged.
    """
    try:
        import fcntl

        with open(source, "rb") as old, target.open("wb") as new:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
    except OSError:
        shutil.copyfile(source, target)

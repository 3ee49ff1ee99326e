"""Segments as files: made at their full size before they are written, so that neither a kill nor a full disk hurts later."""

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tidemill.clock import now_ms
from tidemill.journal import format

SUFFIX = ".seg"
NEXT = "next.part"
"""The segment that is made ahead of its use."""
SIZE = 4 * 2**20


class Segment:
    """One segment being written, mapped into memory: what is copied in survives the death of the process at once."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        """Make the file, with all its blocks, under a name that no reader looks at until `begin`.

        Raises OSError where the disk has no room for them.
        """
        self.path = folder / NEXT
        self.number = 0
        self.size = size
        self.at = format.HEADER
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _allocate(descriptor, size)
            self.map = mmap.mmap(descriptor, size)
        except BaseException:
            self.path.unlink()
            raise
        finally:
            os.close(descriptor)

    def begin(self, number: int) -> Self:
        """Become the journal's segment `number`. Raises OSError."""
        self.map[: format.HEADER] = format.header(number, now_ms())
        path = self.path.with_name(f"{number:06d}{SUFFIX}")
        os.rename(self.path, path)
        self.path, self.number = path, number
        return self

    def close(self) -> None:
        """Cut the file to what was written, and let go of it."""
        self.map.close()
        with contextlib.suppress(FileNotFoundError):  # it is sent and removed already
            os.truncate(self.path, self.at)

    def discard(self) -> None:
        """Let go of it, and remove the file."""
        self.map.close()
        self.path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Let go of it without touching the file: it is another process's."""
        self.map.close()


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    left = size
    while left:
        left -= os.write(descriptor, bytes(min(left, 2**16)))


def numbers(folder: Path) -> list[int]:
    """The numbers of the segments in a journal's folder, in order."""
    return sorted(int(one.stem) for one in folder.glob(f"*{SUFFIX}") if one.stem.isdigit())


def path_of(folder: Path, number: int) -> Path:
    """The file of a segment."""
    return folder / f"{number:06d}{SUFFIX}"


def read(folder: Path, number: int, at: int = 0) -> Iterator[format.Record | format.Damage]:
    """The records of a segment from offset `at` (0: all), as they are on the disk now. Raises FileNotFoundError."""
    return format.scan(path_of(folder, number).read_bytes(), at)


def has_more(folder: Path, number: int, at: int) -> bool:
    """Whether anything was written at offset `at` of a segment; False where there is no such segment."""
    try:
        with path_of(folder, number).open("rb") as file:
            file.seek(at)
            return any(file.read(format.FRAME))
    except FileNotFoundError:
        return False

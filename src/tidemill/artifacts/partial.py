"""A file that is still arriving: kept between attempts and processes as a hidden `.part` beside its place."""

import hashlib
import os
import secrets
from typing import Self

from tidemill.artifacts.folder import Folder, file_errors
from tidemill.artifacts.storage import HIDDEN, Chunk


class PartialFile:
    """The part of the file `name` of `folder` that has arrived. Owns `folder`; use it as a context manager.

    `identity` is what tells this version of the file from another (its size, say): only a part of the same identity
    is taken up again. Two processes never share a part: the second gets one of its own, which is not kept.
    Methods raise what `file_errors` makes of OSError; `path` is for their texts.
    """

    def __init__(self, folder: Folder, name: str, path: str, identity: str) -> None:
        self._folder, self._name, self._path, self._file = folder, name, path, -1
        stem = hashlib.sha256(f"{name}\0{identity}".encode()).hexdigest()[:16]
        self._part = f"{HIDDEN}{stem}.part"
        self._kept = True
        with file_errors(path):
            self._file = folder.open_file(self._part, os.O_RDWR | os.O_CREAT)
            if not _locked(self._file):
                os.close(self._file)
                self._part, self._kept = f"{HIDDEN}{stem}-{secrets.token_hex(4)}.part", False
                self._file = folder.open_file(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            self.size = os.lseek(self._file, 0, os.SEEK_END)

    def last(self, count: int) -> bytes:
        """The last `count` bytes; fewer where there are not so many."""
        with file_errors(self._path):
            os.lseek(self._file, max(0, self.size - count), os.SEEK_SET)
            found = b""
            while chunk := os.read(self._file, count - len(found)):
                found += chunk
        return found

    def write(self, chunk: Chunk) -> None:
        """Append `chunk`."""
        view = memoryview(chunk)
        with file_errors(self._path):
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]

    def restart(self) -> None:
        """Forget what has arrived."""
        with file_errors(self._path):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        self.size = 0

    def sha256(self) -> str:
        """The SHA-256 of what has arrived, in hex."""
        hasher = hashlib.sha256()
        with file_errors(self._path):
            os.lseek(self._file, 0, os.SEEK_SET)
            while chunk := os.read(self._file, 1 << 20):
                hasher.update(chunk)
        return hasher.hexdigest()

    def commit(self) -> None:
        """The file is complete: give it its name, over what may be there."""
        with file_errors(self._path):
            os.fsync(self._file)
            self._folder.rename(self._part, self._folder, self._name)
            self._folder.sync()
        self._kept = True
        self.close()

    def close(self) -> None:
        """Keep the part for the next attempt and let go of it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
            if not self._kept:
                with file_errors(self._path):
                    self._folder.remove(self._part)
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _locked(file: int) -> bool:
    """Whether this process now holds the file alone; systems without such locks say yes."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(file).st_nlink > 0  # else its holder has just given it its name

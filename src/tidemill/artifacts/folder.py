"""An open folder of the local file system, whose names are reached through its handle.

A walk from a root through handles, refusing links at every step, cannot be led elsewhere by somebody who swaps a
folder for a link meanwhile. Where the system has no such calls (Windows) plain paths take their place.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from tidemill.errors import InternalError, InvalidParameter, NotFound, PermissionDenied, TidemillError

_HANDLES = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_PLAIN = _NOFOLLOW | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not make us wait


class Folder:
    """A folder held open. Close it, or use it as a context manager. All methods raise OSError."""

    def __init__(self, path: str, handle: int | None) -> None:
        self._path = path
        self._handle = handle

    @classmethod
    def open(cls, path: str) -> "Folder":
        """The folder at `path`, links followed: for roots, which the operator chose."""
        if not _HANDLES:
            os.stat(path)
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY))

    def enter(self, name: str, create: bool = False) -> "Folder":
        """The folder `name` in this one, never through a link; made, durably, where missing and `create` says so."""
        inside, handle = self._at(name)
        if create:
            try:
                os.mkdir(inside, dir_fd=handle)
            except FileExistsError:
                pass
            else:
                self.sync()
        if handle is None:
            if not stat.S_ISDIR(os.lstat(inside).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), inside)
            return Folder(inside, None)
        opened = os.open(inside, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW, dir_fd=handle)
        return Folder(os.path.join(self._path, name), opened)

    def make_private(self, name: str) -> "Folder":
        """A new folder `name` that only this user can enter; FileExistsError where it is taken."""
        inside, handle = self._at(name)
        os.mkdir(inside, 0o700, dir_fd=handle)
        return self.enter(name)

    def open_file(self, name: str, flags: int) -> int:
        """A file descriptor of the regular file `name`; new files get the user's usual permissions."""
        inside, handle = self._at(name)
        opened = os.open(inside, flags | _PLAIN, 0o666, dir_fd=handle)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise IsADirectoryError(errno.EISDIR, "not a regular file", inside)
        return opened

    def stat(self, name: str) -> os.stat_result | None:
        """What is at `name` itself (links are not followed), or None."""
        inside, handle = self._at(name)
        try:
            return os.stat(inside, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def entries(self) -> list[tuple[str, os.stat_result]]:
        """Every name with what it is; links are not followed. Names that vanish meanwhile are left out."""
        found = []
        with os.scandir(self._path if self._handle is None else self._handle) as scan:
            for entry in scan:
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue
        return found

    def rename(self, name: str, target: "Folder", new_name: str) -> None:
        """Move the file `name` to `target`, over what may be there."""
        inside, handle = self._at(name)
        goal, goal_handle = target._at(new_name)
        os.replace(inside, goal, src_dir_fd=handle, dst_dir_fd=goal_handle)

    def remove(self, name: str) -> None:
        """Remove the file, link or whole folder `name`; nothing there is fine. Links are removed, never followed."""
        inside, handle = self._at(name)
        there = self.stat(name)
        if there is None:
            return
        with suppress(FileNotFoundError):  # somebody else was faster
            if stat.S_ISDIR(there.st_mode):
                shutil.rmtree(inside, dir_fd=handle)
            else:
                os.unlink(inside, dir_fd=handle)

    def remove_empty(self, name: str) -> None:
        """Remove the empty folder `name`."""
        inside, handle = self._at(name)
        os.rmdir(inside, dir_fd=handle)

    def sync(self) -> None:
        """Make names that were added, moved or removed survive a crash."""
        if self._handle is not None:
            os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the handle. A second time does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _at(self, name: str) -> tuple[str, int | None]:
        return (os.path.join(self._path, name), None) if self._handle is None else (name, self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def walk(root: str, parts: Sequence[str], create: bool = False) -> Folder:
    """The folder `parts` below `root`, entered step by step; with `create` each missing one is made, the root too."""
    steps = list(parts)
    while create and not os.path.isdir(root):
        root, name = os.path.split(root)
        steps.insert(0, name)
    folder = Folder.open(root)
    for step in steps:
        with folder as here:
            folder = here.enter(step, create)
    return folder


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Turn the system's errors into Tidemill's, for work on the artifact `path`."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path) from error


def _translated(error: OSError, path: str) -> TidemillError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"No such artifact: '{path}'")
    if isinstance(error, NotADirectoryError):
        return InvalidParameter(f"'{path}' leads through a file as if it were a folder; choose another path.")
    if isinstance(error, IsADirectoryError):
        return InvalidParameter(f"'{path}' is a folder, not a file; choose another path.")
    if isinstance(error, PermissionError):
        return PermissionDenied(f"The system does not allow access to '{path}': {error.strerror}.")
    if error.errno in (errno.ELOOP, errno.EINVAL, errno.EILSEQ):
        return InvalidParameter("Invalid path")
    if error.errno == errno.ENAMETOOLONG:
        return InvalidParameter(f"'{path[:80]}…' is longer than this file system allows; choose a shorter name.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InternalError(f"No space is left for '{path}'; free some and try again.")
    return InternalError(f"The file system failed at '{path}': {error.strerror or error}.")

"""Artifacts in a folder of this machine (or one mounted here, NFS say).

A file is written in a private folder beside its place, flushed to the disk, and moved there in one step. Links are
followed only as far as they stay below the root.
"""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Self

from tidemill.artifacts.folder import Folder, file_errors, walk
from tidemill.artifacts.storage import (
    CHUNK_SIZE,
    HIDDEN,
    Chunk,
    Listing,
    PartWriter,
    Storage,
    Writer,
    check_range,
    file_path,
    storage_path,
)
from tidemill.errors import InvalidParameter, NotFound
from tidemill.types.artifacts import FileInfo

_STAGE = HIDDEN + "stage-"
_PARTS = HIDDEN + "parts-"
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_MOST_PARTS = 10_000
_FLUSH_BYTES = 32 << 20


class LocalStorage(Storage):
    """The folder `root` (a path; links in it are followed once, now). It is made when something is first written."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)

    def list(self, path: str = "") -> Listing:
        """See Storage. Links that lead out of the root, and what is neither file nor folder, are left out."""
        clean = storage_path(path)
        with file_errors(path):
            try:
                with walk(self.root, self._parts(clean)) as folder:
                    entries = folder.entries()
            except (FileNotFoundError, NotADirectoryError):
                return []
        found = (self._info(f"{clean}/{_text(name)}" if clean else _text(name), there) for name, there in entries)
        return sorted((info for info in found if info is not None), key=lambda info: info.path)

    def stat(self, path: str) -> FileInfo | None:
        """See Storage."""
        clean = storage_path(path)
        parts = self._parts(clean)
        with file_errors(path):
            try:
                with walk(self.root, parts[:-1]) as folder:
                    there = folder.stat(parts[-1] if parts else ".")
            except (FileNotFoundError, NotADirectoryError):
                return None
        return None if there is None else _file_info(clean, there)

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See Storage."""
        check_range(start, length)
        parts = self._parts(file_path(path))
        with file_errors(path):
            try:
                with walk(self.root, parts[:-1]) as folder:
                    return FileChunks(folder.open_file(parts[-1], os.O_RDONLY), start, length)
            except (IsADirectoryError, NotADirectoryError, IndexError):  # IndexError: a link to the root
                raise NotFound(f"No such artifact: '{path}'") from None

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """See Storage. `size_hint` is not used."""
        folder, name = self.place(path)
        with file_errors(path):
            return LocalWriter(folder, name, path)

    def delete(self, path: str) -> None:
        """See Storage. A link is removed itself; what it points to stays."""
        *parents, name = file_path(path).split("/")
        with file_errors(path):
            try:
                folder = walk(self.root, self._parts("/".join(parents)))
            except (FileNotFoundError, NotADirectoryError):
                return
            with folder:
                folder.remove(name)
                folder.sync()

    def multipart_create(self, path: str) -> str:
        """See Storage. Parts lie in a private folder beside the file's place until they are put together."""
        upload_id = secrets.token_hex(16)
        folder, _ = self.place(path)
        with file_errors(path), folder:
            folder.make_private(_PARTS + upload_id).close()
        return upload_id

    def multipart_part(self, path: str, upload_id: str, number: int) -> PartWriter:
        """See Storage."""
        if not 1 <= number <= _MOST_PARTS:
            raise InvalidParameter(f"A part's number must be between 1 and {_MOST_PARTS}, not {number}.")
        with file_errors(path):
            return _LocalPartWriter(self._upload(path, upload_id), number, path)

    def multipart_complete(self, path: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> int:
        """See Storage."""
        names = [_part_name(number, etag) for number, etag in sorted(parts)]
        if not names or len({number for number, _ in parts}) != len(names):
            raise InvalidParameter("A multipart upload is completed with one or more parts, each named once.")
        with self._upload(path, upload_id) as folder:
            for name in names:
                if folder.stat(name) is None:
                    raise InvalidParameter(f"Part {int(name[:5])} with that ETag was not sent; send it again.")
            with self.open_writer(path) as writer:
                for name in names:
                    with file_errors(path), FileChunks(folder.open_file(name, os.O_RDONLY)) as chunks:
                        for chunk in chunks:
                            writer.write(chunk)
                size = writer.commit()
        self.multipart_abort(path, upload_id)
        return size

    def multipart_abort(self, path: str, upload_id: str) -> None:
        """See Storage."""
        parts = self._parts(file_path(path))
        if _UPLOAD_ID.fullmatch(upload_id):
            with suppress(NotFound), file_errors(path), walk(self.root, parts[:-1]) as folder:
                folder.remove(_PARTS + upload_id)

    def sweep(self, older_than_s: float = 7 * 86400) -> int:
        """Remove what crashed or forgotten uploads left behind more than `older_than_s` seconds ago; how many."""
        before, removed = time.time() - older_than_s, 0
        for path, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                if name.startswith(HIDDEN) and os.lstat(os.path.join(path, name)).st_mtime < before:
                    with file_errors(name), Folder.open(path) as folder:
                        folder.remove(name)
                    removed += 1
            folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        return removed

    def place(self, path: str) -> tuple[Folder, str]:
        """The folder that holds the file `path` or will hold it, made where missing and open, and its name there."""
        parts = self._parts(file_path(path)) or ["."]
        with file_errors(path):
            return walk(self.root, parts[:-1], create=True), parts[-1]

    def _parts(self, clean: str) -> Sequence[str]:
        """The names that lead from the root to `clean` with all links resolved; InvalidParameter if they lead out."""
        try:
            real = os.path.realpath(os.path.join(self.root, *clean.split("/")))
        except (OSError, ValueError):
            raise InvalidParameter("Invalid path") from None
        if real == self.root:
            return []
        inside = self.root.rstrip(os.sep) + os.sep
        if not real.startswith(inside):
            raise InvalidParameter("Invalid path")
        return real[len(inside) :].split(os.sep)

    def _info(self, path: str, there: os.stat_result) -> FileInfo | None:
        if path.rpartition("/")[2].startswith(HIDDEN):
            return None
        if stat.S_ISLNK(there.st_mode):
            try:
                return self.stat(path)
            except InvalidParameter:
                return None
        return _file_info(path, there)

    def _upload(self, path: str, upload_id: str) -> Folder:
        parts = self._parts(file_path(path))
        try:
            if _UPLOAD_ID.fullmatch(upload_id):
                return walk(self.root, [*parts[:-1], _PARTS + upload_id])
        except FileNotFoundError:
            pass
        raise NotFound(f"There is no multipart upload '{upload_id}' of '{path}'; start one.")


class FileChunks:
    """An open file's bytes from `start`, at most `length`, chunk by chunk. Owns the descriptor; closes at the end."""

    def __init__(self, descriptor: int, start: int = 0, length: int | None = None) -> None:
        self._file = descriptor
        self._left = length
        if start:
            os.lseek(descriptor, start, os.SEEK_SET)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        size = CHUNK_SIZE if self._left is None else min(CHUNK_SIZE, self._left)
        chunk = os.read(self._file, size) if size and self._file >= 0 else b""
        if not chunk:
            self.close()
            raise StopIteration
        if self._left is not None:
            self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file. A second time does nothing."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class LocalWriter(Writer):
    """Writes the file `name` (which may change until the commit) of `folder`, which it owns and closes.

    Raises OSError while it is made, and afterwards what file_errors makes of them.
    """

    def __init__(self, folder: Folder, name: str, path: str) -> None:
        self.name = name
        self._folder, self._path, self._file = folder, path, -1
        self._flushed = 0
        self._stage_name = _STAGE + secrets.token_hex(8)
        there = folder.stat(name)
        if there is not None and stat.S_ISDIR(there.st_mode):
            self._open = False
            raise IsADirectoryError(errno.EISDIR, "is a folder", name)
        self._stage = folder.make_private(self._stage_name)
        self._file = self._stage.open_file("file", os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def _write(self, chunk: Chunk) -> None:
        with file_errors(self._path):
            written = os.write(self._file, chunk)
            while written < len(chunk):  # the disk is nearly full, or the chunk is larger than one call takes
                written += os.write(self._file, memoryview(chunk)[written:])
            if self.size + written - self._flushed >= _FLUSH_BYTES:
                self._start_flush(self.size + written)

    def _start_flush(self, end: int) -> None:
        """Let the disk begin with what is written so far: the flush before the commit then has little left to do."""
        if hasattr(os, "posix_fadvise"):
            # Not dropped from the cache, as it is dirty still; Linux only starts to write it.
            os.posix_fadvise(self._file, self._flushed, end - self._flushed, os.POSIX_FADV_DONTNEED)
        self._flushed = end

    def _commit(self) -> None:
        with file_errors(self._path):
            os.fsync(self._file)
            self._close_file()
            self._stage.rename("file", self._folder, self.name)
            self._stage.close()
            self._folder.remove_empty(self._stage_name)
            self._folder.sync()
        self._folder.close()

    def _abort(self) -> None:
        self._close_file()
        with suppress(OSError):
            self._folder.remove(self._stage_name)
        self._folder.close()

    def _close_file(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.abort()


class _LocalPartWriter(PartWriter):
    """Writes a part under a name that holds its number and its digest, so that `complete` finds just what it names."""

    def __init__(self, uploads: Folder, number: int, path: str) -> None:
        self._number = number
        self._digest = sha256()
        self._inner = LocalWriter(uploads, "part", path)

    def _write(self, chunk: Chunk) -> None:
        self._digest.update(chunk)
        self._inner.write(chunk)

    def _commit(self) -> None:
        self.etag = self._digest.hexdigest()
        self._inner.name = _part_name(self._number, self.etag)
        self._inner.commit()

    def _abort(self) -> None:
        self._inner.abort()


def _part_name(number: int, etag: str) -> str:
    etag = etag.strip('"')
    if not (1 <= number <= _MOST_PARTS and re.fullmatch("[0-9a-f]{64}", etag)):
        raise InvalidParameter(f"Part {number} has an ETag that this storage did not give; send the part again.")
    return f"{number:05d}-{etag}"


def _text(name: str) -> str:
    """A name that is not UTF-8 is shown with backslashes: seen, but out of reach of any path."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _file_info(path: str, there: os.stat_result) -> FileInfo | None:
    if stat.S_ISDIR(there.st_mode):
        return FileInfo(path, is_dir=True)
    return FileInfo(path, is_dir=False, file_size=there.st_size) if stat.S_ISREG(there.st_mode) else None
